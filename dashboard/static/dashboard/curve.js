// Draws the curve from what stands in `data-curve`: units by their number, so that each has as much
// room as another; their names come from the service, in the project's zone.
"use strict";

const HEIGHT_FALLBACK = 270;
const charts = new WeakMap();

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function shorten(number) {
  if (number === null || number === undefined) return "–";
  const steps = [[1e9, "B"], [1e6, "M"], [1e3, "k"]];
  if (Math.abs(number) < 10000) return Number.isInteger(number) ? number.toLocaleString("en") : String(+number.toFixed(2));
  const [size, letter] = steps.find(step => Math.abs(number) >= step[0]);
  const whole = number / size;
  const digits = whole >= 100 ? 0 : whole >= 10 ? 1 : 2;
  return (Math.floor(whole * 10 ** digits) / 10 ** digits).toFixed(digits) + letter;
}

function lasting(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds), minutes = Math.floor(whole / 60);
  const two = number => String(number).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  return minutes < 60 ? `${minutes}m ${two(whole % 60)}s` : `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

const percent = digits => share => share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)}%`;
const writers = {
  bounceRate: percent(1), conversionRate: percent(2), visitDuration: lasting, engagedSeconds: lasting,
  viewsPerVisit: number => number === null || number === undefined ? "–" : number.toFixed(2),
};
const writerOf = metric => writers[metric] || shorten;

// A line cannot be dashed in part: two that share a point stand in for it.
function divide(values, partial) {
  const isPartial = new Set(partial);
  const whole = values.map((value, index) => isPartial.has(index) ? null : value);
  const dashed = values.map((value, index) =>
    isPartial.has(index) || isPartial.has(index - 1) || isPartial.has(index + 1) ? value : null);
  return [whole, dashed];
}

function drawCurve(place) {
  charts.get(place)?.destroy();
  place.querySelector(":scope > .line")?.remove();
  const data = JSON.parse(place.dataset.curve);
  const [whole, dashed] = divide(data.values, data.partial);
  const count = data.values.length;
  const before = data.before.length ? data.before.slice(0, count) : null;
  while (before && before.length < count) before.push(null);
  const write = writerOf(data.metric);
  const accent = colour("--accent"), soft = colour("--soft");
  const alone = (chart, series, index) => {
    const values = chart.data[series];
    return values[index] !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null;
  };
  const points = { show: (chart, series) => chart.data[series].some((_, index) => alone(chart, series, index)), size: 5, fill: accent,
    filter: (chart, series) => chart.data[series].flatMap((_, index) => alone(chart, series, index) ? [index] : []) };
  const line = { stroke: accent, width: count > 400 ? 1 : 2, points, spanGaps: false };
  const rows = [[...Array(count).keys()], whole, dashed];
  const series = [{}, { ...line, fill: colour("--wash") }, { ...line, fill: colour("--wash"), dash: [4, 4] }];
  if (before) {
    rows.splice(1, 0, before);
    series.splice(1, 0, { stroke: colour("--before"), width: 1.5, dash: [2, 3], points: { show: false } });
  }
  const font = "12px system-ui, sans-serif";
  const axis = { stroke: soft, font, ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
  const chart = new uPlot({
    width: place.clientWidth, height: place.clientHeight || HEIGHT_FALLBACK,
    padding: [12, 28, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7, fill: accent, stroke: colour("--surface"), width: 2 } },
    scales: { x: { time: false, range: [count > 1 ? 0 : -1, Math.max(count - 1, 1)] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 30, space: 76, incrs: [1, 2, 3, 4, 6, 7, 12, 14, 28, 60, 120, 180, 240, 360, 720],
        values: (_, at) => at.map(index => Number.isInteger(index) ? data.labels[index] ?? "" : "") },
      { ...axis, size: (chart, shown) => 14 + 7 * Math.max(...(shown || [""]).map(text => text.length)), space: 52,
        incrs: isCounted(data.metric) ? [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1e3, 2e3, 2.5e3, 5e3, 1e4, 2e4, 2.5e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1e8, 1e9] : undefined,
        values: (_, at) => at.map(write) },
    ],
    series,
    hooks: { setCursor: [showTip(place, data, write)] },
  }, rows, place);
  charts.set(place, chart);
  resizing.observe(place);
}

const nameOf = (data, idx) => {
  const label = data.label.toLowerCase();
  return data.values[idx] === 1 && isCounted(data.metric) ? label.replace(/s$/, "") : label;
};

// Of two values side by side, how each is called; else nothing.
function nameSide(data, index) {
  if (!data.sides) return "";
  const [key, label] = data.sides[index];
  return (nameOfKey(data.field, key) || label).slice(0, 60);
}

const isCounted = metric => ["visitors", "visits", "views", "events", "conversions"].includes(metric);

const resizing = new ResizeObserver(entries => {
  for (const { target, contentRect } of entries) {
    const chart = charts.get(target);
    if (chart && target.isConnected && chart.width !== Math.round(contentRect.width)) {
      chart.setSize({ width: Math.round(contentRect.width), height: Math.round(contentRect.height) });
    }
  }
});

function showTip(place, data, write) {
  return chart => {
    let tip = place.querySelector(".tip");
    const { idx, left } = chart.cursor;
    if (idx === null || idx === undefined || left < 0 || data.values[idx] === undefined) {
      tip?.remove();
      return;
    }
    if (!tip) {
      tip = document.createElement("div");
      tip.className = "tip";
      place.append(tip);
    }
    const lines = [Object.assign(document.createElement("span"), { textContent: data.titles[idx] + (data.partial.includes(idx) ? " · not whole" : "") }),
      Object.assign(document.createElement("strong"), { textContent: data.sides ? `${nameSide(data, 0)}: ${write(data.values[idx])}` : `${write(data.values[idx])} ${nameOf(data, idx)}` })];
    if (data.before.length) {
      const text = `${nameSide(data, 1) || "before"}: ${write(data.before[idx] ?? null)}`;
      lines.push(Object.assign(document.createElement("span"), { className: "quiet", textContent: text }));
    }
    tip.replaceChildren(...lines);
    const over = chart.over.offsetLeft + left;
    const room = place.clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(room, over > room - 16 ? over - tip.offsetWidth - 12 : over + 12))}px`;
    tip.style.top = "8px";
  };
}

function fillTable(details, curve) {
  const data = JSON.parse(curve.dataset.curve), write = writerOf(data.metric);
  const table = document.createElement("table");
  const heads = ["Time", nameSide(data, 0) || data.label, ...(data.before.length ? [nameSide(data, 1) || "Before"] : [])];
  const head = table.createTHead().insertRow();
  for (const text of heads) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    head.append(cell);
  }
  const body = table.createTBody();
  data.values.forEach((value, index) => {
    const row = body.insertRow();
    const title = document.createElement("th");
    title.scope = "row";
    title.textContent = data.titles[index] + (data.partial.includes(index) ? " (not whole)" : "");
    row.append(title);
    row.insertCell().textContent = write(value);
    if (data.before.length) row.insertCell().textContent = write(data.before[index] ?? null);
  });
  details.append(table);
}
