"""Pictures of the service's page for the documentation, taken in Chromium from a service of its own.

    python tools/screenshots.py docs/images

Needs the extra service-tests and chromium; takes about three minutes.
"""

import io
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

EXAMPLES = Path(__file__).parents[1] / "examples"
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WIDE, PHONE = (1440, 900), (390, 844)
LARGEST = 300_000  # bytes of a picture


class Service:
    """A service that runs in a folder of its own while inside."""

    def __enter__(self) -> "Service":
        self._folder = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "inr", "serve", self._folder.name, "--port", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        link = next(line.split()[-1] for line in self._process.stdout if "#code=" in line)
        self.base = link.partition("/#")[0]
        self.token = (Path(self._folder.name) / "token").read_text(encoding="utf-8").strip()
        self._client = httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def fit(self, name: str, data: bytes, **options: Any) -> str:
        """The id of the job, at once."""
        headers = {"Content-Type": "application/octet-stream"}
        signal = self._client.post("/v1/signals", params={"name": name}, content=data, headers=headers).json()
        asked = {"kind": "fit", "signal": signal["id"], "name": name, "options": options}
        return str(self._client.post("/v1/jobs", json=asked).raise_for_status().json()["id"])

    def wait(self) -> None:
        """Until nothing is left to be done."""
        while any(self._client.get("/v1/queue").json()[state] for state in ("waiting", "running")):
            time.sleep(0.5)


def volume() -> bytes:
    """A ball of waves, 24 x 64 x 80 samples."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, count) for count in (24, 64, 80)), indexing="ij")
    ball = x**2 + y**2 + z**2
    file = io.BytesIO()
    np.save(file, (np.exp(-30 * (ball - 0.5) ** 2) + np.sin(9 * x + 4 * z) * np.exp(-4 * ball)).astype(np.float32))
    return file.getvalue()


def open_page(browser: Browser, service: Service, size: tuple[int, int] = WIDE, scheme: str = "light") -> Page:
    """The first page, signed in."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{service.base}/#code={service.token}")
    page.locator(".hero").wait_for()
    return page


def zoom(page: Page, times: int, at: tuple[float, float]) -> None:
    """Zooms in about a place, given in shares of the stage."""
    box = page.locator(".stage-canvas").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"])
    for _ in range(times):
        page.mouse.wheel(0, -120)
        page.wait_for_timeout(250)
    page.wait_for_timeout(4000)
    page.mouse.move(0, 0)


def take(page: Page, output: Path, name: str) -> None:
    """Saves what is seen."""
    path = output / f"service-{name}.webp"
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, quality=88, method=6)
    print(path, path.stat().st_size)
    assert path.stat().st_size < LARGEST


def main(output: Path) -> None:
    """Take every picture."""
    cat, bach = (EXAMPLES / "chelsea.png").read_bytes(), (EXAMPLES / "bach.wav").read_bytes()
    with Service() as service, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = open_page(browser, service)
        page.locator("#queue").wait_for(state="hidden")
        page.wait_for_timeout(500)
        take(page, output, "start")
        service.fit("first-try.png", cat, seconds=5)
        service.wait()
        running = service.fit("chelsea.png", cat, seconds=30)
        page.goto(f"{service.base}/#/fit/{running}")
        page.locator(".job-status", has_text="left").wait_for()
        page.wait_for_timeout(9000)
        take(page, output, "fit")
        service.wait()
        siren = service.fit("chelsea.png", cat, preset="siren", seconds=30)
        sound = service.fit("bach.wav", bach, seconds=15)
        service.fit("waves.npy", volume(), seconds=15)
        service.wait()
        page = open_page(browser, service, scheme="dark")
        page.goto(f"{service.base}/#/compare/{running}/{siren}")
        page.locator(".split-line").wait_for()
        zoom(page, 6, (0.42, 0.44))
        take(page, output, "compare")
        page.goto(f"{service.base}/#/zoom/{running}")
        page.locator(".pair").wait_for()
        zoom(page, 9, (0.36, 0.45))
        take(page, output, "zoom")
        page.goto(f"{service.base}/#/fit/{sound}")
        page.get_by_role("button", name="Play").wait_for()
        page.wait_for_timeout(1500)
        take(page, output, "sound")
        page = open_page(browser, service)
        page.goto(f"{service.base}/#/library")
        page.locator(".card").first.wait_for()
        page.wait_for_timeout(1000)
        take(page, output, "library")
        page = open_page(browser, service, PHONE, "dark")
        page.goto(f"{service.base}/#/fit/{running}")
        page.get_by_role("link", name="Download").wait_for()
        page.wait_for_timeout(2500)
        take(page, output, "phone")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
