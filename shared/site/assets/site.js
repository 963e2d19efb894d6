// Progressive enhancement only: every view can be read and used without this file.
"use strict";

(() => {
  // A choice in a filter is taken at once. The button stays for the text, and for whoever goes by keyboard.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-filter]");
    if (form && event.target.matches("select, [type=checkbox]")) form.requestSubmit();
  });

  // Plots, drawn anew for hovering and zooming. The numbers are those of the drawing that was there.
  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
  const exactly = (value) => (value == null ? "–" : Math.abs(value) >= 1e6 ? short.format(value) : number.format(value));
  const when = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 16) + " UTC";
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // By the distance of the labels, in seconds: the label, and what stands below the first one of a year or a day.
  const instants = [
    [31536000, "{YYYY}", null, null, null, null, null, null, 1],
    [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [86400, "{MMM} {D}", "\n{YYYY}", null, null, null, null, null, 1],
    [60, "{HH}:{mm}", null, null, "\n{MMM} {D}", null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", null, null, "\n{MMM} {D}", null, null, null, 1],
  ];
  const dashes = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

  // Where points are alone between gaps, no line leads to them: they are dots.
  function alone(line) {
    const known = line.flatMap((value, index) => (value === undefined ? [] : [index]));
    const isThere = (place) => line[known[place]] != null;
    return known.filter((_, place) => isThere(place) && !isThere(place - 1) && !isThere(place + 1));
  }
  // A line without any change lies in the middle.
  function around(plot, low, high) {
    const room = Math.abs(low) / 10 || 1;
    return low === high ? [low - room, high + room] : uPlot.rangeNum(low, high, 0.1, true);
  }

  function draw(figure) {
    const canvas = figure.querySelector(".canvas");
    if (!canvas || !window.uPlot) return;
    const data = JSON.parse(figure.dataset.plot);
    // Of plots whose points stand for many: the highest and the lowest around each.
    const { at: bounded = [], high: highs = [], low: lows = [] } = data.ranges ?? {};
    const bounds = data.ranges ? [{ at: bounded, values: highs }, { at: bounded, values: lows }] : [];
    const drawn = [...data.lines, ...bounds];
    const at = [...new Set(drawn.flatMap((line) => line.at))].sort((a, b) => a - b);
    const values = drawn.map((line) => {
      const of = new Map(line.at.map((second, index) => [second, line.values[index]]));
      return at.map((second) => (of.has(second) ? of.get(second) : undefined));
    });
    const [high, low] = values.slice(data.lines.length);
    const rangeAt = (index) => {
      const isOne = high?.[index] == null || high[index] === low[index];
      return isOne ? "" : ` (lowest ${exactly(low[index])}, highest ${exactly(high[index])})`;
    };
    const reading = figure.querySelector(".reading");
    reading.textContent = "Point to read, drag to zoom, double-click for all.";
    const size = () => ({ width: Math.floor(canvas.clientWidth), height: Math.floor(canvas.clientHeight) });
    const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "13px system-ui, sans-serif" };
    const { width, height } = size();
    canvas.classList.add("drawn");
    const plot = new uPlot({
      // Half of the last label stands to the right of its line.
      width, height, padding: [10, 28, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: {
        x: { time: true, range: (_, low, high) => (low <= at[0] && high >= at[at.length - 1] ? [data.from, data.until] : [low, high]) },
        y: data.area ? { range: (_, low, high) => [Math.min(0, low), high <= 0 ? 1 : high * 1.05] } : { range: around },
      },
      axes: [
        { ...axis, space: 70, values: instants },
        { ...axis, size: 68, values: (_, ticks) => ticks.map(exactly) },
      ],
      series: [
        {},
        ...data.lines.map((line, index) => ({
          label: line.name, stroke: color(`--line-${index}`), width: 2, dash: dashes[index], spanGaps: false,
          fill: data.area ? color(`--line-${index}`) + "26" : undefined, points: { size: 6, show: at.length < 3, filter: (_, series, isShown) => (isShown ? null : alone(values[series - 1])) },
        })),
        ...bounds.map(() => ({ stroke: color("--line-0") + "40", width: 1, spanGaps: false, points: { show: false } })),
      ],
      // Series 0 are the instants.
      bands: data.ranges ? [{ series: [data.lines.length + 1, data.lines.length + 2], fill: color("--line-0") + "33" }] : [],
      legend: { show: false },
      cursor: { drag: { x: true, y: false } },
      hooks: {
        setScale: [(u, scale) => {
          const { min, max } = u.scales.x;
          if (scale === "x") figure.classList.toggle("zoomed", min > Math.min(data.from, at[0]) || max < Math.max(data.until, at[at.length - 1]));
        }],
        setCursor: [(u) => {
          const index = u.cursor.idx;
          if (index == null) return;
          const parts = data.lines.map((line, number) => `${line.name} ${exactly(values[number][index])}`);
          reading.textContent = `${when(at[index])}: ${parts.join(", ")}${rangeAt(index)}`;
        }],
      },
    }, [at, ...values], canvas);
    new ResizeObserver(() => { const to = size(); if (to.width !== plot.width) plot.setSize(to); }).observe(canvas);
    return plot;
  }

  const plots = new Map();
  function drawAll(figures) {
    for (const [figure, plot] of plots) {
      if (figure.isConnected && !figures.includes(figure)) continue;
      plot?.destroy();
      plots.delete(figure);
    }
    for (const figure of figures) plots.set(figure, draw(figure));
  }
  const figures = () => [...document.querySelectorAll("figure[data-plot]")];
  drawAll(figures());
  // The view was brought up to date: some figures are new.
  document.addEventListener("fresh", () => drawAll(figures().filter((figure) => !plots.has(figure))));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(figures()));
})();
