// Keeps a view fresh while somebody looks at it: asks for the same address again, and changes what changed. What is as it was stays, and
// with it focus, scrolling, selections and what was opened or typed. Loaded by views that say how often, in `data-fresh` of their main part.
"use strict";

(() => {
  const main = document.querySelector("main[data-fresh]");
  const box = document.querySelector(".fresh");
  const button = box.querySelector("button");
  const state = box.querySelector(".state-of");
  const said = document.getElementById("said");
  const truth = document.querySelector(".truth");
  const every = main.dataset.fresh * 1000;
  const KEPT = "coinpipe-paused";
  // Longer than the server lets anything take.
  const LONGEST = 20000;

  // Without storage, as some browsers have it, a pause lasts as long as the view.
  let isPaused = false;
  const remembered = () => { try { return localStorage.getItem(KEPT) !== null; } catch { return isPaused; } };
  const remember = () => { try { isPaused ? localStorage.setItem(KEPT, "1") : localStorage.removeItem(KEPT); } catch { /* as above */ } };

  let tag = null, timer = null, isAsking = false, isDue = false, isAway = false;
  // When an answer came last, and of when what is shown is: the same, unless somebody holds it.
  let seen = new Date(), shown = seen;
  const clock = (at) => at.toISOString().slice(11, 16) + " UTC";
  const level = () => truth?.querySelector(".level")?.textContent;

  function tell() {
    button.textContent = isPaused ? "Go on" : "Pause";
    state.textContent = isPaused ? `Paused: as it was at ${clock(shown)}.` : `Brought up to date every ${main.dataset.fresh} seconds while you look.`;
  }

  // Somebody is about to click: nothing moves at all.
  const isPressed = () => document.querySelector(":active") !== null;

  // Somebody types, or has selected something: nothing changes under their hands, but what stands above does.
  function isBusy() {
    const at = document.activeElement;
    const selection = getSelection();
    return (main.contains(at) && at.matches("input, select, textarea"))
      || (!selection.isCollapsed && selection.rangeCount > 0 && selection.getRangeAt(0).intersectsNode(main));
  }

  const key = (it) => (it.nodeType !== 1 ? null : it.id || (it.localName === "tr" ? it.querySelector("th a")?.getAttribute("href") : null) || null);

  // Makes the children of `old` those of `fresh`. Rows are known by where they lead, so that one that moves stays itself.
  function mergeChildren(old, fresh) {
    // Those that are gone go first: then those behind them need not move, and whatever moves loses the focus.
    const kept = new Set([...fresh.childNodes].map(key));
    for (const it of [...old.childNodes]) if (key(it) && !kept.has(key(it))) it.remove();
    const byKey = new Map([...old.childNodes].filter(key).map((it) => [key(it), it]));
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const own = key(wanted);
      // What has no name gives way to what has: then that need not move, and nothing in it loses the focus.
      if (own && byKey.has(own)) while (at && !key(at)) { const next = at.nextSibling; at.remove(); at = next; }
      const found = own ? byKey.get(own) : at && !key(at) && at.nodeName === wanted.nodeName ? at : null;
      if (!found) {
        old.insertBefore(document.importNode(wanted, true), at);
      } else {
        // Whatever moves loses the focus, so what stands before what has it moves instead.
        if (found.contains(document.activeElement)) while (at && at !== found) { const next = at.nextSibling; old.append(at); at = next; }
        if (found === at) at = at.nextSibling;
        else old.insertBefore(found, at);
        merge(found, wanted);
      }
    }
    while (at) { const next = at.nextSibling; at.remove(); at = next; }
  }

  function merge(old, fresh) {
    if (old.nodeType !== 1) { if (old.data !== fresh.data) old.data = fresh.data; return; }
    // What somebody reads in a plot, or has zoomed into, stays.
    if (old.matches("figure[data-plot]")) {
      if (old.dataset.plot !== fresh.dataset.plot && !old.matches(".zoomed, :hover")) old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.isEqualNode(fresh)) return;
    // What is typed or opened is theirs.
    if (old.matches("input:not([type=hidden]), select, textarea")) return;
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    mergeChildren(old, fresh);
  }

  function take(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const wanted = fresh.querySelector("main");
    if (!wanted) return;
    const before = level(), focused = main.contains(document.activeElement), isHeld = isBusy();
    for (const part of ["body > header", ".truth", ...(isHeld ? [] : ["main"])]) {
      const [old, other] = [document.querySelector(part), fresh.querySelector(part)];
      if (old && other) merge(old, other);
    }
    // The rest of this answer is not taken, so it is asked for once more.
    if (isHeld) tag = null;
    else shown = seen;
    // What had the focus is gone: whoever goes by keyboard goes on from here, not from the top.
    if (focused && !main.contains(document.activeElement)) { main.tabIndex = -1; main.focus({ preventScroll: true }); }
    // Ages are not read out each time, only how the pipeline is when that is another word.
    if (before !== level()) said.textContent = truth.textContent;
    document.dispatchEvent(new Event("fresh"));
  }

  // A view that is not brought up to date must not go on calling itself fresh.
  function lose(why) {
    if (isAway || !truth) return;
    isAway = true;
    tag = null;
    const sign = document.createElement("span");
    sign.className = "level bad";
    sign.textContent = "■ Not brought up to date";
    truth.replaceChildren(sign, ` since ${clock(seen)}: ${why}.`);
    said.textContent = truth.textContent;
  }

  async function ask() {
    isAsking = true;
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(location.pathname + location.search, { headers, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(LONGEST) });
      const text = answer.status === 200 ? await answer.text() : "";
      // While it was asked, somebody may have begun something.
      if (isPaused || isPressed()) return;
      if (answer.status !== 200 && answer.status !== 304) return lose(answer.status === 401 ? "log in again" : `the server says ${answer.status}`);
      isAway = false;
      seen = new Date();
      if (answer.status === 304) { shown = seen; return; }
      tag = answer.headers.get("ETag");
      take(text);
    } catch {
      lose("the server does not answer");
    } finally {
      isAsking = false;
    }
  }

  // Whoever does not look costs nothing; whoever comes back sees at once how it is.
  async function turn() {
    timer = null;
    isDue = document.visibilityState !== "visible";
    if (!isPaused && !isDue && !isPressed()) await ask();
    plan();
  }

  function plan() {
    if (timer === null && !isPaused) timer = setTimeout(turn, every);
  }

  function set(paused) {
    isPaused = paused;
    clearTimeout(timer);
    timer = null;
    tell();
    plan();
  }

  button.addEventListener("click", () => { set(!isPaused); remember(); if (!isPaused && !isAsking) { clearTimeout(timer); turn(); } });
  // The other tabs, too.
  addEventListener("storage", (event) => { if (event.key === KEPT) set(remembered()); });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || !isDue || isPaused || isAsking) return;
    clearTimeout(timer);
    turn();
  });
  button.hidden = false;
  set(remembered());
})();
