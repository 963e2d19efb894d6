//! One view as a browser shows it, and what every view must be.

use std::fmt;

use serde_json::{Value, json};

use crate::driver::Driver;
use crate::people;

/// How somebody looks at a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Width of the window, in pixels.
    pub(crate) width: u32,
    pub(crate) is_dark: bool,
    pub(crate) has_script: bool,
}

impl Look {
    /// A telephone and a desk, light and dark, with JavaScript and without.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let of = |width| [true, false].map(move |is_dark| (width, is_dark));
        let with = |(width, is_dark)| [true, false].map(|has_script| Self { width, is_dark, has_script });
        [390, 1280].into_iter().flat_map(of).flat_map(with)
    }

    /// Makes the browser look so from the next page on.
    pub(crate) fn take(self, driver: &Driver<'_>) {
        let height = if self.width < 600 { 844 } else { 900 };
        let size = json!({ "width": self.width, "height": height, "deviceScaleFactor": 1, "mobile": self.width < 600 });
        driver.devtools("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if self.is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        driver.devtools("Emulation.setEmulatedMedia", &features);
        driver.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": !self.has_script }));
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_dark { "dark" } else { "light" };
        let script = if self.has_script { "with" } else { "without" };
        write!(f, "{} px, {scheme}, {script} JavaScript", self.width)
    }
}

/// Runs in every page before anything of it: what moves, and what the policy refuses.
const WATCH: &str = "
    window.seenShift = 0;
    window.seenRefusals = [];
    window.seenCut = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, ...rest) {
        const { a, e } = this.getTransform(), width = this.measureText(text).width;
        const before = { center: width / 2, right: width, end: width }[this.textAlign] ?? 0;
        const left = a * (x - before) + e, right = a * (x - before + width) + e;
        if (left < -1 || right > this.canvas.width + 1) window.seenCut.push(text);
        return write.call(this, text, x, ...rest);
    };
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.seenShift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    document.addEventListener('securitypolicyviolation', event =>
        window.seenRefusals.push(event.violatedDirective + ' ' + event.blockedURI));
";

/// Has the browser watch what every view must be.
pub(crate) fn watch(driver: &Driver<'_>) {
    driver.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WATCH }));
}

const MEASURE: &str = "
    const all = selector => [...document.querySelectorAll(selector)];
    const root = document.documentElement;
    const wide = all('body *').filter(it => it.getBoundingClientRect().right > root.clientWidth + 1
        && it.getClientRects().length && getComputedStyle(it).position != 'absolute'
        && !it.closest('.scroll, [role=region]'));
    return {
        status: performance.getEntriesByType('navigation')[0].responseStatus,
        title: document.title,
        headings: all('h1').map(it => it.innerText.trim()),
        rows: all('main tbody tr').length,
        text: document.body.innerText,
        overflow: Math.max(root.scrollWidth, document.body.scrollWidth) - root.clientWidth,
        wide: wide.slice(0, 5).map(it => it.outerHTML.slice(0, 120)),
        inline: all('[style], style, script:not([src]), [onclick], [onload], [onerror], [onsubmit], [onchange]')
            // What a script of ours moves about is no markup that came with the view.
            .filter(it => !it.closest('.uplot')).map(it => it.outerHTML.slice(0, 120)),
        foreign: all('[src], link[href], form[action]').map(it => it.src || it.href || it.action)
            .filter(it => it && new URL(it, location).origin != location.origin && !it.startsWith('data:')),
        shift: window.seenShift ?? null,
        refusals: window.seenRefusals ?? [],
        cut: (window.seenCut ?? []).slice(0, 5),
        scheme: getComputedStyle(document.body).backgroundColor + ' on ' + getComputedStyle(root).backgroundColor,
        weight: performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
            .reduce((sum, it) => sum + it.transferSize, 0),
    };
";

/// A view as it was found.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) found: Value,
    pub(crate) complaints: Vec<String>,
}

/// Goes to `url`, and says what is there and what no view should be.
pub(crate) fn look(driver: &Driver<'_>, url: &str, look: Look) -> Seen {
    look.take(driver);
    driver.console();
    driver.go(url);
    measure(driver, look)
}

/// Says what is there now, and what no view should be.
pub(crate) fn measure(driver: &Driver<'_>, look: Look) -> Seen {
    let found = driver.evaluate(MEASURE);
    let mut complaints = Vec::new();
    let mut require = |holds: bool, what: String| {
        if !holds {
            complaints.push(what);
        }
    };
    let is_empty = |key: &str| found[key].as_array().is_some_and(Vec::is_empty);
    let headings = found["headings"].as_array().map_or(0, Vec::len);
    require(headings == 1, format!("{headings} headings of the first rank: {}", found["headings"]));
    let title = found["title"].as_str().unwrap_or_default();
    require(title.ends_with(" · coinpipe"), format!("its title is {title:?}"));
    let overflow = found["overflow"].as_i64().unwrap_or(i64::MAX);
    require(overflow <= 0, format!("{overflow} px wider than the window: {}", found["wide"]));
    for key in ["inline", "foreign", "refusals", "cut"] {
        require(is_empty(key), format!("{key}: {}", found[key]));
    }
    if look.has_script {
        let shift = found["shift"].as_f64().unwrap_or(f64::MAX);
        require(shift < 0.01, format!("it moves by {shift} while it is loaded"));
    }
    let weight = found["weight"].as_f64().unwrap_or(f64::MAX);
    require(weight <= 150_000.0, format!("it weighs {weight} bytes"));
    // That a view was answered with 4xx is in the console, too.
    let is_failure = found["status"].as_u64().is_some_and(|status| status >= 400);
    // The browser's own first page complains when scripts are switched off.
    let said = driver.console().into_iter().filter(|line| !line.contains(" chrome://"));
    let said = said.filter(|line| line.starts_with("SEVERE") && !(is_failure && line.contains("status of")));
    for line in said {
        require(false, format!("the console says {line}"));
    }
    for complaint in people::complaints(driver) {
        require(false, complaint);
    }
    Seen { found, complaints }
}

impl Seen {
    pub(crate) fn rows(&self) -> u64 {
        self.found["rows"].as_u64().unwrap_or_default()
    }

    pub(crate) fn status(&self) -> u64 {
        self.found["status"].as_u64().unwrap_or_default()
    }

    pub(crate) fn heading(&self) -> &str {
        self.found["headings"][0].as_str().unwrap_or_default()
    }

    pub(crate) fn text(&self) -> &str {
        self.found["text"].as_str().unwrap_or_default()
    }

    /// The ground that the text is on: another one in the dark.
    pub(crate) fn scheme(&self) -> &str {
        self.found["scheme"].as_str().unwrap_or_default()
    }
}
