(() => {
// pictures: values under a crosshair, a range of dates, files. Without this the page is whole.
"use strict";
const source = document.getElementById("chart-data");
if (!source) return;
const all = (words, root = document) => [...root.querySelectorAll(words)];
const {texts, charts} = JSON.parse(source.textContent);
const WIDE = 1600, HIGH = 1000, DAY = 86400000, LONG = 45;

// numbers: digits of base 41, the last of each from the first half of the alphabet
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%*+,-.;=?@[]^_{|}";
const RADIX = DIGITS.length / 2, code = new Map([...DIGITS].map((sign, number) => [sign, number]));
const numbers = (text) => {
  const out = [];
  let value = 0, power = 1;
  for (const sign of text) {
    if (sign === "~") { out.push(NaN); continue; }
    const digit = code.get(sign);
    value += (digit % RADIX) * power;
    if (digit >= RADIX) power *= RADIX; else { out.push(value); value = 0; power = 1; }
  }
  return out;
};
const values = (text, step) => {
  let whole = 0;
  const per = Math.round(1 / step);
  return numbers(text).map((n) => n !== n ? n : (whole += n % 2 ? -(n + 1) / 2 : n / 2, per > 1 ? whole / per : whole * step));
};
const days = (text) => {
  const [first, span, mode, ...rest] = numbers(text), out = [];
  if (mode) { let day = first; out.push(day); for (const gap of rest) out.push(day += gap); return out; }
  const other = new Set();
  let at = 0;
  for (const gap of rest) other.add(at += gap);
  for (let n = 0; n <= span; n++) if (((first + n + 3) % 7 < 5) !== other.has(n)) out.push(first + n);
  return out;
};
const kept = new Map();
const once = (key, make) => { if (!kept.has(key)) kept.set(key, make()); return kept.get(key); };

const iso = (day) => new Date(day * DAY).toISOString().slice(0, 10);
const decimals = (step) => { for (let n = 0; n < 4; n++) if (Math.abs(step * 10 ** n - Math.round(step * 10 ** n)) < 1e-6) return n; return 4; };
const plain = (value, count) => (Math.abs(value) < 0.5 * 10 ** -count ? 0 : value).toLocaleString("en-US", {minimumFractionDigits: count, maximumFractionDigits: count});
const written = (value, unit) => value !== value ? "n/a" : unit === "pct" ? plain(100 * value, 2) + "%" : plain(value, unit === "count" ? 0 : 2);

class Picture {
  constructor(figure, given) {
    Object.assign(this, {figure, given, plot: figure.querySelector(".plot"), svg: figure.querySelector("svg")});
    this.first = 0;
    this.whole = ["up", "across", "ends", "marks"].map((name) => [name, figure.querySelector("." + name)?.innerHTML]);
    this.drawn = this.svg.innerHTML;
  }
  get series() { return once(this, () => this.given.series.map(([label, color, text, dots]) => ({label, color, dots, values: values(texts[text], this.given.step)}))); }
  get days() { return this.given.days === undefined ? null : once("days" + this.given.days, () => days(texts[this.given.days])); }
  get count() { return this.days ? this.days.length : this.given.labels.length; }
  get last() { return this.end ?? this.count - 1; }
  name(row) { return this.days ? iso(this.days[row]) : this.given.labels[row]; }

  // the row at a fraction of the width, and the way back
  row(part) {
    const count = this.last - this.first + 1;
    const at = this.days ? Math.round(part * (count - 1)) : Math.floor(part * count);
    return this.first + Math.max(0, Math.min(count - 1, at));
  }
  part(row) {
    const count = this.last - this.first + 1;
    return this.days ? (count < 2 ? 0 : (row - this.first) / (count - 1)) : (row - this.first + 0.5) / count;
  }

  point(row) {
    this.cross ??= Object.assign(document.createElement("div"), {className: "cross"});
    this.box ??= Object.assign(document.createElement("div"), {className: "read"});
    const part = this.part(row), head = document.createElement("strong");
    head.textContent = this.name(row);
    const lines = this.series.filter((one) => one.dots ? one.values[row] === one.values[row] : this.given.way !== "stack" || one.values[row]).map((one) => {
      const line = document.createElement("span"), key = document.createElement("i"), value = document.createElement("b");
      key.className = "k-area " + one.color;
      value.textContent = written(one.values[row], this.given.unit);
      line.append(key, one.label + " ", value);
      return line;
    });
    this.box.replaceChildren(head, ...lines);
    this.cross.style.left = this.box.style.left = 100 * part + "%";
    this.box.classList.toggle("left", part > 0.55);
    this.plot.append(this.cross, this.box);
    this.at = row;
  }
  leave() { this.cross?.remove(); this.box?.remove(); this.at = undefined; }

  // rows between two days; what is shown whole is as it was printed
  show(from, to) {
    this.leave();
    const inside = this.days.findIndex((day) => day >= from), after = this.days.findIndex((day) => day > to);
    const first = inside < 0 ? this.count : inside, last = after < 0 ? this.count - 1 : after - 1;
    if (last - first < 1) return;
    [this.first, this.end] = [first, last];
    if (first === 0 && last === this.count - 1) {
      this.svg.innerHTML = this.drawn;
      for (const [name, text] of this.whole) if (text !== undefined) this.figure.querySelector("." + name).innerHTML = text;
      return;
    }
    this.draw();
  }
  draw() {
    const {unit, way, log} = this.given, [first, last] = [this.first, this.last];
    const cut = this.series.map((one) => ({...one, values: one.values.slice(first, last + 1)}));
    const layers = way === "stack" ? stacked(cut) : cut.map((one) => ({...one, outer: one.values}));
    const scale = scaleOf(layers.flatMap((one) => [...one.outer, ...(one.inner || [])]), this.given);
    const y = (value) => Math.round(10 * scale.place(value));
    const x = (row, count) => Math.round(WIDE * row / Math.max(1, count - 1));
    const ticks = scale.ticks(unit);
    const parts = [ticks.map((t) => `M0 ${Math.round(10 * t.at)}H${WIDE}`).join("")].map((d) => path("grid", d));
    if (scale.zero !== null) parts.push(path("zero", `M0 ${Math.round(10 * scale.zero)}H${WIDE}`));
    const old = this.svg.querySelectorAll("title,desc"), bands = this.bands();
    if (bands) parts.unshift(path("band", bands));
    layers.reverse().forEach((one, place) => {
      const count = one.outer.length, line = one.outer.map((v, row) => v === v ? `${x(row, count)} ${y(v)}` : null);
      if (one.dots) { parts.push(path("dots " + one.color, line.filter(Boolean).map((point) => `M${point}h0`).join(""))); return; }
      const open = line.map((point, row) => point === null ? "" : (row && line[row - 1] !== null ? "L" : "M") + point).join("");
      if (one.inner) {
        const back = one.inner.map((v, row) => `L${x(row, count)} ${y(v)}`).reverse().join("");
        parts.push(path("area " + one.color, open + back + "z"));
        return;
      }
      if (way === "under" && place === layers.length - 1) parts.push(path("area " + one.color, open + `L${WIDE} ${y(0)}L0 ${y(0)}z`));
      parts.push(path("line " + one.color, open));
    });
    this.svg.replaceChildren(...old, ...parts);
    label(this.figure.querySelector(".up"), ticks, "top");
    label(this.figure.querySelector(".across"), dateTicks(this.days.slice(first, last + 1)), "left");
    const ends = this.figure.querySelector(".ends");
    if (ends) label(ends, spread(cut.map((one) => {
      const value = one.values.findLast((v) => v === v);
      return value === undefined ? null : {at: scale.place(value), text: written(value, unit), color: one.color};
    }).filter(Boolean), this.figure.classList.contains("low") ? 11 : 7.5), "top");
    const marks = this.figure.querySelector(".marks");
    if (marks) label(marks, this.ranks(scale), "left");
  }
  bands() {
    const drawn = /class="band" d="([^"]*)"/.exec(this.drawn);
    if (!drawn) return "";
    const place = (at) => Math.max(0, Math.min(WIDE, Math.round(WIDE * this.part(at / WIDE * (this.count - 1)))));
    return drawn[1].replace(/M(\d+) 0H(\d+)V1000H\d+z/g, (_, left, right) => place(+right) > place(+left) ? `M${place(+left)} 0H${place(+right)}V1000H${place(+left)}z` : "");
  }
  ranks(scale) {
    const text = this.whole.find(([name]) => name === "marks")[1], box = document.createElement("div");
    box.innerHTML = text;
    return all("span", box).map((span) => {
      const row = Math.round(parseFloat(span.style.left) / 100 * (this.count - 1));
      return {at: 100 * this.part(row), down: scale.place(this.series[0].values[row]), text: span.textContent, row};
    }).filter((mark) => mark.row >= this.first && mark.row <= this.last);
  }
}

const path = (name, d) => {
  const made = document.createElementNS(source.ownerDocument.querySelector("svg").namespaceURI, "path");
  made.setAttribute("class", name);
  made.setAttribute("d", d);
  return made;
};
const label = (box, ticks, side) => box.replaceChildren(...ticks.map((tick) => {
  const span = document.createElement("span");
  span.textContent = tick.text;
  span.style[side] = tick.at + "%";
  if (tick.down !== undefined) span.style.top = tick.down + "%";
  if (tick.color) span.className = tick.color;
  if (tick.spare) span.className = "spare";
  return span;
}));
const stacked = (cut) => {
  const up = cut[0].values.map(() => 0), down = [...up], out = [];
  for (const one of cut) for (const [sign, sum] of [[1, up], [-1, down]]) {
    const own = one.values.map((v) => Math.max(0, sign * (v || 0)));
    if (!own.some(Boolean)) continue;
    const inner = [...sum];
    own.forEach((v, row) => { sum[row] += sign * v; });
    out.push({...one, outer: [...sum], inner});
  }
  return out;
};
const scaleOf = (every, {zero, log, way}) => {
  const known = every.filter((v) => v === v && (!log || v > 0));
  let low = Math.min(...known.length ? known : [0]), high = Math.max(...known.length ? known : [1]);
  if (zero || way === "under" || way === "stack") { low = Math.min(0, low); high = Math.max(0, high); }
  const room = 0.04 * (high - low) || 0.05 * Math.abs(high) || 0.5, flat = zero || way !== "line";
  if (log) { low /= 1.03; high *= 1.03; } else { if (!(flat && low === 0)) low -= room; if (!(flat && high === 0)) high += room; }
  const place = log ? (v) => 100 * (Math.log(high) - Math.log(v)) / (Math.log(high) - Math.log(low)) : (v) => 100 * (high - v) / (high - low);
  const ticks = (unit) => {
    const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 2.5, 5, 10].map((d) => d * power).find((d) => d >= raw);
    const out = [];
    for (let n = Math.ceil(low / step - 1e-9); n <= high / step + 1e-9; n++) {
      const value = n * step;
      if (!log || value > 0) out.push({at: place(value), text: unit === "pct" ? plain(100 * value, decimals(100 * step)) + "%" : plain(value, decimals(step))});
    }
    return out;
  };
  return {place, ticks, zero: !log && low < 0 && high > 0 ? place(0) : null};
};
const spread = (ends, room) => {
  ends.sort((a, b) => a.at - b.at);
  for (let n = 1; n < ends.length; n++) ends[n].at = Math.max(ends[n].at, ends[n - 1].at + room);
  for (let n = ends.length - 1, low = 100; n >= 0; n--) { ends[n].at = Math.min(ends[n].at, low); low = ends[n].at - room; }
  return ends;
};
const monthText = (day, plainly) => day.toLocaleDateString("en-US", {month: "short", timeZone: "UTC", ...(plainly ? {} : {year: "numeric"})});
const dateTicks = (rows) => {
  const last = rows.length - 1, years = (rows[last] - rows[0]) / 365.25, date = (day) => new Date(day * DAY);
  const period = years > 2.5 ? (day) => date(day).getUTCFullYear() : (day) => 12 * date(day).getUTCFullYear() + date(day).getUTCMonth();
  const span = years > 2.5 ? years : 12 * years, out = [];
  let shown = 0;
  if (years <= 0.4) {
    for (let row = 0; row <= last; row += Math.max(1, Math.floor(rows.length / 6))) out.push([row, iso(rows[row]).slice(5)]);
  } else {
    const step = [1, 2, 3, 5, 6, 10, 20, 50, 100].find((n) => span / n <= 11 && (years > 2.5 ? n !== 3 && n !== 6 : n !== 5));
    const begins = rows.flatMap((day, row) => row && period(day) !== period(rows[row - 1]) && period(day) % step === 0 ? [row] : []);
    const january = (row) => date(rows[row]).getUTCMonth() === 0, known = begins.some(january);
    for (const row of begins) out.push([row, years > 2.5 ? String(period(rows[row])) : monthText(date(rows[row]), known && !january(row))]);
    shown = Math.max(0, begins.findIndex(january)) % 2;
  }
  return out.map(([row, text], place) => ({at: 100 * row / last, text, spare: place % 2 !== shown}));
};

const pictures = Object.entries(charts).map(([id, given]) => new Picture(document.getElementById(id), given)).filter((one) => one.figure);
const beside = (picture) => pictures.filter((other) => other === picture || (picture.days && other.days && other.figure.closest("section") === picture.figure.closest("section")));

// crosshair: by mouse, by a tap, by arrow keys; all pictures of a section show the same day
for (const picture of pictures) {
  const {plot} = picture;
  const spot = (event) => { const box = picture.svg.getBoundingClientRect(); return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)); };
  const show = (row) => {
    for (const other of beside(picture)) {
      if (other === picture) { other.point(row); continue; }
      const day = picture.days[row], found = other.days.findIndex((one) => one >= day);
      if (found >= other.first && found <= other.last) other.point(found); else other.leave();
    }
  };
  const leave = () => beside(picture).forEach((other) => other.leave());
  let from = null, shade = null;
  plot.addEventListener("pointermove", (event) => {
    show(picture.row(spot(event)));
    if (from === null || event.pointerType !== "mouse") return;
    shade ??= plot.appendChild(Object.assign(document.createElement("div"), {className: "pull"}));
    const [left, right] = [from, spot(event)].sort((a, b) => a - b);
    Object.assign(shade.style, {left: 100 * left + "%", width: 100 * (right - left) + "%"});
  });
  plot.addEventListener("pointerdown", (event) => { show(picture.row(spot(event))); if (picture.days) from = spot(event); });
  const done = (event) => {
    const to = shade && spot(event);
    shade?.remove();
    if (to !== null && from !== null && Math.abs(to - from) > 0.02) {
      const [first, last] = [from, to].sort((a, b) => a - b).map((part) => picture.days[picture.row(part)]);
      ranges.get(picture.figure.closest("section"))?.(first, last);
    }
    from = shade = null;
  };
  plot.addEventListener("pointerup", done);
  plot.addEventListener("pointerleave", (event) => { shade?.remove(); from = shade = null; if (event.pointerType === "mouse") leave(); });
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-label", "Values: move with the arrow keys");
  plot.addEventListener("keydown", (event) => {
    const far = event.shiftKey ? Math.max(1, Math.round((picture.last - picture.first) / 20)) : 1;
    const way = {ArrowLeft: -far, ArrowRight: far}[event.key];
    if (event.key === "Escape") leave();
    if (!way) return;
    event.preventDefault();
    show(Math.max(picture.first, Math.min(picture.last, (picture.at ?? picture.last) + way)));
    picture.box.setAttribute("role", "status");
  });
  plot.addEventListener("blur", leave);
}

// ranges: the last years, or from a day to a day
const ranges = new Map();
for (const box of all(".range")) {
  const section = box.closest("section"), own = pictures.filter((one) => one.days && section.contains(one.figure));
  if (!own.length || own[0].count < LONG) continue;
  const first = Math.min(...own.map((one) => one.days[0])), last = Math.max(...own.map((one) => one.days.at(-1)));
  const inputs = ["From", "to"].map((word, place) => {
    const field = document.createElement("label"), input = document.createElement("input");
    Object.assign(input, {type: "date", min: iso(first), max: iso(last), value: iso(place ? last : first)});
    field.append(word + " ", input);
    input.addEventListener("change", () => {
      const [from, to] = inputs.map((one) => Date.parse(one.lastChild.value) / DAY);
      if (from < to) set(from, to);
    });
    return field;
  });
  const set = (from, to) => {
    own.forEach((one) => one.show(from, to));
    inputs[0].lastChild.value = iso(Math.max(first, from));
    inputs[1].lastChild.value = iso(Math.min(last, to));
  };
  ranges.set(section, set);
  const buttons = [1, 3, 5, 10, Infinity].filter((years) => years === Infinity || 365.25 * years < last - first).map((years) => {
    const button = Object.assign(document.createElement("button"), {type: "button", textContent: years === Infinity ? "All" : years + "y"});
    button.addEventListener("click", () => set(years === Infinity ? first : Math.ceil(last - 365.25 * years), last));
    return button;
  });
  box.append(...buttons, ...inputs);
}

// files: what a picture or a table shows
const save = (content, name, kind) => {
  const link = document.createElement("a"), address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type: kind}));
  Object.assign(link, {href: address, download: `${document.body.dataset.name || "page"}_${name}`});
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
};
// a cell that a spreadsheet would take for a formula is made text
const field = (text) => {
  const safe = /^[=+\-@\t\r]/.test(text) && isNaN(Number(text)) ? "'" + text : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const lines = (rows) => rows.map((row) => row.map((cell) => field(String(cell))).join(",")).join("\n") + "\n";
const csvOf = (picture) => {
  const rows = [[picture.days ? "date" : "group", ...picture.series.map((one) => one.label)]];
  for (let row = picture.first; row <= picture.last; row++)
    rows.push([picture.name(row), ...picture.series.map(({values: own}) => own[row] === own[row] ? +own[row].toPrecision(12) : "")]);
  return lines(rows);
};
const W = 1200, H = 560, LEFT = 80, RIGHT = 90, TOP = 70, LOW = 50;
const svgOf = (picture) => {
  const space = picture.svg.namespaceURI, paper = getComputedStyle(picture.figure), ink = paper.color;
  const make = (name, given, text) => {
    const made = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const words = (x, y, text, more = {}) => make("text", {x, y, fill: ink, "font-size": 15, "font-family": "sans-serif", ...more}, text);
  const root = make("svg", {viewBox: `0 0 ${W} ${H}`, width: W, height: H});
  root.append(make("rect", {width: W, height: H, fill: paper.backgroundColor}));
  root.append(words(20, 28, `${document.body.dataset.name || ""}: ${picture.svg.querySelector("title").textContent}`, {"font-size": 18, "font-weight": "bold"}));
  let at = LEFT;
  for (const key of all(".key", picture.figure)) {
    root.append(make("rect", {x: at, y: 44, width: 18, height: 8, fill: getComputedStyle(key.firstChild).getPropertyValue("--c")}), words(at + 24, 53, key.textContent, {"font-size": 14}));
    at += 44 + 8 * key.textContent.length;
  }
  const inner = make("svg", {x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - LOW, viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none"});
  for (const one of all("path", picture.svg)) {
    const look = getComputedStyle(one), given = {d: one.getAttribute("d"), "vector-effect": "non-scaling-stroke"};
    for (const key of ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray"]) given[key] = look.getPropertyValue(key);
    inner.append(make("path", given));
  }
  root.append(inner);
  const across = (text) => LEFT + parseFloat(text) / 100 * (W - LEFT - RIGHT), down = (text) => TOP + parseFloat(text) / 100 * (H - TOP - LOW);
  for (const span of all(".up span", picture.figure)) root.append(words(LEFT - 10, down(span.style.top) + 5, span.textContent, {"text-anchor": "end"}));
  for (const span of all(".across span", picture.figure)) root.append(words(across(span.style.left), H - LOW + 24, span.textContent, {"text-anchor": "middle"}));
  for (const span of all(".ends span", picture.figure)) root.append(words(W - RIGHT + 8, down(span.style.top) + 5, span.textContent, {fill: getComputedStyle(span).color, "font-weight": "bold"}));
  for (const span of all(".marks span", picture.figure)) root.append(words(across(span.style.left), down(span.style.top) + 14, span.textContent, {"text-anchor": "middle", "font-size": 12}));
  return new XMLSerializer().serializeToString(root);
};
const png = (picture, name) => {
  const image = new Image(), canvas = document.createElement("canvas");
  image.onload = () => {
    [canvas.width, canvas.height] = [2 * W, 2 * H];
    canvas.getContext("2d").drawImage(image, 0, 0, 2 * W, 2 * H);
    canvas.toBlob((blob) => save(blob, name + ".png"), "image/png");
  };
  image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svgOf(picture));
};
const button = (text, about, act) => {
  const made = Object.assign(document.createElement("button"), {type: "button", textContent: text});
  made.setAttribute("aria-label", about);
  made.addEventListener("click", act);
  return made;
};
for (const picture of pictures) {
  const {id} = picture.figure, title = picture.svg.querySelector("title").textContent;
  picture.figure.querySelector(".save")?.append(
    button("PNG", `Save as a PNG picture: ${title}`, () => png(picture, id)),
    button("SVG", `Save as an SVG picture: ${title}`, () => save(svgOf(picture), id + ".svg", "image/svg+xml")),
    button("CSV", `Save the numbers: ${title}`, () => save(csvOf(picture), id + ".csv", "text/csv")));
}
for (const table of all("main table")) {
  const rows = () => [...table.rows].filter((row) => !row.hidden).map((row) => [...row.cells].map((cell) => cell.dataset.v ?? (cell.querySelector(".q") || cell).textContent.trim()));
  const name = table.id.replace(/-table$/, "");
  table.parentElement.parentElement.querySelector(".save")?.append(button("CSV", `Save the table: ${table.caption.textContent}`, () => save(lines(rows()), name + ".csv", "text/csv")));
}
})();
