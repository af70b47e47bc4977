"use strict";
// The page: pictures of the camera go to the server one at a time, and what it answers is drawn.

const at = (id) => document.getElementById(id);
const LONGEST_SIDE_PX = 640, JPEG_QUALITY = 0.92, FILM_EVERY_S = 0.35, FILM_LENGTH = 14, LOG_LENGTH = 8;
const BAND = ["#0b7a75", "#d95f02", "#7b5ea7", "#c2185b", "#5b8c2a", "#b8860b", "#1f6fb2", "#8d5a3b"];

let about = { labels: [] };
let socket = null, stream = null, begun = 0;
let lastNamed = null, lastSure = null, lastFilm = 0, answered = [];

function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function clock(seconds) {
  return `${seconds.toFixed(1)} s`;
}

async function open() {
  about = await (await fetch("/about")).json();
  at("run").textContent = [about.run, ...about.notes].join(" · ");
  for (const label of about.labels) {
    at("bars").append(
      element("span", { className: "label", textContent: label }),
      element("div", { className: "track" }, element("div", { className: "fill" })),
      element("span", { className: "value" }),
    );
  }
  bars(null);
  if (!navigator.mediaDevices) {
    at("start").disabled = true;
    trouble("This page was not opened as http://127.0.0.1 or localhost, so the browser gives it no camera. Open it on " +
      "the computer that runs ckseq, or over https. A clip can be watched all the same.");
  }
}

// the camera

async function start() {
  trouble("");
  try {
    const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
    stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  } catch (error) {
    const why = {
      NotAllowedError: "The camera is not allowed. Allow it for this page, in the browser's address bar, and start again.",
      NotFoundError: "There is no camera. Plug one in and start again.",
      NotReadableError: "The camera is in use by another program. Close that and start again.",
    }[error.name] || `The camera cannot be opened (${error.name}).`;
    trouble(`${why} A clip can be watched all the same.`);
    return;
  }
  stream.getVideoTracks()[0].addEventListener("ended", () => stop("The camera gave no more pictures. What was seen stays here."));
  at("video").srcObject = stream;
  await at("video").play();
  at("invite").hidden = true;
  at("start").textContent = "Stop";
  connect();
}

function stop(why = "") {
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
  if (socket) socket.close();
  socket = null;
  at("video").srcObject = null;
  at("boxes").getContext("2d").clearRect(0, 0, at("boxes").width, at("boxes").height);
  at("start").textContent = "Start the camera";
  at("state").textContent = "stopped";
  at("rate").textContent = "";
  trouble(why);
}

function connect() {
  const own = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket = own;
  begun = performance.now();
  own.addEventListener("open", () => show(own));
  own.addEventListener("message", (event) => {
    if (socket !== own) return;
    answer(JSON.parse(event.data));
    requestAnimationFrame(() => show(own));
  });
  own.addEventListener("close", (event) => {
    if (socket === own) stop(event.reason ? `The server closed the connection: ${event.reason}.` : "The server has stopped.");
  });
}

const sent = document.createElement("canvas");

function show(own) {
  const video = at("video");
  if (socket !== own || own.readyState !== WebSocket.OPEN) return;
  if (!video.videoWidth) {
    setTimeout(() => show(own), 50);
    return;
  }
  const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
  sent.width = Math.round(video.videoWidth * scale);
  sent.height = Math.round(video.videoHeight * scale);
  sent.getContext("2d").drawImage(video, 0, 0, sent.width, sent.height);
  const seconds = (performance.now() - begun) / 1000;
  sent.toBlob(async (blob) => {
    if (!blob || socket !== own || own.readyState !== WebSocket.OPEN) return;
    const time = new DataView(new ArrayBuffer(8));
    time.setFloat64(0, seconds, true);
    own.send(await new Blob([time.buffer, blob]).arrayBuffer());
  }, "image/jpeg", JPEG_QUALITY);
}

// what the server says

function answer(said) {
  answered = [...answered.filter((time) => time > said.time_s - 2), said.time_s];
  const span = said.time_s - answered[0];
  at("rate").textContent = span > 0.5 ? `${Math.round((answered.length - 1) / span)} pictures a second` : "";
  drawBoxes(said.faces);
  const face = said.face;
  at("state").textContent = said.faces.length === 0 ? "no face" : said.faces.length === 1 ? "1 face" : `${said.faces.length} faces`;
  if (!face) {
    name(null, "no face", said.time_s);
    bars(null);
    return;
  }
  if (face.state !== "no face") drawMotion(face, said.time_s);
  bars(face.smoothed, face.label);
  name(face.label, face.state, said.time_s, face);
}

function name(label, state, time, face = null) {
  const shown = label === null ? { "still": "resting", "moving": "…", "no face": "no face" }[state] : about.labels[label];
  at("named").textContent = shown;
  at("named").classList.toggle("unsure", label === null);
  const key = label === null ? null : `${face.number}:${label}`;
  if (key && key !== lastNamed) {
    at("moment").textContent = `named at ${clock(time)}`;
    log(time, shown, Math.max(...face.smoothed));
    for (const strip of ["columns", "rows"]) mark(at(strip));
  }
  if (face && face.sure !== null) sure(about.labels[face.sure], face);
  if (!key && state === "still") at("moment").textContent = "Show an expression and hold it.";
  lastNamed = key;
}

function sure(label, face) {
  at("moment").textContent = `sure of ${label} at ${clock(face.sure_s)}`;
  if (face.sure_s === lastSure) return;
  lastSure = face.sure_s;
  log(face.sure_s, `sure: ${label}`, Math.max(...face.smoothed));
}

function log(time, text, probability) {
  const list = at("log");
  if (list.firstElementChild.className === "soft") list.replaceChildren();
  list.prepend(element("li", {}, element("time", { textContent: clock(time) }),
    element("strong", { textContent: text }), element("span", { className: "soft", textContent: probability.toFixed(2) })));
  while (list.children.length > LOG_LENGTH) list.lastElementChild.remove();
}

function bars(probabilities, label = null) {
  const cells = at("bars").children;
  about.labels.forEach((_, i) => {
    const p = probabilities ? probabilities[i] : 0;
    cells[3 * i].classList.toggle("top", i === label);
    cells[3 * i + 1].firstElementChild.style.width = `${100 * p}%`;
    cells[3 * i + 2].textContent = probabilities ? p.toFixed(2) : "";
  });
}

function drawBoxes(faces) {
  const canvas = at("boxes"), pen = canvas.getContext("2d");
  canvas.width = sent.width;
  canvas.height = sent.height;
  pen.lineWidth = 3;
  pen.font = "600 17px system-ui, sans-serif";
  for (const face of faces) {
    const [left, top, right, bottom] = face.box;
    const number = faces.length > 1 ? `${face.number}  ` : "";
    const text = number + (face.label === null ? "face" : about.labels[face.label]);
    pen.strokeStyle = "#ffffff";
    pen.strokeRect(left, top, right - left, bottom - top);
    const width = pen.measureText(text).width + 14;
    pen.fillStyle = "#0b5c8f";
    pen.fillRect(left - 1, top - 25, width, 24);
    pen.fillStyle = "#ffffff";
    pen.fillText(text, left + 6, top - 7);
  }
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function rgb(name) {
  const value = parseInt(color(name).slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function drawMotion(face, time) {
  if (!face.blobs) return;
  const ground = rgb("--strip"), inks = [rgb("--brighter"), rgb("--darker")];
  const side = face.blobs_side, mask = bytes(face.blobs), picture = new ImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    const inked = mask[i] === 0 ? ground : inks[mask[i] - 1];
    picture.data.set([...inked, 255], 4 * i);
  }
  at("blobs").width = at("blobs").height = side;
  at("blobs").getContext("2d").putImageData(picture, 0, 0);
  if (time - lastFilm > FILM_EVERY_S) {
    lastFilm = time;
    const small = element("canvas", { width: side, height: side });
    small.getContext("2d").putImageData(picture, 0, 0);
    at("film").prepend(small);
    while (at("film").children.length > FILM_LENGTH) at("film").lastElementChild.remove();
  }
  for (const [id, line] of [["columns", face.columns], ["rows", face.rows]]) advance(at(id), bytes(line), face.channels, ground, inks);
}

// a strip moves to the left, and its newest line is drawn at the right, first place on top
function advance(canvas, line, channels, ground, inks) {
  const pen = canvas.getContext("2d", { willReadFrequently: true }), n = line.length / channels;
  if (canvas.height !== n) canvas.height = n;
  pen.drawImage(canvas, -2, 0);
  const picture = new ImageData(2, n);
  for (let i = 0; i < n; i++) {
    const mixed = [0, 1, 2].map((c) => {
      let level = ground[c];
      for (let k = 0; k < channels; k++) level += (inks[k][c] - ground[c]) * Math.min(1, 2 * line[channels * i + k] / 255);
      return level;
    });
    picture.data.set([...mixed, 255, ...mixed, 255], 8 * i);
  }
  pen.putImageData(picture, canvas.width - 2, 0);
}

function mark(canvas) {
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = color("--ink");
  pen.fillRect(canvas.width - 2, 0, 2, canvas.height);
}

// a clip

async function watch(file) {
  const state = at("clip-state");
  at("timeline").replaceChildren();
  if (file.size > about.most_clip_bytes) {
    state.textContent = `${file.name} is larger than ${about.most_clip_bytes >> 20} MiB: cut it.`;
    return;
  }
  state.textContent = `watching ${file.name} …`;
  let said;
  try {
    said = await (await fetch("/clip", { method: "POST", body: file })).json();
  } catch {
    said = { error: "the server does not answer" };
  }
  if (said.error) {
    state.textContent = `${file.name}: ${said.error}`;
    return;
  }
  const cut = said.broken ? ` ${said.broken}` : "";
  state.textContent = `${file.name}: ${clock(said.duration_s)}, ${said.n_frames} frames, ${said.n_without_face} without a face.${cut}`;
  timeline(said);
}

function timeline(said) {
  const all = Math.max(said.duration_s, 1e-3), place = at("timeline");
  const named = said.segments.filter((part) => part.label !== null);
  for (const face of [...new Set(said.segments.map((part) => part.face))]) {
    const band = element("div", { className: "band", title: `face ${face}` });
    for (const part of named.filter((one) => one.face === face)) {
      const piece = element("div", { className: "part", title: `${part.label}, ${clock(part.start_s)} to ${clock(part.end_s)}` });
      piece.style.left = `${100 * part.start_s / all}%`;
      piece.style.width = `${Math.max(0.6, 100 * (part.end_s - part.start_s) / all)}%`;
      piece.style.background = BAND[about.labels.indexOf(part.label) % BAND.length];
      band.append(piece);
    }
    place.append(band);
  }
  if (!named.length) {
    place.append(element("p", { className: "soft", textContent: "No expression was named in it." }));
    return;
  }
  const head = element("tr", {}, ...["from", "to", "face", "shows", "probability"].map((text) => element("th", { textContent: text })));
  const rows = named.map((part) => {
    const swatch = element("span", { className: "swatch" });
    swatch.style.background = BAND[about.labels.indexOf(part.label) % BAND.length];
    return element("tr", {}, element("td", { textContent: clock(part.start_s) }), element("td", { textContent: clock(part.end_s) }),
      element("td", { textContent: `${part.face}` }), element("td", {}, swatch, part.label), element("td", { textContent: part.probability.toFixed(2) }));
  });
  place.append(element("table", {}, head, ...rows));
}

at("start").addEventListener("click", () => (stream ? stop() : start()));
at("clip").addEventListener("change", (event) => {
  if (event.target.files.length) watch(event.target.files[0]);
  event.target.value = "";
});
open();
