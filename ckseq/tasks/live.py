"""``ckseq live``: a local web page that watches a camera, or a clip, with the model of a run."""

from __future__ import annotations

import base64
import contextlib
import math
import socket
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.console import Bar, Console
from ckseq.errors import CallError
from ckseq.experiment.early_classification import stop_rule
from ckseq.inference.predictor import Model, as_seen, causal, load_model, watch
from ckseq.inference.video_timeline import Film, watch_film
from ckseq.signal.faces import Box
from ckseq.storage.run_record import read_run
from ckseq.storage.video import Video
from ckseq.tracking.face_tracker import Seen
from ckseq.tracking.timeline import Decision, TimelineConfig

MOST_CLIP_S = 120.0
_SHOWN_PX = 89  # a third of a crop's side: enough for a small picture, a tenth of the bytes
# while a clip is watched, a page that waits for the model gets its turn between two frames
_TURN_S = 0.002
_CLOSING_S = 1


def live(run: Path, *, host: str, port: int, error_rate: float, browser: bool, console: Console) -> dict[str, Any]:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    run : Path
        A run folder with a model that reads projections.
    host : str
        The address to listen at; anything but a loopback address can be reached by others, which is warned of.
    port : int
        0 is any free one.
    error_rate : float
        An answer is sure as soon as no more than this share of such answers is wrong; as for ``predict``.
    browser : bool
        Open the page in the system's browser.
    console : Console

    Returns
    -------
    dict
        ``url`` and ``seconds``, how long it was served.

    Raises
    ------
    CallError
        The extra ``live`` is not installed, the address cannot be listened at, or the run cannot be watched with.
    DataError
        The run has no model.
    """
    try:
        import uvicorn
        import websockets  # noqa: F401  (uvicorn finds it by itself)

        from ckseq.web.app import MOST_FRAME_BYTES, make_app
        from ckseq.web.origin_check import LOOPBACK
    except ModuleNotFoundError as error:
        raise CallError(f"the page needs the package {error.name}", fix="pip install 'ckseq[live]'") from None
    bound = _bind(host, port)
    alone = host in LOOPBACK
    watching = Watching(run, error_rate=error_rate)
    app = make_app(watching.site(), names=(*LOOPBACK, host, socket.gethostname()) if not alone else LOOPBACK,
                   any_address=not alone)  # fmt: skip
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{bound.getsockname()[1]}"
    if not alone:
        console.warn(
            f"{host} can be reached from other computers, by anyone and unencrypted; browsers there give the page no "
            "camera without https"
        )
    for sentence in watching.told:
        console.say(sentence)
    console.step(f"open {url} in a browser; Ctrl-C stops it")
    config = uvicorn.Config(
        app,
        log_config=None,  # its own would close the log handlers of TensorFlow
        log_level="error",
        ws="websockets-sansio",
        ws_max_size=MOST_FRAME_BYTES,
        timeout_graceful_shutdown=_CLOSING_S,
        server_header=False,
    )
    start = time.monotonic()
    if browser:
        import webbrowser

        threading.Timer(0.5, webbrowser.open, (url,)).start()
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[bound])
    console.say("stopped; nothing was kept")
    return {"schema": 1, "url": url, "seconds": round(time.monotonic() - start, 1)}


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        fix = "choose another --port, or --port 0 for any free one"
        raise CallError(f"cannot be listened at: {error.strerror}", f"{host}:{port}", fix) from None
    return bound


class Watching:
    """A run's model, asked by one at a time, and what the page asks of it.

    Parameters
    ----------
    run : Path
    error_rate : float
        See `live`.

    Attributes
    ----------
    told : list of str
        What is done otherwise than in training, and what cannot be told.
    """

    def __init__(self, run: Path, *, error_rate: float) -> None:
        self._model = load_model(run)
        self._config = TimelineConfig()
        self._turn = threading.Lock()
        self._about = {
            "run": run.resolve().name,
            "labels": list(self._model.labels),
            "notes": list(read_run(run).notes),
        }
        watch(self._model, self._config)  # refuses here, and not the first visitor, what cannot be watched with
        self.told = [f"watched with {sentence}" for sentence in causal(self._model.pipeline)[1]]
        self._sure_above = stop_rule(run, error_rate=error_rate)
        if self._sure_above == math.inf:
            self.told.append(f"the run was tested on too few people to tell a sure answer at {error_rate:.0%} errors")
        _warm(self._model)

    def site(self) -> Any:
        """Return what the page is about, as `ckseq.web.app.Site`."""
        from ckseq.web.app import Site

        return Site(self._about, self._begin, self._watch_clip)

    def _begin(self) -> Visitor:
        return Visitor(self._model, self._config, self._turn, sure_above=self._sure_above)

    def _watch_clip(self, path: Path) -> dict[str, Any]:
        video = Video(path)
        with self._turn:
            item, broken = watch_film(
                self._in_turns(video.frames()),
                self._model,
                self._config,
                fps=video.fps,
                kept=None,
                sure_above=self._sure_above,
                at_most_s=MOST_CLIP_S,
                bar=Bar(),
            )
        if broken:
            broken = broken.removeprefix(f"{path}: ")
        elif item["duration_s"] > MOST_CLIP_S - 1:
            broken = f"Only the first {MOST_CLIP_S:.0f} seconds were watched."
        return {**item, "broken": broken}

    def _in_turns(self, film: Film) -> Film:
        for frame in film:
            self._turn.release()
            time.sleep(_TURN_S)
            self._turn.acquire()
            yield frame


def _warm(model: Model) -> None:
    """Ask once for nothing: the first answer of a network takes long."""
    shape = model.network.input_shape[1:] if hasattr(model.network, "input_shape") else model.network[0].input_shape
    model.ask(np.zeros(shape, np.float32))


class Visitor:
    """One open page: the faces in its pictures, and what was last said of each.

    Parameters
    ----------
    model : Model
    config : TimelineConfig
    turn : threading.Lock
        Held while the model is asked.
    sure_above : float or None
        As for `ckseq.tracking.timeline.Timeline`.
    """

    def __init__(self, model: Model, config: TimelineConfig, turn: threading.Lock, *, sure_above: float | None) -> None:
        self._pipeline, self._turn = model.pipeline, turn
        self._watch = watch(model, config, sure_above=sure_above)
        self._said: dict[int, Decision] = {}

    def step(self, time_s: float, image: NDArray[np.uint8]) -> dict[str, Any]:
        """Take the next picture, (h, w, 3) uint8 BGR, and return what the page shows: see ``answer`` in page.js."""
        with self._turn:
            seen = self._watch.step(time_s, as_seen(image, self._pipeline))
        self._said = {one.face: said for one in seen if (said := one.decision or self._said.get(one.face)) is not None}
        there = sorted(((one.step.box, one) for one in seen if one.there and one.step.box), key=_width, reverse=True)
        faces = [{"number": one.face, "box": box[:4], "label": self._label(one)} for box, one in there]
        return {"time_s": time_s, "faces": faces, "face": self._large(there[0][1]) if there else None}

    def _label(self, one: Seen) -> int | None:
        said = self._said.get(one.face)
        return None if said is None else said.label

    def _large(self, one: Seen) -> dict[str, Any]:
        """Return all that is shown of the largest face."""
        said = self._said.get(one.face) or Decision(0.0, "still", None, None, None, None, None)
        shown: dict[str, Any] = {
            "number": one.face,
            "state": said.state,
            "label": said.label,
            "smoothed": None if said.smoothed is None else [round(float(p), 4) for p in said.smoothed],
            "sure": said.sure,
            "sure_s": said.sure_s,
        }
        if one.step.blobs is None or one.step.projections is None:
            return shown
        # of what is signed, brighter and darker; what moves just now is for networks
        blobs = np.atleast_3d(one.step.blobs)[..., :2]
        projections = np.atleast_3d(one.step.projections)[..., :2]
        return shown | {
            "blobs_side": _SHOWN_PX,
            "blobs": _text(_small(blobs)),
            "channels": projections.shape[-1],
            "columns": _text(_line(projections[0])),
            "rows": _text(_line(projections[1])),
        }


def _width(face: tuple[Box, Seen]) -> int:
    return face[0].right - face[0].left


def _small(blobs: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return blobs (n, n, channels) as a small picture: 0 where nothing moves, else the number of the channel."""
    size = (_SHOWN_PX, _SHOWN_PX)
    shares = [
        cv2.resize(np.ascontiguousarray(blobs[..., k], np.float32), size, interpolation=cv2.INTER_AREA)
        for k in range(blobs.shape[-1])
    ]
    stacked = np.stack([np.full(size, 1 / 3, np.float32), *shares])
    return stacked.argmax(axis=0).astype(np.uint8)


def _line(means: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return means (n, channels) as levels of a short line, (89, channels)."""
    short = cv2.resize(np.ascontiguousarray(means), (means.shape[1], _SHOWN_PX), interpolation=cv2.INTER_AREA)
    return (255 * np.clip(short, 0, 1)).round().astype(np.uint8)


def _text(array: NDArray[np.uint8]) -> str:
    return base64.b64encode(array.tobytes()).decode()
