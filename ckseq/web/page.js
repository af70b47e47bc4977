"use strict";
// The page: images of the camera go to the server one at a time, and its answers are drawn.
// The types of all messages are in /messages.js, made from ckseq/web/messages.py.

const at = (id) => document.getElementById(id);
const MAX_SIDE_PX = 640, JPEG_QUALITY = 0.92, THUMBNAIL_EVERY_S = 0.35, MAX_THUMBNAILS = 14, MAX_DECISIONS = 8;
const CLASS_COLORS = ["#0b7a75", "#d95f02", "#7b5ea7", "#c2185b", "#5b8c2a", "#b8860b", "#1f6fb2", "#8d5a3b"];

// what the page sends as text, see ckseq/web/messages.py
const TAKE_NEUTRAL = "take neutral", START_OVER = "start over";
const ADVICE = {
  needed: "This model compares you with your own neutral face. Look neutral for two seconds to begin.",
  taken: "Your neutral face was taken.",
  "no face": "No face was seen well enough. Look at the camera and try again.",
};
const PERSON_ADVICE = {
  new: "Another face has taken the place of the one before.",
  unlike: "This looks like another person than at the start, or the light has changed. Start over.",
};

/** @type {About} */
let about = null;
let socket = null, stream = null, startedMs = 0;
let lastLabel = null, lastSure = null, lastThumbnail = 0, answerTimes = [];

class SchemaError extends Error {
  constructor() {
    super("The program was updated. Reload this page.");
  }
}

function showError(text) {
  at("error").textContent = text;
  at("error").hidden = !text;
}

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

function cssColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function classColor(label) {
  return CLASS_COLORS[about.labels.indexOf(label) % CLASS_COLORS.length];
}

function seconds(time) {
  return `${time.toFixed(1)} s`;
}

function counted(n, noun) {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** Return a message if it has exactly the fields of its type; throw where the server has another schema. */
function checked(type, message) {
  const fields = MESSAGE_FIELDS[type];
  const same = fields.length === Object.keys(message).length && fields.every((field) => field in message);
  if (!same) throw new SchemaError();
  return message;
}

async function open() {
  about = checked("About", await (await fetch("/about")).json());
  at("run").textContent = [about.run, ...about.notes].join(" · ");
  for (const label of about.labels) {
    at("bars").append(
      element("span", { className: "label", textContent: label }),
      element("div", { className: "track" }, element("div", { className: "fill" })),
      element("span", { className: "value" }),
    );
  }
  at("neutral").hidden = !about.takes_neutral;
  const showsCrop = about.shows === "crop";
  at("crop-section").hidden = !showsCrop;
  at("motion-section").hidden = showsCrop;
  if (showsCrop) {
    at("reads").textContent = "looks";
    at("moment").textContent = "Show an expression.";
  }
  showProbabilities(null);
  if (!navigator.mediaDevices) {
    at("start").disabled = true;
    showError("The browser gives no camera to a page that was not opened as http://127.0.0.1 or localhost. Open it on " +
      "the computer that runs ckseq, or over https. You can still analyze a video file.");
  }
}

// the camera

async function start() {
  showError("");
  try {
    const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
    stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  } catch (error) {
    const reason = {
      NotAllowedError: "The camera is not allowed. Allow it for this page, in the browser's address bar, and start again.",
      NotFoundError: "There is no camera. Plug one in and start again.",
      NotReadableError: "The camera is in use by another program. Close that and start again.",
    }[error.name] || `The camera cannot be opened (${error.name}).`;
    showError(`${reason} You can still analyze a video file.`);
    return;
  }
  stream.getVideoTracks()[0].addEventListener("ended", () => stop("The camera was disconnected. The results so far stay here."));
  at("video").srcObject = stream;
  await at("video").play();
  at("invite").hidden = true;
  at("start").textContent = "Stop";
  at("person").hidden = false;
  connect();
}

function stop(reason = "") {
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
  if (socket) socket.close();
  socket = null;
  at("video").srcObject = null;
  at("boxes").getContext("2d").clearRect(0, 0, at("boxes").width, at("boxes").height);
  at("start").textContent = "Start the camera";
  at("state").textContent = "stopped";
  at("rate").textContent = "";
  at("person").hidden = at("countdown").hidden = true;
  showError(reason);
}

function connect() {
  const own = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket = own;
  startedMs = performance.now();
  own.addEventListener("open", () => sendImage(own));
  own.addEventListener("message", (event) => {
    if (socket !== own) return;
    try {
      showFrame(checked("FrameAnswer", JSON.parse(event.data)));
    } catch (error) {
      stop(error.message);
      throw error;
    }
    requestAnimationFrame(() => sendImage(own));
  });
  own.addEventListener("close", (event) => {
    if (socket === own) stop(event.reason ? `The server closed the connection: ${event.reason}.` : "The server has stopped.");
  });
}

const sent = document.createElement("canvas");

function sendImage(own) {
  const video = at("video");
  if (socket !== own || own.readyState !== WebSocket.OPEN) return;
  if (!video.videoWidth) {
    setTimeout(() => sendImage(own), 50);
    return;
  }
  const scale = Math.min(1, MAX_SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
  sent.width = Math.round(video.videoWidth * scale);
  sent.height = Math.round(video.videoHeight * scale);
  sent.getContext("2d").drawImage(video, 0, 0, sent.width, sent.height);
  const time = (performance.now() - startedMs) / 1000;
  sent.toBlob(async (blob) => {
    if (!blob || socket !== own || own.readyState !== WebSocket.OPEN) return;
    const head = new DataView(new ArrayBuffer(8));
    head.setFloat64(0, time, true);
    own.send(await new Blob([head.buffer, blob]).arrayBuffer());
  }, "image/jpeg", JPEG_QUALITY);
}

// the answers

/** @param {FrameAnswer} frame */
function showFrame(frame) {
  answerTimes = [...answerTimes.filter((time) => time > frame.time_s - 2), frame.time_s];
  const span = frame.time_s - answerTimes[0];
  at("rate").textContent = span > 0.5 ? `${Math.round((answerTimes.length - 1) / span)} images per second` : "";
  drawBoxes(frame.faces);
  at("state").textContent = frame.faces.length === 0 ? "no face" : counted(frame.faces.length, "face");
  showPerson(frame);
  const largest = frame.largest;
  if (!largest) {
    at("class").textContent = "no face";
    at("class").classList.add("none");
    lastLabel = null;
    showProbabilities(null);
    return;
  }
  if (largest.state !== "no face" && largest.motion) drawMotion(largest.motion, frame.time_s);
  if (largest.state !== "no face" && largest.crop) drawCrop(largest.crop, frame.time_s);
  showProbabilities(largest.smoothed, largest.label);
  showDecision(largest, frame.time_s);
}

/**
 * Show the countdown of the neutral face, and what became of it and of the person.
 * @param {FrameAnswer} frame
 */
function showPerson(frame) {
  const taking = frame.neutral === "taking";
  at("countdown").hidden = !taking;
  at("neutral").disabled = taking;
  if (taking) {
    const left = (frame.neutral_left_s ?? 0).toFixed(1);
    at("countdown").textContent = frame.faces.length ? `Look neutral: ${left} s` : `No face is seen: ${left} s`;
  }
  const warning = taking ? "" : PERSON_ADVICE[frame.person] ?? "";
  const text = [warning, taking ? "" : ADVICE[frame.neutral] ?? ""].filter(Boolean).join(" ");
  if (at("advice").textContent !== text) at("advice").textContent = text;
  at("advice").classList.toggle("warns", Boolean(warning) || frame.neutral === "no face");
}

function tell(command) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(command);
  lastLabel = lastSure = null;
  for (const strip of ["columns", "rows"]) at(strip).getContext("2d").clearRect(0, 0, at(strip).width, at(strip).height);
  for (const reel of ["thumbnails", "crop-thumbnails"]) at(reel).replaceChildren();
  at("moment").textContent = "";
}

/** @param {LargestFace} largest */
function showDecision(largest, time) {
  const label = largest.label === null ? null : about.labels[largest.label];
  at("class").textContent = label ?? { "still": "neutral", "moving": "…", "visible": "…", "no face": "no face" }[largest.state];
  at("class").classList.toggle("none", label === null);
  const key = label === null ? null : `${largest.number}:${label}`;
  if (key && key !== lastLabel) {
    at("moment").textContent = `${label} since ${seconds(time)}`;
    addDecision(time, label, Math.max(...largest.smoothed));
    if (about.shows === "motion") for (const strip of ["columns", "rows"]) drawMarker(at(strip));
  }
  if (largest.sure !== null) {
    at("moment").textContent = `sure of ${about.labels[largest.sure]} at ${seconds(largest.sure_s)}`;
    if (largest.sure_s !== lastSure) {
      lastSure = largest.sure_s;
      addDecision(largest.sure_s, `sure: ${about.labels[largest.sure]}`, Math.max(...largest.smoothed));
    }
  }
  if (!key && largest.state === "still") at("moment").textContent = "Show an expression and hold it.";
  lastLabel = key;
}

function addDecision(time, text, probability) {
  const list = at("log");
  if (list.firstElementChild.className === "soft") list.replaceChildren();
  list.prepend(element("li", {}, element("time", { textContent: seconds(time) }),
    element("strong", { textContent: text }), element("span", { className: "soft", textContent: probability.toFixed(2) })));
  while (list.children.length > MAX_DECISIONS) list.lastElementChild.remove();
}

function showProbabilities(probabilities, label = null) {
  const cells = at("bars").children;
  about.labels.forEach((_, i) => {
    const p = probabilities ? probabilities[i] : 0;
    cells[3 * i].classList.toggle("top", i === label);
    cells[3 * i + 1].firstElementChild.style.width = `${100 * p}%`;
    cells[3 * i + 2].textContent = probabilities ? p.toFixed(2) : "";
  });
}

/** @param {FaceBox[]} faces */
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

function decodeBytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function rgb(name) {
  const value = parseInt(cssColor(name).slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function addThumbnail(reel, pixels, time) {
  if (time - lastThumbnail <= THUMBNAIL_EVERY_S) return;
  lastThumbnail = time;
  const thumbnail = element("canvas", { width: pixels.width, height: pixels.height });
  thumbnail.getContext("2d").putImageData(pixels, 0, 0);
  reel.prepend(thumbnail);
  while (reel.children.length > MAX_THUMBNAILS) reel.lastElementChild.remove();
}

/** @param {FaceCrop} crop */
function drawCrop(crop, time) {
  const side = crop.side, channels = crop.channels, levels = decodeBytes(crop.pixels), pixels = new ImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = levels[channels * i + (channels === 3 ? c : 0)];
    pixels.data[4 * i + 3] = 255;
  }
  at("crop").width = at("crop").height = side;
  at("crop").getContext("2d").putImageData(pixels, 0, 0);
  at("crop-size").textContent = `${crop.model_side}x${crop.model_side} pixels, ${channels === 3 ? "color" : "gray"}`;
  addThumbnail(at("crop-thumbnails"), pixels, time);
}

/** @param {FaceMotion} motion */
function drawMotion(motion, time) {
  const ground = rgb("--strip"), inks = [rgb("--brighter"), rgb("--darker")];
  const side = motion.side, blobs = decodeBytes(motion.blobs), pixels = new ImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    pixels.data.set([...(blobs[i] === 0 ? ground : inks[blobs[i] - 1]), 255], 4 * i);
  }
  at("blobs").width = at("blobs").height = side;
  at("blobs").getContext("2d").putImageData(pixels, 0, 0);
  addThumbnail(at("thumbnails"), pixels, time);
  addLine(at("columns"), decodeBytes(motion.columns), motion.channels, ground, inks);
  addLine(at("rows"), decodeBytes(motion.rows), motion.channels, ground, inks);
}

// the strip moves to the left, and the new line is drawn at its right end
function addLine(canvas, line, channels, ground, inks) {
  const pen = canvas.getContext("2d", { willReadFrequently: true }), n = line.length / channels;
  if (canvas.height !== n) canvas.height = n;
  pen.drawImage(canvas, -2, 0);
  const pixels = new ImageData(2, n);
  for (let i = 0; i < n; i++) {
    const mixed = [0, 1, 2].map((c) => {
      let level = ground[c];
      for (let k = 0; k < channels; k++) level += (inks[k][c] - ground[c]) * Math.min(1, 2 * line[channels * i + k] / 255);
      return level;
    });
    pixels.data.set([...mixed, 255, ...mixed, 255], 8 * i);
  }
  pen.putImageData(pixels, canvas.width - 2, 0);
}

function drawMarker(canvas) {
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = cssColor("--ink");
  pen.fillRect(canvas.width - 2, 0, 2, canvas.height);
}

// a video file

async function analyzeFile(file) {
  const state = at("clip-state");
  at("timeline").replaceChildren();
  closePlayer();
  if (file.size > about.max_clip_bytes) {
    state.textContent = `${file.name} is larger than ${about.max_clip_bytes >> 20} MiB: cut it.`;
    return;
  }
  state.textContent = `analyzing ${file.name} …`;
  let response, message;
  try {
    response = await fetch("/clip", { method: "POST", body: file });
    message = await response.json();
  } catch {
    state.textContent = `${file.name}: the server does not answer`;
    return;
  }
  try {
    if (response.ok) {
      const clip = checked("ClipAnswer", message);
      showClip(file.name, clip);
      openPlayer(file, clip);
    } else {
      const failure = checked("Failure", message);
      state.textContent = `${file.name}: ${failure.error}`;
    }
  } catch (error) {
    state.textContent = error.message;
    throw error;
  }
}

/** @param {ClipAnswer} clip */
function showClip(name, clip) {
  const incomplete = clip.incomplete ? ` ${clip.incomplete}` : "";
  at("clip-state").textContent = `${name}: ${seconds(clip.duration_s)}, ${counted(clip.n_frames, "frame")}, ` +
    `${clip.n_without_face} without a face, ${counted(clip.faces, "face")}.${incomplete}`;
  const duration = Math.max(clip.duration_s, 1e-3);
  for (const face of new Set(clip.segments.map((segment) => segment.face))) {
    const band = element("div", { className: "band", title: `face ${face}` });
    for (const segment of clip.segments.filter((segment) => segment.face === face && ["moving", "visible"].includes(segment.state))) {
      band.append(timelineBar(segment, duration));
    }
    at("timeline").append(band);
  }
  const classified = clip.segments.filter((segment) => segment.label !== null);
  if (classified.length) {
    const titles = ["from", "to", "face", "class", "probability"];
    if (classified.some((segment) => segment.sure !== null)) titles.push("sure at");
    const head = element("tr", {}, ...titles.map((text) => element("th", { textContent: text })));
    at("timeline").append(element("table", {}, head, ...classified.map(tableRow)));
  } else {
    at("timeline").append(element("p", { className: "soft", textContent: "No expression was recognized." }));
  }
}

// the video itself stays in the browser: it is played from where it was chosen, and the timeline below follows it
let clipFiles = [], clipUrls = [];

function closePlayer() {
  const player = at("clip-video");
  player.onerror = player.ontimeupdate = player.onloadedmetadata = null;
  player.removeAttribute("src");
  player.load();
  player.hidden = at("clip-download").hidden = true;
  clipUrls.forEach((url) => URL.revokeObjectURL(url));
  clipFiles = clipUrls = [];
}

/** @param {ClipAnswer} clip */
function openPlayer(file, clip) {
  const answer = new Blob([JSON.stringify({ file: file.name, ...clip }, null, 2)], { type: "application/json" });
  clipFiles = [file, answer];
  clipUrls = clipFiles.map((one) => URL.createObjectURL(one));
  const download = at("clip-download");
  download.href = clipUrls[1];
  download.download = `${file.name}.json`;
  download.hidden = false;
  const player = at("clip-video");
  const share = () => player.currentTime / Math.max(clip.duration_s, 1e-3);
  player.onerror = () => {
    player.hidden = true;
    at("clip-state").textContent += " This browser does not play videos of this kind.";
  };
  player.onloadedmetadata = () => {
    player.hidden = false;
    for (const band of document.querySelectorAll("#timeline .band")) {
      band.classList.add("seeks");
      band.append(element("div", { className: "playhead" }));
      band.addEventListener("click", (event) => {
        const edges = band.getBoundingClientRect();
        player.currentTime = clip.duration_s * (event.clientX - edges.left) / edges.width;
      });
    }
  };
  player.ontimeupdate = () => {
    for (const head of document.querySelectorAll("#timeline .playhead")) {
      head.style.left = `${100 * Math.min(share(), 1)}%`;
    }
  };
  player.src = clipUrls[0];
}

/** @param {Segment} segment */
function timelineBar(segment, duration) {
  const title = `${segment.label ?? `${segment.state}, no class`}, ${seconds(segment.start_s)} to ${seconds(segment.end_s)}`;
  const bar = element("div", { className: "part", title });
  bar.style.left = `${100 * segment.start_s / duration}%`;
  bar.style.width = `${Math.max(0.6, 100 * (segment.end_s - segment.start_s) / duration)}%`;
  if (segment.label !== null) bar.style.background = classColor(segment.label);
  return bar;
}

/** @param {Segment} segment */
function tableRow(segment) {
  const swatch = element("span", { className: "swatch" });
  swatch.style.background = classColor(segment.label);
  const texts = [seconds(segment.start_s), seconds(segment.end_s), segment.face, "", segment.probability.toFixed(2)];
  if (segment.sure !== null) texts.push(`${seconds(segment.sure_s)} ${segment.sure}`);
  const cells = texts.map((text) => element("td", { textContent: `${text}` }));
  cells[3].append(swatch, segment.label);
  return element("tr", {}, ...cells);
}

at("start").addEventListener("click", () => (stream ? stop() : start()));
at("neutral").addEventListener("click", () => tell(TAKE_NEUTRAL));
at("over").addEventListener("click", () => {
  tell(START_OVER);
  at("log").replaceChildren(element("li", { className: "soft", textContent: "none yet" }));
});
at("clip").addEventListener("change", (event) => {
  if (event.target.files.length) analyzeFile(event.target.files[0]);
  event.target.value = "";
});
open().catch((error) => showError(error.message));
