// The little that pages do by themselves: times in words, tracing of pictures, and the index.
"use strict";
const lakebook = (() => {
  const state = { runs: new Map(), steps: [], words: new Map(), shown: 50, day: "", loading: null, catalog: { waiting: [], problem: "" } };
  const MARKS = { ok: "✓", failed: "✗", killed: "✗", warn: "!", aside: "◐" };
  const NAMES = { aside: "quarantine", warn: "warning" };
  const $ = (id) => document.getElementById(id);
  const script = document.currentScript;

  function element(name, options = {}, ...children) {
    const svg = options.svg;
    const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(options)) {
      if (key === "svg") continue;
      if (key === "text") made.textContent = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  // --- words -----------------------------------------------------------------------------------
  const number = new Intl.NumberFormat("en");
  const dayOf = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
  const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);
  function ago(seconds) {
    const past = Math.max(0, Date.now() / 1000 - seconds);
    for (const [size, word] of [[86400 * 365, "year"], [86400, "day"], [3600, "hour"], [60, "minute"]])
      if (past >= size) { const n = Math.floor(past / size); return `${number.format(n)} ${word}${n > 1 ? "s" : ""}`; }
    return "a moment";
  }
  function took(seconds) {
    if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? `${minutes} min ${String(Math.round(seconds % 60)).padStart(2, "0")} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }
  function interval(run) {
    if (run.did !== undefined) return run.did;
    if (!run.start || !run.end) return "whole table";
    const last = dayOf(Date.parse(run.end) / 1000 - 86400);
    return last === run.start ? last : `${run.start} – ${last}`;
  }
  function mood(run) {
    if (run.status !== "ok") return run.status;
    return run.aside ? "aside" : run.warn ? "warn" : "ok";
  }
  function badge(kind) {
    return element("span", { class: `badge ${kind}` }, element("span", { "aria-hidden": "true", text: MARKS[kind] || "·" }), ` ${NAMES[kind] || kind}`);
  }
  function times() {
    for (const time of document.querySelectorAll("time[data-at]")) {
      if (!time.title) time.title = time.textContent;
      time.textContent = `${ago(Number(time.dataset.at))} ago`;
    }
    for (const mark of document.querySelectorAll(".fresh[data-due]")) {
      const late = Date.now() / 1000 - Number(mark.dataset.due);
      mark.className = `fresh ${late > 0 ? "late" : "good"}`;
      mark.textContent = late > 0 ? `! late by ${ago(Number(mark.dataset.due))}` : "✓ in time";
    }
  }

  // --- pictures: light what hangs together -------------------------------------------------------
  function trace(svg, key, deep) {
    const edges = [...svg.querySelectorAll(".edge")];
    svg.classList.toggle("traced", Boolean(key));
    const lit = new Set([key]);
    const walk = (from, to) => {
      const todo = [key];
      const seen = new Set(todo);
      while (todo.length) {
        const at = todo.pop();
        for (const edge of edges) if (edge.dataset[from] === at) {
          edge.classList.add("lit");
          const next = edge.dataset[to];
          lit.add(next);
          if (deep && !seen.has(next)) { seen.add(next); todo.push(next); }
        }
      }
    };
    for (const edge of edges) edge.classList.remove("lit");
    if (key) { walk("from", "to"); walk("to", "from"); }
    for (const node of svg.querySelectorAll("[data-name],[data-key]"))
      node.classList.toggle("lit", Boolean(key) && lit.has(node.dataset.name || node.dataset.key));
  }
  function pictures() {
    for (const svg of document.querySelectorAll("svg.graph, svg.lineage")) {
      const deep = svg.classList.contains("graph");
      const keyOf = (event) => { const node = event.target.closest("[data-name],[data-key]"); return node && (node.dataset.name || node.dataset.key); };
      for (const kind of ["pointerover", "focusin"]) svg.addEventListener(kind, (event) => trace(svg, keyOf(event), deep));
      for (const kind of ["pointerleave", "focusout"]) svg.addEventListener(kind, () => trace(svg, "", deep));
    }
  }

  // --- the index ---------------------------------------------------------------------------------
  const FILTERS = ["layer", "status", "owner", "tag"];
  function filters() {
    const chosen = { q: $("q").value.trim().toLowerCase() };
    for (const name of FILTERS) chosen[name] = $(name).value;
    return chosen;
  }
  function stepFits(step, f) {
    return (!f.layer || step.layer === f.layer) && (!f.owner || step.owner === f.owner) && (!f.tag || step.tags.includes(f.tag));
  }
  function runFits(run, f) {
    if (f.status === "failed" ? run.status === "ok" : f.status && mood(run) !== f.status && !(f.status === "warn" && run.warn)) return false;
    if (!f.q) return true;
    return f.q.split(/\s+/).every((word) => run.text.includes(word) || (state.words.get(run.id) || "").includes(word));
  }
  function chosenRuns(f) {
    const fits = new Set(state.steps.filter((step) => stepFits(step, f)).map((step) => step.name));
    return state.all.filter((run) => fits.has(run.step) && runFits(run, f));
  }
  const WEIGHT = { ok: 0, warn: 1, aside: 2, failed: 3, killed: 3 };

  function drawGrid(f, runs) {
    const newest = state.all[0].began;
    const span = Math.ceil((newest - state.all[state.all.length - 1].began) / 86400) + 1;
    const DAYS = Math.min(30, Math.max(14, span));
    const days = Array.from({ length: DAYS }, (_, n) => dayOf(newest - (DAYS - 1 - n) * 86400));
    const wanted = new Set(runs.map((run) => run.id));
    const cells = new Map();
    for (const run of state.all) {
      const day = dayOf(run.began);
      if (day < days[0]) break;
      const key = `${run.step} ${day}`;
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push(run);
    }
    const head = element("tr", {}, element("td"));
    days.forEach((day, at) => {
      const when = new Date(`${day}T00:00:00Z`);
      const label = at === 0 || when.getUTCDate() === 1 ? when.toLocaleDateString("en", { month: "short", timeZone: "UTC" }) : when.toLocaleDateString("en", { weekday: "narrow", timeZone: "UTC" });
      const button = element("button", { type: "button", "aria-pressed": String(day === state.day), "aria-label": `timeline of ${day}` }, label, element("br"), String(when.getUTCDate()));
      button.addEventListener("click", () => { state.day = day; draw(); });
      head.append(element("th", { scope: "col", class: at < DAYS - 8 ? "old" : "" }, button));
    });
    const body = element("tbody");
    let layer = "";
    for (const step of state.steps) {
      if (!stepFits(step, f)) continue;
      if (step.layer !== layer) {
        layer = step.layer;
        body.append(element("tr", { class: "layer" }, element("th", { scope: "rowgroup", text: layer })));
      }
      const short = step.name.slice(step.layer.length + 1);
      const row = element("tr", {}, element("th", { scope: "row" }, step.page ? element("a", { href: `datasets/${step.page}.html`, text: short }) : short));
      days.forEach((day, at) => {
        const found = cells.get(`${step.name} ${day}`) || [];
        const cell = element("td", { class: at < DAYS - 8 ? "old" : "" });
        if (found.length) {
          const worst = found.reduce((a, b) => (WEIGHT[mood(b)] > WEIGHT[mood(a)] ? b : a));
          // A failure that was put right the same day is not the state of the day.
          const kind = found[0].status === "ok" && worst.status !== "ok" ? "warn" : mood(worst);
          const said = `${step.name}, ${day}: ${found.length} run${found.length > 1 ? "s" : ""}, ${kind === "warn" && worst.status !== "ok" ? "failed, then ok" : NAMES[kind] || kind}`;
          cell.append(element("a", { class: `sq ${kind}${found.some((run) => wanted.has(run.id)) ? "" : " faded"}`, href: `runs/${worst.id}.html`, title: said, "aria-label": said, text: MARKS[kind] }));
        } else cell.append(element("span", { class: "sq none" }));
        row.append(cell);
      });
      body.append(row);
    }
    $("grid").replaceChildren(element("table", {}, element("thead", {}, head), body));
    $("days").hidden = false;
    $("grid").scrollLeft = $("grid").scrollWidth; // today stands at the right
  }

  function drawTimeline(runs) {
    const ofDay = runs.filter((run) => dayOf(run.began) === state.day);
    const all = state.all.filter((run) => dayOf(run.began) === state.day);
    $("times").hidden = !all.length;
    if (!all.length) return;
    const first = Math.min(...all.map((run) => run.began));
    const last = Math.max(...all.map((run) => run.began + run.took), first + 10);
    $("times-what").textContent = `${state.day}, ${clock(first)} to ${clock(last)} UTC: ${all.length} run${all.length > 1 ? "s" : ""}`;
    const order = new Map(state.steps.map((step, at) => [step.name, at]));
    const names = [...new Set(ofDay.map((run) => run.step))].sort((a, b) => order.get(a) - order.get(b));
    const left = 170, width = 1180, row = 18, top = 24;
    const height = top + names.length * row + 10;
    const x = (at) => left + ((at - first) / (last - first)) * (width - left - 20);
    const svg = element("svg", { svg: 1, width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `Runs of ${state.day}` });
    for (let n = 0; n <= 6; n += 1) {
      const at = first + ((last - first) * n) / 6;
      svg.append(element("line", { svg: 1, x1: x(at), x2: x(at), y1: top - 4, y2: height - 4 }));
      svg.append(element("text", { svg: 1, class: "tick", x: x(at), y: 14, "text-anchor": n === 6 ? "end" : n ? "middle" : "start", text: clock(at).slice(0, last - first < 600 ? 8 : 5) }));
    }
    names.forEach((name, at) => svg.append(element("text", { svg: 1, x: 10, y: top + at * row + 12, text: name })));
    for (const run of ofDay) {
      const said = `${run.step} ${clock(run.began)}, ${took(run.took)}, ${NAMES[mood(run)] || mood(run)}`;
      svg.append(element("a", { svg: 1, href: `runs/${run.id}.html`, "aria-label": said },
        element("title", { svg: 1, text: said }),
        element("rect", { svg: 1, class: mood(run), x: x(run.began), y: top + names.indexOf(run.step) * row + 3, rx: 2, height: 11, width: Math.max(3, x(run.began + run.took) - x(run.began)) })));
    }
    $("timeline").replaceChildren(svg);
  }

  function snippet(run, f) {
    const text = state.words.get(run.id) || "";
    const word = f.q.split(/\s+/).find((part) => !run.text.includes(part) && text.includes(part));
    if (!word) return null;
    const at = text.indexOf(word);
    return element("span", { class: "snippet" }, `…${text.slice(Math.max(0, at - 50), at)}`, element("mark", { text: word }), `${text.slice(at + word.length, at + 90)}…`);
  }
  function drawList(f, runs) {
    const rows = runs.slice(0, state.shown).map((run) => {
      const what = element("td", { class: "what" }, element("a", { href: `runs/${run.id}.html`, text: run.step }));
      if (run.error) what.append(element("span", { class: "snippet", text: run.error }));
      const hit = f.q && snippet(run, f);
      if (hit) what.append(hit);
      return element("tr", {}, element("td", {}, badge(mood(run))), what, element("td", { class: run.did === undefined ? "" : "did", text: interval(run) }),
        element("td", { text: `${dayOf(run.began)} ${clock(run.began)}` }), element("td", { class: "num", text: took(run.took) }),
        element("td", { class: "num", text: run.status === "ok" && run.did === undefined ? number.format(run.rows) : "" }), element("td", { class: "num", text: run.aside ? number.format(run.aside) : "" }));
    });
    $("list").replaceChildren(...rows);
    $("more").hidden = runs.length <= state.shown;
  }
  function draw() {
    const f = filters();
    const began = performance.now();
    const runs = chosenRuns(f);
    drawGrid(f, runs);
    drawTimeline(runs);
    drawList(f, runs);
    if (f.q) $("days").hidden = $("times").hidden = true; // who searches wants the hits at once
    const narrowed = Object.values(f).some(Boolean);
    $("clear").hidden = !narrowed;
    $("found").textContent = narrowed ? `${number.format(runs.length)} of ${number.format(state.all.length)} runs${state.loading ? "; reading outputs…" : ""}` : "";
    document.body.dataset.searchMs = (performance.now() - began).toFixed(1);
    const hash = new URLSearchParams(Object.entries(f).filter(([, value]) => value)).toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }
  function readWords() {
    // Outputs are read at the first search: who only looks at the grid need not wait for them.
    if (state.loading !== null) return;
    const numbers = script.dataset.segments.split(" ").filter(Boolean);
    state.loading = numbers.length;
    for (const n of numbers) {
      const one = element("script", { src: `data/words-${n}.js` });
      one.onload = one.onerror = () => { state.loading -= 1; if (!state.loading) { document.body.dataset.words = "ready"; draw(); } };
      document.head.append(one);
    }
  }
  function index() {
    state.all = [...state.runs.values()].sort((a, b) => b.began - a.began || (a.id < b.id ? 1 : -1));
    for (const run of state.all) run.text = `${run.step} ${run.id} ${run.error} ${run.status}`.toLowerCase();
    const known = new Set(state.steps.map((step) => step.name));
    for (const run of state.all) if (!known.has(run.step)) { known.add(run.step); state.steps.push({ name: run.step, layer: run.step.split(".")[0], owner: "", tags: [], page: "" }); }
    if (!state.all.length) return;
    state.day = dayOf(state.all[0].began);
    const given = new URLSearchParams(location.hash.slice(1));
    for (const name of ["q", ...FILTERS]) if (given.get(name)) $(name).value = given.get(name);
    $("filters").hidden = false;
    const again = () => { state.shown = 50; draw(); };
    let waiting = 0;
    $("q").addEventListener("focus", readWords);
    $("q").addEventListener("input", () => { readWords(); clearTimeout(waiting); waiting = setTimeout(again, 60); });
    for (const name of FILTERS) $(name).addEventListener("change", again);
    $("clear").addEventListener("click", () => { for (const name of ["q", ...FILTERS]) $(name).value = ""; again(); });
    $("more").addEventListener("click", () => { state.shown += 200; draw(); });
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    if ($("q").value) readWords();
    draw();
  }

  // --- what the catalog lacks: told by a file of its own, so that no page is written for it ---------
  function uncatalogued() {
    const note = $("uncatalogued");
    const { waiting, problem } = state.catalog;
    if (!note || !waiting.length) return;
    const run = note.dataset.run;
    if (run && !waiting.includes(run)) return;
    const what = run ? "This run is" : waiting.length === 1 ? "One run is" : `${number.format(waiting.length)} runs are`;
    note.append(`${what} not in the catalog yet${problem ? ": " : "."}`, problem, " ", element("code", { text: "lakebook datahub emit" }), " catches up.");
    note.hidden = false;
  }

  // --- keys: / searches, p and n go to the run before and after -----------------------------------
  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
    if (event.key === "/" && $("q")) { event.preventDefault(); $("q").focus(); }
    const link = { p: "a[rel=prev]", n: "a[rel=next]" }[event.key];
    const target = link && document.querySelector(link);
    if (target) location.assign(target.href);
  }
  document.addEventListener("keydown", keys);
  document.addEventListener("DOMContentLoaded", () => {
    times();
    pictures();
    uncatalogued();
    if (document.body.classList.contains("index") && $("filters")) index();
  });
  return {
    runs: (_, rows) => rows.forEach((row) => state.runs.set(row.id, row)),
    words: (_, texts) => Object.entries(texts).forEach(([id, text]) => state.words.set(id, text)),
    steps: (steps) => { state.steps = steps; },
    catalog: (note) => { state.catalog = note; },
  };
})();
