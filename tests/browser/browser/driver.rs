//! A session with a browser, over the `WebDriver` protocol.

use lab::Browser;
use serde_json::{Value, json};

use crate::http;

/// A Chromium of one's own. Its profile is new.
pub(crate) struct Driver<'browser> {
    authority: String,
    session: String,
    _browser: &'browser Browser,
}

impl<'browser> Driver<'browser> {
    pub(crate) fn new(browser: &'browser Browser) -> Self {
        let authority = browser.url().trim_start_matches("http://").to_owned();
        let profile = browser.folder().join(format!("profile-{:?}", std::thread::current().id()));
        let arguments = [
            "--headless=new".to_owned(),
            // Tests run as root in containers.
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--no-proxy-server".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--user-data-dir={}", profile.display()),
        ];
        let program = Browser::program().expect("it is installed");
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": program, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let mut driver = Self { authority, session: String::new(), _browser: browser };
        let session = driver.post("/session", &wanted);
        session["sessionId"].as_str().expect("a session").clone_into(&mut driver.session);
        driver
    }

    /// Goes to `url`; returns when the page is loaded.
    pub(crate) fn go(&self, url: &str) {
        let before = self.evaluate("return performance.timeOrigin");
        self.command("/url", &json!({ "url": url }));
        // Where scripts are switched off the driver sometimes returns while the page is parsed.
        let loaded = "return document.readyState == 'complete' && performance.timeOrigin";
        lab::wait_until(url, || {
            self.try_evaluate(loaded).is_ok_and(|begun| begun.is_number() && begun != before)
        });
    }

    /// What the body of a JavaScript function returns in the page.
    pub(crate) fn evaluate(&self, body: &str) -> Value {
        self.command("/execute/sync", &json!({ "script": body, "args": [] }))
    }

    /// The same, where the page may be replaced by another one just then: what the driver says of it is an error.
    pub(crate) fn try_evaluate(&self, body: &str) -> Result<Value, String> {
        let path = format!("/session/{}/execute/sync", self.session);
        self.try_post(&path, &json!({ "script": body, "args": [] }))
    }

    /// A command of the `DevTools` protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.command("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// What the console said since it was asked the last time.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.command("/se/log", &json!({ "type": "browser" }));
        let text =
            |entry: &Value| format!("{}: {}", entry["level"].as_str().unwrap_or_default(), entry["message"]);
        entries.as_array().into_iter().flatten().map(text).collect()
    }

    /// Clicks what `selector` finds first, as a person does.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.command(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types `text` into what `selector` finds first.
    pub(crate) fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command(&format!("/element/{element}/value"), &json!({ "text": text }));
    }

    fn element(&self, selector: &str) -> String {
        let found = self.command("/element", &json!({ "using": "css selector", "value": selector }));
        let id = found.as_object().and_then(|element| element.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("no {selector}")).to_owned()
    }

    fn command(&self, path: &str, parameters: &Value) -> Value {
        self.post(&format!("/session/{}{path}", self.session), parameters)
    }

    fn post(&self, path: &str, parameters: &Value) -> Value {
        self.try_post(path, parameters).unwrap_or_else(|error| panic!("{path} {parameters}: {error}"))
    }

    fn try_post(&self, path: &str, parameters: &Value) -> Result<Value, String> {
        let answer = http::ask(&self.authority, "POST", path, &parameters.to_string());
        let answer = answer.map_err(|error| error.to_string())?;
        let json: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        if answer.status == 200 { Ok(json["value"].clone()) } else { Err(answer.text) }
    }
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        let _ = http::ask(&self.authority, "DELETE", &format!("/session/{}", self.session), "");
    }
}
