(() => {
"use strict";
const all = (words, root = document) => [...root.querySelectorAll(words)];
const root = document.documentElement;

// theme: what the system says until the reader says otherwise
const theme = document.getElementById("theme");
if (theme) {
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  theme.hidden = false;
  name();
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
}

// definitions: beside their term where there is room, closed by Escape
const place = (term) => {
  term.classList.remove("shut");
  const text = term.querySelector(".def"), at = term.getBoundingClientRect();
  if (innerWidth < 640) return;
  text.style.right = text.style.bottom = "auto";
  text.style.left = Math.max(8, Math.min(at.left, innerWidth - 496)) + "px";
  const high = text.offsetHeight || 80;
  text.style.top = (at.bottom + high + 12 < innerHeight ? at.bottom + 6 : at.top - high - 6) + "px";
};
for (const term of all(".term")) {
  const text = term.querySelector(".def"), button = term.querySelector("button");
  for (const event of ["mouseenter", "focusin"]) term.addEventListener(event, () => { requestAnimationFrame(() => place(term)); });
  button.addEventListener("click", () => button.focus());
  text.id ||= "def-" + Math.random().toString(36).slice(2);
  button.setAttribute("aria-describedby", text.id);
}
addEventListener("keydown", (event) => { if (event.key === "Escape") all(".term").forEach((term) => term.classList.add("shut")); });

// tables: sorted by a click on a head
const key = (cell) => cell.dataset.v === undefined ? cell.textContent : cell.dataset.v === "" ? NaN : Number(cell.dataset.v);
for (const table of all("table")) {
  const heads = all("thead th", table), body = table.tBodies[0];
  if (body.rows.length < 3) continue;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => [key(row.cells[column]), row]);
      rows.sort(([a], [b]) => {
        if (a !== a || b !== b) return (a !== a) - (b !== b);
        const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
        return up ? order : -order;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}

// tables: wider than the window, which a phone does not show
const widths = () => all(".scroll").forEach((box) => box.classList.toggle("wide", box.scrollWidth > box.clientWidth + 1));
widths();
addEventListener("resize", widths);

// index: says where the reader is
const links = new Map(all("nav a[href^='#']").filter((a) => a.hash).map((a) => [a.hash.slice(1), a]));
if (links.size) {
  const seen = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) entry.isIntersecting ? seen.add(entry.target.id) : seen.delete(entry.target.id);
    const here = [...links.keys()].find((id) => seen.has(id));
    for (const [id, link] of links) {
      if (id !== here) { link.removeAttribute("aria-current"); continue; }
      if (link.hasAttribute("aria-current")) continue;
      link.setAttribute("aria-current", "true");
      const list = link.closest("ul");
      list.scrollLeft = link.offsetLeft - list.clientWidth / 2;
    }
  }, {rootMargin: "-60px 0px -55% 0px"});
  for (const id of links.keys()) { const part = document.getElementById(id); if (part) watch.observe(part); }
}

// print: what is folded is open
for (const fold of all("#definitions details, .fold")) {
  let open = false;
  addEventListener("beforeprint", () => { open = fold.open; fold.open = true; });
  addEventListener("afterprint", () => { fold.open = open; });
}

// tables: searched as one types
for (const input of all("input[data-for]")) {
  const label = input.closest("label"), rows = [...document.getElementById(input.dataset.for).tBodies[0].rows];
  label.hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      count += !row.hidden;
    }
    label.querySelector("output").textContent = words.length ? `${count} of ${rows.length}` : "";
  });
}

// copy
for (const button of all("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try { await navigator.clipboard.writeText(source.textContent); } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  });
}
})();
