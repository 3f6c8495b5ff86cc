// Draws a member: charts against epochs, its spectrum and its circles. Comes before page.js.
"use strict";

// All text comes through here as text nodes or attributes: data is never parsed as HTML.
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const html = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);
const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
const byId = (id) => document.getElementById(id);

// ---- numbers and scales ----

const isNumber = (value) => Number.isFinite(value);
const grouped = (value) => value.toLocaleString("en");
const short = (value) => (isNumber(value) ? String(Number(value.toPrecision(4))) : "–");
const range = (count, first = 0) => Array.from({ length: count }, (_, i) => first + i);

function tickLabel(value) {
  const plain = value === 0 || (value >= 1e-3 && value < 1e6);
  return plain ? grouped(Number(value.toPrecision(6))) : Number(value.toPrecision(3)).toExponential();
}

function linearTicks(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  return range(Math.floor(high / step + 1e-9) - first + 1, first).map((tick) => tick * step);
}

function logTicks(low, high) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.ceil((last - first + 1) / 7);
  const factors = high / low > 300 ? [1] : [1, 2, 5];
  const ticks = range(last - first + 1, first).filter((decade) => decade % every === 0)
    .flatMap((decade) => factors.map((factor) => factor * 10 ** decade))
    .filter((tick) => tick >= low && tick <= high);
  return ticks.length > 1 ? ticks : linearTicks(low, high);
}

// `whole`: what is counted has no tick between two numbers.
function scale([low, high], start, end, { log = false, whole = false } = {}) {
  const transform = log ? Math.log10 : Number;
  const [a, b] = [transform(low), transform(high)];
  const at = (value) => start + ((transform(value) - a) / (b - a)) * (end - start);
  const ticks = log ? logTicks(low, high) : linearTicks(low, high);
  return { at, ticks: whole ? ticks.filter(Number.isInteger) : ticks };
}

// ---- pictures ----

const BOX = { width: 420, height: 250, left: 46, right: 400, top: 32, bottom: 212 };
const round = (value) => value.toFixed(1);
const stroke = (kind, d) => svg("path", { class: kind, d });
const text = (kind, x, y, words) => svg("text", { class: kind, x: round(x), y: round(y) }, words);
const rect = (kind, left, right, top, bottom, tooltip) => svg("rect", {
  class: kind, x: round(left), width: round(right - left), y: round(top), height: round(bottom - top),
}, svg("title", {}, tooltip));

// Whether a label fits among those before it; if so it is added to them.
function isFree(boxes, x, y, width, height) {
  const meets = (box) => Math.abs(box.x - x) < (box.width + width) / 2 && Math.abs(box.y - y) < height;
  if (boxes.some(meets)) return false;
  boxes.push({ x, y, width });
  return true;
}

function polyline(kind, points) {
  let [d, pen] = ["", "M"];
  for (const [x, y] of points) {
    const known = isNumber(x) && isNumber(y);
    // A line of no length has round ends: a lone point is seen as a dot.
    if (known) d += `${pen}${round(x)} ${round(y)}${pen === "M" ? "h0" : ""}`;
    pen = known ? "L" : "M";
  }
  return stroke(kind, d);
}

// A picture as a file of its own, with the styles that the page gives it, in the colours of now.
function download(picture, title) {
  const copy = picture.cloneNode(true);
  const [from, to] = [picture, copy].map((node) => [node, ...node.querySelectorAll("*")]);
  const kept = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity",
    "stroke-linecap", "paint-order", "font", "text-anchor"];
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    to[i].setAttribute("style", kept.map((n) => `${n}:${style.getPropertyValue(n)}`).join(";"));
  });
  copy.querySelectorAll(".strip").forEach((strip) => strip.remove());
  const content = new XMLSerializer().serializeToString(copy);
  const href = URL.createObjectURL(new Blob([content], { type: "image/svg+xml" }));
  html("a", { href, download: `${title.replace(/[^\w.-]+/g, "-").slice(0, 80)}.svg` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

function panel(caption, keys, title, size, ...drawn) {
  const picture = svg("svg", { viewBox: `0 0 ${size}`, role: "img", "aria-label": title }, ...drawn);
  const key = ({ name, tone }) => html("span", { class: `key ${tone}` }, html("span", {}, name));
  const heading = html("span", { class: "name" }, caption);
  const save = html("button", { type: "button", class: "save", "aria-label": `${title}, as SVG` }, "SVG");
  save.addEventListener("click", () => download(picture, title));
  return html("figure", {}, html("figcaption", {}, heading, ...keys.map(key), save), picture);
}

function chart(caption, keys, member, x, y, xLabel, ...drawn) {
  const { width, height, left, right, bottom } = BOX;
  const across = (tick) => [
    stroke("grid", `M${left} ${round(y.at(tick))}H${right}`),
    text("end", left - 6, y.at(tick) + 4, tickLabel(tick)),
  ];
  const along = (tick) => [
    stroke("frame", `M${round(x.at(tick))} ${bottom}v4`),
    text("middle", x.at(tick), bottom + 16, tickLabel(tick)),
  ];
  return panel(caption, keys, `${caption}, ${member.name}`, `${width} ${height}`,
    ...y.ticks.flatMap(across), ...x.ticks.flatMap(along), stroke("frame", `M${left} ${bottom}H${right}`),
    text("middle", (left + right) / 2, height - 5, xLabel), ...drawn);
}

// Each epoch has an invisible strip that tells its values to the pointer.
function strips(epochs, series, x) {
  const shown = range(epochs.length).filter((i) =>
    isNumber(x.at(epochs[i])) && series.some(({ values }) => isNumber(values[i])));
  const middle = (n) => (x.at(epochs[shown[n]]) + x.at(epochs[shown[n + 1]])) / 2;
  return shown.map((i, n) => {
    const left = n ? middle(n - 1) : BOX.left;
    const right = n + 1 < shown.length ? middle(n) : BOX.right;
    const values = series.map(({ name, values: all }) => `${name} ${short(all[i])}`);
    const tooltip = [`epoch ${grouped(epochs[i])}`, ...values].join("\n");
    return rect("strip", left, right, BOX.top, BOX.bottom, tooltip);
  });
}

function eventLines(events, x) {
  const known = Object.entries(events ?? {})
    .filter(([, epoch]) => isNumber(epoch) && isNumber(x.at(epoch)))
    .sort((one, two) => one[1] - two[1]);
  return known.flatMap(([name, epoch], i) => {
    const [at, top] = [x.at(epoch), 12 * i]; // one label below the other: they never meet
    const [kind, beside] = at > BOX.width / 2 ? ["strong end", at - 4] : ["strong", at + 4];
    const line = stroke("event", `M${round(at)} ${top + 3}V${BOX.bottom}`);
    return [line, text(kind, beside, top + 11, `${name} ${grouped(epoch)}`)];
  });
}

// Limits of an axis with 0, and with room beyond the largest values.
function aroundZero(low, high) {
  const [bottom, top] = [Math.min(0, low * 1.05), Math.max(0, high * 1.05)];
  return [bottom, top > bottom ? top : 1];
}

// `series`: [{name, tone, values}], each value at the epoch of the same index. No data, no chart.
function curves(caption, member, epochs, series, { logX, logY = false, limits = null }) {
  const usable = (value) => isNumber(value) && (!logY || value > 0);
  const seen = series.flatMap(({ values }) => values).filter(usable);
  const reached = epochs.filter((epoch, i) =>
    (!logX || epoch > 0) && series.some(({ values }) => usable(values[i])));
  if (!reached.length) return [];
  const [low, high] = [Math.min(...seen), Math.max(...seen)];
  const x = scale([reached[0], Math.max(reached.at(-1), reached[0] + 1)], BOX.left, BOX.right,
    { log: logX, whole: true });
  const y = scale(limits ?? (logY ? [low / 1.3, high * 1.3] : aroundZero(low, high)),
    BOX.bottom, BOX.top, { log: logY });
  const lines = series.map(({ tone, values }) => polyline(`line ${tone}`,
    values.map((value, i) => [x.at(epochs[i]), usable(value) ? y.at(value) : NaN])));
  return [chart(caption, series, member, x, y, member.epoch,
    ...lines, ...eventLines(member.events, x), ...strips(epochs, series, x))];
}

function spectrum(member) {
  const shares = member.spectrum ?? [];
  const top = Math.max(0, ...shares.filter(isNumber));
  if (!top) return [];
  const keys = new Map((member.keys ?? []).map(([frequency, ...rest]) => [frequency, rest]));
  const x = scale([0.25, shares.length + 0.75], BOX.left, BOX.right, { whole: true });
  const y = scale([0, top], BOX.bottom, BOX.top - 8);
  const half = 0.36 * (x.at(2) - x.at(1));
  const [bars, keyBars, labels, boxes] = [[], [], [], []];
  const strongest = range(shares.length).filter((i) => isNumber(shares[i]))
    .sort((one, two) => shares[two] - shares[one]);
  for (const i of strongest) {
    const [share, key] = [shares[i], keys.get(i + 1)];
    const [at, up] = [x.at(i + 1), y.at(share)];
    const more = key ? `\ncircularity ${short(key[1])}\nstep ${short(key[2])}` : "";
    // Never too narrow to be seen, and key ones in front of their neighbours.
    const wide = Math.max(half, key ? 1 : 0.4);
    (key ? keyBars : bars).push(rect(key ? "bar key" : "bar", at - wide, at + wide, up, BOX.bottom,
      `frequency ${i + 1}\nshare ${short(share)}${more}`));
    if (key && isFree(boxes, at, up - 8, 7 * String(i + 1).length, 11)) {
      labels.push(text("strong middle", at, up - 4, String(i + 1)));
    }
  }
  const legend = keys.size ? [{ name: "key frequency", tone: "other" }] : [];
  return [chart(`Power of the ${member.table}, share`, legend, member, x, y, member.frequency,
    ...bars, ...keyBars, ...labels)];
}

// The tokens of one key frequency; `step` leads from each row to its neighbour on the ring.
function circle({ frequency, step, circularity, ...points }, member) {
  const [x, y] = [points.x, points.y].map((all) => all.map((value) => value / 100)); // hundredths
  const [size, radius, rows] = [280, 120, x.length];
  const far = Math.max(...x.map(Math.abs), ...y.map(Math.abs)) || 1;
  const place = (row, out = 0) => { // `out`: so many units further from the middle
    const beyond = radius / far + out / (Math.hypot(x[row], y[row]) || 1);
    return [size / 2 + x[row] * beyond, size / 2 - y[row] * beyond];
  };
  const caption = [`frequency ${frequency}`, isNumber(step) && `step ${step}`,
    isNumber(circularity) && `circularity ${circularity.toFixed(3)}`].filter(Boolean).join(" · ");
  const ring = isNumber(step) ? range(rows + 1).map((i) => place((i * step) % rows)) : [];
  // Every token is a dot; its number is outside of it, where that meets no other number.
  const boxes = [];
  const marks = range(rows).flatMap((row) => {
    const token = member.tokens?.[row] ?? row; // in the order of their group
    const [[cx, cy], [textX, textY]] = [place(row), place(row, 9)];
    const dot = svg("circle", { class: "dot", cx: round(cx), cy: round(cy), r: 2 },
      svg("title", {}, `token ${token}\n${short(x[row])}, ${short(y[row])}`));
    const free = isFree(boxes, textX, textY, 5.5 * String(token).length, 9);
    return free ? [dot, text("strong middle token", textX, textY + 3, String(token))] : [dot];
  });
  return panel(caption, [], `${caption}, ${member.name}`, `${size} ${size}`,
    stroke("grid", `M0 ${size / 2}H${size}M${size / 2} 0V${size}`), polyline("ring", ring), ...marks);
}
