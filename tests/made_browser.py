"""A real Chromium without a window, driven over its remote debugging protocol, with a video as its camera."""

import base64
import json
import shutil
import subprocess
import time
from contextlib import contextmanager

import cv2
from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def write_y4m(path, frames, *, fps):
    """Write BGR frames of even size as YUV4MPEG2, which Chromium plays again and again as its camera."""
    height, width = frames[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in frames:
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).tobytes())


class Page:
    """One page of a browser."""

    def __init__(self, socket):
        self._socket, self._number = socket, 0
        for domain in ("Page", "Runtime", "DOM", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Call a method of the protocol and return its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(timeout=60))
            if said.get("id") == self._number:
                assert "error" not in said, said["error"]
                return said["result"]

    def open(self, url, *, width=1000, height=900, dark=False, phone=False):
        """Show a page at a size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def value(self, expression):
        """Evaluate JavaScript in the page."""
        said = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def text(self, id):
        """Return the text of an element."""
        return self.value(f"document.getElementById({id!r}).textContent")

    def until(self, expression, *, seconds=30):
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < end, f"not true in {seconds} s: {expression}; page: {self.value(_SHOWN)}"
            time.sleep(0.1)

    def choose_file(self, selector, path):
        """Put a file into a file input, as a person would."""
        document = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def picture(self, path, *, whole=False):
        """Keep a screenshot."""
        said = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(said["data"]))


_SHOWN = "document.body.innerText.slice(0, 600)"


@contextmanager
def browser(folder, *, camera=None, allowed=True):
    """Give a page of a new Chromium; ``camera`` is a video for its camera, None for a computer without one."""
    words = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--mute-audio"]
    words += [f"--user-data-dir={folder}", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    words += ["--disable-dev-shm-usage", "--disable-component-update", "--disable-extensions"]
    if camera is not None:
        words += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
    words += ["--use-fake-ui-for-media-stream"] if allowed else ["--deny-permission-prompts"]
    process = subprocess.Popen([*words, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = _port_of(folder, process)
        with connect(f"ws://127.0.0.1:{port[0]}{port[1]}", max_size=None) as whole:
            whole.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
            targets = json.loads(whole.recv(timeout=30))["result"]["targetInfos"]
            target = next(one["targetId"] for one in targets if one["type"] == "page")
        with connect(f"ws://127.0.0.1:{port[0]}/devtools/page/{target}", max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port_of(folder, process):
    end = time.monotonic() + 60
    path = folder / "DevToolsActivePort"
    while not (path.is_file() and len(path.read_text().split()) == 2):
        assert process.poll() is None, "Chromium did not start"
        assert time.monotonic() < end, "Chromium gave no port"
        time.sleep(0.1)
    port, where = path.read_text().split()
    return port, where
