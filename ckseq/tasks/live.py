"""``ckseq live``: a local web page that classifies faces of a camera, or of a video file, with the model of a run."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.inference.ready_made import load_run_or_ready_made
from ckseq.inference.sequences import with_neutral

_GRACE_S = 1


def live(
    run: Path, *, host: str, port: int, error_rate: float, neutral: Path | None = None, browser: bool, console: Console
) -> dict[str, Any]:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    run : Path
        A run folder with a model: of images, of features of a backbone, or of motion; or a ready-made model's file.
    host : str
        The address to listen at; a warning is given for any but a loopback address, which others can reach.
    port : int
        0 is any free one.
    error_rate : float
        Of early decisions, as for ``predict``.
    neutral : Path, optional
        As for ``predict``; where the run needs one and none is given, the page takes it.
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
        The extra ``live`` is not installed, the address is not available, or the model cannot run frame by frame.
    DataError
        The run has no model.
    """
    try:
        import uvicorn
        import websockets  # noqa: F401  (uvicorn imports it by itself)

        from ckseq.inference.live_session import LiveSession
        from ckseq.web.app import MAX_FRAME_BYTES, Site, make_app, remove_clips
        from ckseq.web.origin_check import LOOPBACK
    except ModuleNotFoundError as error:
        raise CallError(f"the page needs the package {error.name}", fix="pip install 'ckseq[live]'") from None
    listening = _bind(host, port)
    remove_clips()
    predictor = load_run_or_ready_made(run, error_rate=error_rate)
    if neutral is not None:  # otherwise it is taken on the page
        predictor = with_neutral(predictor, neutral)
    session = LiveSession(predictor)
    site = Site(
        predictor.run,
        predictor.labels,
        predictor.notes,
        session.new_analyzer,
        session.analyze_clip,
        shows="motion" if session.measures_motion else "crop",
        takes_neutral=session.takes_neutral,
    )
    local = host in LOOPBACK
    names = LOOPBACK if local else (*LOOPBACK, host, socket.gethostname())
    app = make_app(site, names=names, any_address=not local)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    if not local:
        console.warn(
            f"{host} can be reached from other computers, by anyone and unencrypted; browsers there give the page no "
            "camera without https"
        )
    for note in session.notes:
        console.say(note)
    console.heading(f"open {url} in a browser; Ctrl-C stops it")
    config = uvicorn.Config(
        app,
        log_config=None,  # its own would close the log handlers of TensorFlow
        log_level="error",
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,  # images are compressed; what would be unpacked is not limited
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
    )
    start = time.monotonic()
    if browser:
        import webbrowser

        threading.Timer(0.5, webbrowser.open, (url,)).start()
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
    console.say("stopped; nothing was saved")
    return {"schema": 1, "url": url, "seconds": round(time.monotonic() - start, 1)}


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()  # whoever opens the page as soon as its address is shown waits for it
    except (OSError, UnicodeError) as error:
        fix = "choose another --port, or --port 0 for any free one"
        reason = error.strerror if isinstance(error, OSError) else "it is no name of a host"
        raise CallError(f"cannot listen there: {reason}", f"{host}:{port}", fix) from None
    return bound
