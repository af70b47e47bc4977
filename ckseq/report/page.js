// The report's questions: filters and sorting of the test sequences, the matrix, and a sequence's pictures over time.
// All text from data enters by textContent, never as HTML.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const PAGE = 100; // rows shown at first, and more with each click

  const rows = data.recording.map((recording, i) => ({
    recording,
    subject: data.subject[i],
    seed: data.seed ? data.seed[i] : null,
    truth: data.truth[i],
    predicted: data.predicted[i],
    probabilities: data.probabilities[i],
    pictures: data.pictures[i],
    confidence: data.probabilities[i][data.predicted[i]],
    result: data.truth[i] === data.predicted[i] ? "correct" : "misclassified",
  }));
  let sort = { key: "confidence", down: true };
  let found = []; // the rows that pass the filters, in order
  let shown = PAGE;
  let current = null;

  function element(name, text, classes) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (classes) made.className = classes;
    return made;
  }

  // ---- the list ----

  const filters = ["truth", "predicted", "result", "subject", "seed", "low", "high"]
    .map((name) => byId(`filter-${name}`))
    .filter(Boolean);

  function passes(row) {
    const value = (name) => (byId(`filter-${name}`) || { value: "" }).value;
    const is = (name, of) => value(name) === "" || value(name) === String(of);
    const low = value("low") === "" ? 0 : Number(value("low"));
    const high = value("high") === "" ? 1 : Number(value("high"));
    const result = row.result === "correct" ? "right" : "wrong";
    return is("truth", row.truth) && is("predicted", row.predicted) && is("result", result) &&
      is("subject", row.subject) && is("seed", row.seed) && row.confidence >= low && row.confidence <= high;
  }

  function compared(a, b) {
    const [x, y] = [a[sort.key], b[sort.key]];
    const order = typeof x === "number" ? x - y : x < y ? -1 : x > y ? 1 : 0;
    return (sort.down ? -order : order) || (a.recording < b.recording ? -1 : a.recording > b.recording ? 1 : 0);
  }

  function refresh() {
    found = rows.filter(passes).sort(compared);
    shown = PAGE;
    const right = found.filter((row) => row.result === "correct").length;
    byId("count").textContent = `${found.length} of ${rows.length} predictions, ${right} of them correct`;
    for (const header of document.querySelectorAll("#list th[aria-sort]")) {
      const own = header.firstElementChild.dataset.sort === sort.key;
      header.setAttribute("aria-sort", own ? (sort.down ? "descending" : "ascending") : "none");
    }
    for (const cell of document.querySelectorAll(".matrix button")) {
      const chosen = cell.dataset.truth === byId("filter-truth").value &&
        cell.dataset.predicted === byId("filter-predicted").value;
      cell.setAttribute("aria-pressed", String(chosen));
    }
    draw();
  }

  function draw() {
    const body = byId("list").tBodies[0];
    body.replaceChildren(...found.slice(0, shown).map(line));
    const first = body.querySelector("tr[aria-current='true'] button") || body.querySelector("button");
    if (first) first.tabIndex = 0;
    const left = found.length - shown;
    byId("more").hidden = left <= 0;
    byId("more").textContent = `show ${Math.min(left, PAGE)} more of ${left}`;
  }

  function line(row) {
    const made = element("tr");
    made.setAttribute("aria-current", String(row === current));
    const name = element("th", undefined, "text");
    const button = element("button", row.recording);
    button.type = "button";
    button.tabIndex = -1; // one stop for the Tab key; arrow keys move between rows
    button.addEventListener("click", () => open(row));
    name.append(button);
    made.append(name, element("td", row.subject, "text wider"));
    if (data.seed) made.append(element("td", row.seed));
    made.append(element("td", data.labels[row.truth], "text"));
    made.append(element("td", data.labels[row.predicted], row.result === "correct" ? "text" : "text wrong"));
    made.append(element("td", row.confidence.toFixed(2)));
    made.append(element("td", row.result, row.result === "correct" ? "text wider" : "text wider wrong"));
    return made;
  }

  function clear() {
    for (const filter of filters) filter.value = filter.defaultValue || "";
  }

  // show these sequences alone, and go there
  function choose(values) {
    clear();
    for (const [name, value] of Object.entries(values)) byId(`filter-${name}`).value = value;
    refresh();
    byId("tested").scrollIntoView();
    byId("list").tBodies[0].querySelector("button").focus({ preventScroll: true });
  }

  // ---- one sequence ----

  function open(row) {
    current = row;
    for (const [i, made] of [...byId("list").tBodies[0].rows].entries()) {
      made.setAttribute("aria-current", String(found[i] === row));
      made.querySelector("button").tabIndex = found[i] === row ? 0 : -1;
    }
    const of = row.seed === null ? "" : ` (seed ${row.seed})`;
    byId("detail-name").textContent = `${row.recording}${of}`;
    byId("verdict").textContent = `Subject ${row.subject}. True class ${data.labels[row.truth]}, predicted ` +
      `${data.labels[row.predicted]} with probability ${row.confidence.toFixed(2)}: ${row.result}.`;
    showProbabilities(row);
    showPictures(row.pictures === null ? null : JSON.parse(byId(`pictures-${row.pictures}`).textContent));
    const place = found.indexOf(row);
    byId("previous").disabled = place <= 0;
    byId("next").disabled = place < 0 || place >= found.length - 1;
    byId("detail").hidden = false;
    byId("detail").scrollIntoView({ block: "nearest" });
  }

  function showProbabilities(row) {
    byId("probabilities").tBodies[0].replaceChildren(...data.labels.map((label, i) => {
      const made = element("tr", undefined, [
        i === row.truth ? "truth" : "", i === row.predicted ? "chosen" : "", row.result === "correct" ? "" : "wrong",
      ].join(" "));
      const bar = element("span", undefined, "bar");
      bar.style.width = `${100 * row.probabilities[i]}%`;
      const cell = element("td");
      cell.append(bar);
      made.append(element("th", i === row.truth ? `${label} (true)` : label, "text"));
      made.append(element("td", row.probabilities[i].toFixed(2)), cell);
      return made;
    }));
  }

  function put(holder, text, alt) {
    const image = holder.querySelector("img");
    image.src = `data:image/webp;base64,${text}`;
    image.alt = alt;
    return image;
  }

  function showPictures(pictures) {
    const missing = pictures === null ? `The pictures of this ${data.noun} are not in this page.`
      : pictures.hidden ? "The face of this subject may not be published, and is not shown." : "";
    byId("missing").textContent = missing;
    byId("missing").hidden = missing === "";
    const { faces, film, strips, units, evidence } = pictures || {};
    byId("codes").hidden = !units;
    const codes = units && units.length ? units : ["none"];
    byId("codes").querySelector("ul").replaceChildren(...codes.map((unit) => element("li", unit)));
    byId("faces").hidden = !faces;
    byId("motion").hidden = !film && !strips;
    if (faces) {
      put(byId("faces"), faces.image, faces.n > 1 ? `${faces.n} face crops from first to last` : "the face crop");
      byId("faces").querySelector("img").style.width = `${8 * faces.n}rem`;
      byId("faces").querySelector("figcaption").textContent =
        faces.n > 1 ? `${faces.n} face crops, evenly spread from the first to the last frame` : "face crop";
    }
    for (const name of ["columns", "rows"]) {
      byId(name).hidden = !strips;
      if (strips) put(byId(name), strips[name], `${name.slice(0, -1)} means over time`);
    }
    byId("film").hidden = !film;
    byId("step").steps = film ? film.steps : strips ? [...Array(strips.steps).keys()] : [];
    byId("step").total = strips ? strips.steps : film ? film.steps[film.steps.length - 1] + 1 : 0;
    if (film) {
      put(byId("film"), film.image, "motion blobs").style.width = `${100 * film.steps.length}%`;
      byId("film").querySelector("figcaption").textContent = film.signed
        ? "motion blobs: brighter in orange, darker in blue" : "motion blobs";
    }
    byId("evidence").hidden = !evidence;
    if (evidence) {
      byId("evidence").querySelector("p").textContent = evidence.sentence;
      for (const holder of byId("evidence").querySelectorAll("figure")) {
        const map = evidence[holder.dataset.map];
        holder.hidden = !map;
        if (map) put(holder, map, holder.querySelector("figcaption").textContent);
      }
    }
    const last = byId("step").steps.length - 1;
    byId("step").max = Math.max(last, 0);
    byId("step").value = last; // the apex, where sequences end
    scrub();
  }

  function scrub() {
    const { steps, total, valueAsNumber: place } = byId("step");
    if (!steps.length) return;
    byId("shown").textContent = `${steps[place] + 1} of ${total}`;
    byId("step").setAttribute("aria-valuetext", byId("shown").textContent);
    byId("film").querySelector("img").style.left = `${-100 * place}%`;
    for (const cursor of document.querySelectorAll("#detail figure i")) {
      cursor.style.left = `${100 * (steps[place] + 0.5) / total}%`;
    }
  }

  function follow(event) {
    if (event.pointerType !== "mouse" && event.type === "pointermove" && !event.buttons) return;
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const n = byId("step").steps.length;
    byId("step").value = Math.min(n - 1, Math.max(0, Math.floor(share * n)));
    scrub();
  }

  // ---- keys: arrows move between the cells of the matrix and between the rows of the list ----

  function move(from, to) {
    if (!to) return;
    from.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }

  const matrix = document.querySelector(".matrix");
  const cells = [...matrix.querySelectorAll("button")];
  cells.forEach((cell, i) => { cell.tabIndex = i ? -1 : 0; });
  matrix.addEventListener("keydown", (event) => {
    const [down, across] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [0, 0];
    if (!down && !across) return;
    event.preventDefault();
    let [row, column] = [Number(event.target.dataset.truth), Number(event.target.dataset.predicted)];
    const n = data.labels.length;
    do { // past cells without a sequence
      [row, column] = [row + down, column + across];
      const next = cells.find((one) => Number(one.dataset.truth) === row && Number(one.dataset.predicted) === column);
      if (next) { move(event.target, next); return; }
    } while (row >= 0 && row < n && column >= 0 && column < n);
  });
  matrix.addEventListener("click", (event) => {
    const cell = event.target.closest("button");
    if (cell) choose({ truth: cell.dataset.truth, predicted: cell.dataset.predicted });
  });
  byId("list").tBodies[0].addEventListener("keydown", (event) => {
    const line = event.target.closest("tr");
    const next = { ArrowDown: line.nextElementSibling, ArrowUp: line.previousElementSibling }[event.key];
    if (!next) return;
    event.preventDefault();
    move(event.target, next.querySelector("button"));
  });

  for (const button of document.querySelectorAll("[data-subject]")) {
    button.addEventListener("click", () => choose({ subject: button.dataset.subject }));
  }
  for (const button of document.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      const key = button.dataset.sort;
      sort = { key, down: sort.key === key ? !sort.down : key === "confidence" };
      refresh();
    });
  }
  for (const filter of filters) filter.addEventListener("input", refresh);
  byId("filter-reset").addEventListener("click", () => { clear(); refresh(); });
  byId("more").addEventListener("click", () => { shown += PAGE; draw(); });
  byId("previous").addEventListener("click", () => open(found[found.indexOf(current) - 1]));
  byId("next").addEventListener("click", () => open(found[found.indexOf(current) + 1]));
  byId("step").addEventListener("input", scrub);
  for (const holder of document.querySelectorAll("#motion figure > div, #evidence div:has(i)")) {
    holder.addEventListener("pointerdown", follow);
    holder.addEventListener("pointermove", follow);
  }
  const options = [...new Set(data.subject)].sort().map((subject) => {
    const option = element("option", subject);
    option.value = subject;
    return option;
  });
  byId("filter-subject").append(...options);
  byId("explorer").hidden = false;
  refresh();
})();
