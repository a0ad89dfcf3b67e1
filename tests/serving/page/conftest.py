"""A service in a folder of its own with small fits in it, and Chromium to look at its page."""

import base64
import io
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inr.serving.page import EXAMPLE

FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing", "--disable-gpu-rasterization",
)  # fmt: skip
WIDE, PHONE = (1440, 900), (390, 844)
PATIENCE = 120  # seconds in which a small fit ends on a slow machine


@dataclass(frozen=True)
class Service:
    """A running `inr serve`."""

    base: str
    token: str

    def call(self, method: str, path: str, **given: Any) -> Any:
        """What the API answers, as JSON."""
        import httpx

        answer = httpx.request(
            method, self.base + path, headers={"Authorization": f"Bearer {self.token}"}, timeout=60, **given
        )
        answer.raise_for_status()
        return answer.json()

    def upload(self, name: str, data: bytes) -> dict[str, Any]:
        """The signal that a file becomes."""
        import httpx

        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/octet-stream"}
        sent = httpx.post(f"{self.base}/v1/signals", params={"name": name}, content=data, headers=headers, timeout=60)
        sent.raise_for_status()
        return self._until(f"/v1/signals/{sent.json()['id']}", ("ready",))

    def fit(self, name: str, data: bytes, **options: Any) -> str:
        """The id of a field of a file."""
        signal = self.upload(name, data)
        job = self.call(
            "POST", "/v1/jobs", json={"kind": "fit", "signal": signal["id"], "name": name, "options": options}
        )
        return str(self._until(f"/v1/jobs/{job['id']}", ("done",))["id"])

    def stopped(self, name: str, data: bytes) -> str:
        """The id of a fit of a file that was stopped when it had learned something."""
        signal = self.upload(name, data)
        options = {"encoding": "identity", "network": "mlp:depth=1,width=16", "engine": "eager", "steps": 1_000_000}
        job = self.call(
            "POST", "/v1/jobs", json={"kind": "fit", "signal": signal["id"], "name": name, "options": options}
        )
        ends = time.monotonic() + PATIENCE
        while not ((self.call("GET", f"/v1/jobs/{job['id']}")["progress"] or {}).get("step") or 0) > 0:
            assert time.monotonic() < ends, "the fit has not begun"
            time.sleep(0.2)
        self.call("POST", f"/v1/jobs/{job['id']}/cancel")
        return str(self._until(f"/v1/jobs/{job['id']}", ("cancelled",))["id"])

    def _until(self, path: str, states: tuple[str, ...]) -> dict[str, Any]:
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            found: dict[str, Any] = self.call("GET", path)
            if found["state"] in states:
                return found
            assert found["state"] not in {"failed", "refused", "cancelled"}.difference(states), found["problem"]
            time.sleep(0.2)
        raise AssertionError(f"{path} is not {' or '.join(states)} after {PATIENCE} s")


@pytest.fixture(scope="session")
def service(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    command = [sys.executable, str(root / "cli.py"), "serve", str(folder), "--port", "0", "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            link = next(line.split()[-1] for line in process.stdout if "#code=" in line)
            yield Service(link.partition("/#")[0], (folder / "token").read_text().strip())
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra service-tests)")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no chromium on this machine")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


Open = Callable[..., Any]


@pytest.fixture
def visit(service: Service, chromium: Any) -> Iterator[Open]:
    """Opens the page at an address, signed in unless told otherwise; what it complains of fails the test."""
    contexts, said = [], []

    def visit(address: str = "#/", *, size=WIDE, scheme: str = "light", signed_in: bool = True, **options: Any) -> Any:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, accept_downloads=True,
            has_touch=size == PHONE, **options,
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(line.text) if _is_complaint(line) else None)
        if signed_in:
            page.goto(f"{service.base}/#code={service.token}")
            page.locator(".hero h1").wait_for()
        if not signed_in or address != "#/":
            page.goto("about:blank")
            page.goto(f"{service.base}/{address}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []


def _is_complaint(line: Any) -> bool:
    """Whether a line of the console tells of a mistake, as of what the policy blocked.

    A refused request is none, nor is it one that graphics without a GPU are slow.
    """
    harmless = ("Failed to load resource", "GL Driver Message (OpenGL, Performance")
    return line.type in ("error", "warning") and not any(words in line.text for words in harmless)


def eventually(page: Any, holds: Callable[[], bool]) -> None:
    """Waits until something holds that the page does not tell of."""
    ends = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < ends, f"not so after {PATIENCE} s"
        page.wait_for_timeout(50)


def still(page: Any, element: Any) -> bytes:
    """What an element looks like when it no longer changes."""
    ends = time.monotonic() + PATIENCE
    before = b""
    while (now := shot(element)) != before:
        assert time.monotonic() < ends, f"still moving after {PATIENCE} s"
        before = now
        page.wait_for_timeout(400)
    return now


def shot(element: Any) -> bytes:
    """A picture of an element, without the style that hides carets, which the page's policy would block."""
    return bytes(element.screenshot(caret="initial"))


def picture(left: int = 130, side: int = 64) -> bytes:
    """A PNG of a part of the example."""
    file = io.BytesIO()
    Image.open(EXAMPLE).crop((left, 90, left + side, 90 + side)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def fields(service: Service) -> tuple[str, str]:
    """Two fields of one picture, the second of fewer steps."""
    data = picture()
    return service.fit("eye.png", data, steps=300, exact=True), service.fit("eye.png", data, steps=30, exact=True)


@pytest.fixture(scope="session")
def sound(service: Service) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes((8000 * np.sin(np.arange(4000) / 5)).astype("<i2").tobytes())
    return service.fit("tone.wav", file.getvalue(), steps=100, exact=True)


@pytest.fixture(scope="session")
def volume(service: Service) -> str:
    file = io.BytesIO()
    np.save(file, np.linspace(0, 1, 8 * 24 * 32, dtype=np.float32).reshape(8, 24, 32))
    return service.fit("ramp.npy", file.getvalue(), steps=100, exact=True)


def mesh() -> bytes:
    """An OBJ of a box, 2 x 1 x 1."""
    corners = [(2 * x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    sides = ("1 2 4", "1 4 3", "5 8 6", "5 7 8", "1 6 2", "1 5 6", "3 4 8", "3 8 7", "1 7 5", "1 3 7", "2 6 8", "2 8 4")
    return "\n".join([*("v {} {} {}".format(*each) for each in corners), *(f"f {each}" for each in sides)]).encode()


@pytest.fixture(scope="session")
def shape(service: Service) -> str:
    return service.fit("box.obj", mesh(), steps=100, encoding="dense:levels=3,coarsest=4,finest=16")


def drop(page: Any, name: str, data: bytes) -> None:
    """Drops a file on the page, as a hand would."""
    page.evaluate(
        """([name, data]) => {
          const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], name));
          for (const kind of ["dragenter", "dragover", "drop"]) {
            document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
          }
        }""",
        [name, base64.b64encode(data).decode()],
    )
