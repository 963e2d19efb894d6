//! Whether everybody can use a view: contrast, names, headings, tables. The rules are those of WCAG 2.2 AA that a program can see.

use crate::driver::Driver;

const COMPLAIN: &str = r"
    const said = [];
    const all = selector => [...document.querySelectorAll(selector)];
    const short = it => it.outerHTML.replace(/\s+/g, ' ').slice(0, 100);
    const shown = it => it.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const cache = new Map();
    const parts = color => {
        if (!cache.has(color)) {
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = color;
            canvas.fillRect(0, 0, 1, 1);
            const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
            cache.set(color, [r, g, b, a / 255]);
        }
        return cache.get(color);
    };
    const over = ([r, g, b, a], under) => [r, g, b].map((part, at) => part * a + under[at] * (1 - a));
    const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
    const ground = it => {
        const layers = [];
        for (let at = it; at; at = at.parentElement) layers.push(parts(getComputedStyle(at).backgroundColor));
        return layers.reverse().reduce((under, layer) => over(layer, under), isDark ? [18, 18, 18] : [255, 255, 255]);
    };
    const light = color => {
        const [r, g, b] = color.map(part => part / 255).map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
        const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
        return (high + 0.05) / (low + 0.05);
    };
    const seen = new Set();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const it = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || seen.has(it) || !shown(it) || it.closest('svg, script, [disabled]')) continue;
        seen.add(it);
        const style = getComputedStyle(it), under = ground(it);
        const found = contrast(over(parts(style.color), under), under);
        const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        if (found < (isLarge ? 3 : 4.5) - 0.01) said.push(`contrast ${found.toFixed(2)}: ${short(it)}`);
    }
    const name = it => (it.getAttribute('aria-label') || it.labels && [...it.labels].map(it => it.innerText).join(' ')
        || (it.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id)?.innerText || '').join('')
        || it.innerText || it.querySelector('img, svg [role=img], svg title')?.textContent || it.title || '').trim();
    for (const it of all('a[href], button, input:not([type=hidden]), select, textarea, summary, [role=region]'))
        if (shown(it) && !name(it)) said.push(`without a name: ${short(it)}`);
    for (const it of all('img:not([alt])')) said.push(`without alt: ${short(it)}`);
    for (const it of all('svg:not([aria-hidden=true])'))
        if (!it.closest('[aria-hidden=true]') && (it.getAttribute('role') != 'img' || !(it.getAttribute('aria-label') || it.getAttribute('aria-labelledby') || it.querySelector('title'))))
            said.push(`an image without a text: ${short(it)}`);
    for (const table of all('table')) {
        if (!table.querySelector('th[scope]')) said.push(`a table without headings: ${short(table)}`);
        if (!table.caption && !table.getAttribute('aria-label') && !table.getAttribute('aria-labelledby'))
            said.push(`a table without a name: ${short(table)}`);
    }
    for (const caption of all('.scroll caption')) {
        const scroll = caption.closest('.scroll'), at = scroll.scrollLeft;
        for (const to of [0, scroll.scrollWidth]) {
            scroll.scrollLeft = to;
            const [box, seen] = [caption.getBoundingClientRect(), scroll.getBoundingClientRect()];
            if (box.left < seen.left - 1 || box.right > seen.right + 1) said.push(`a caption out of sight: ${short(caption)}`);
            else if (box.width < seen.width * 0.8) said.push(`a narrow caption: ${short(caption)}`);
        }
        scroll.scrollLeft = at;
    }
    for (const it of all('label[for]')) {
        const field = document.getElementById(it.htmlFor);
        if (!field || !shown(it) || !shown(field)) continue;
        const [one, other] = [it.getBoundingClientRect(), field.getBoundingClientRect()];
        const isBeside = one.top < other.bottom && other.top < one.bottom;
        if (isBeside && other.left - one.right < 4 && one.left - other.right < 4) said.push(`a label that touches its field: ${short(it)}`);
    }
    let rank = 0;
    for (const it of all('h1, h2, h3, h4, h5, h6')) {
        if (it.tagName[1] > rank + 1) said.push(`a heading of a rank too low: ${short(it)}`);
        rank = +it.tagName[1];
    }
    const ids = all('[id]').map(it => it.id);
    for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) != at))) said.push(`the id ${id} twice`);
    if (!document.documentElement.lang) said.push('no language');
    if (all('main').length != 1) said.push(`${all('main').length} main parts`);
    const touch = matchMedia('(max-width: 600px)').matches;
    for (const it of all('button, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), select')) {
        const box = it.getBoundingClientRect();
        if (touch && shown(it) && (box.height < 24 || box.width < 24)) said.push(`too small for a finger (${box.width}x${box.height}): ${short(it)}`);
    }
    return [...new Set(said)].slice(0, 20);
";

/// What somebody would stumble over in the view that is shown.
pub(crate) fn complaints(driver: &Driver<'_>) -> Vec<String> {
    let said = driver.evaluate(COMPLAIN);
    said.as_array().into_iter().flatten().map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
}
