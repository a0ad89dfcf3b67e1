"""What somebody waits for: tiles, and the first picture that sharpens."""

import random
import statistics
import time

import httpx

from studies.service._server import EXAMPLE, serving, wait_for_end

TILES, DROPS, SIDE = 60, 5, 256
CANVAS = 16  # times as large as the picture


def tile(_: int) -> list[dict]:
    """Tiles beyond a picture's own pixels, each another one."""
    with serving() as server, server.client() as client, server.http() as http:
        job = client.submit("fit", client.upload(EXAMPLE)["id"], {"seconds": 5})["id"]
        wait_for_end(client, job)
        size = http.get(f"/iiif/3/{job}@{CANVAS}x/info.json").json()
        places = random.Random(0)
        seconds = []
        for number in range(TILES + 5):
            x, y = places.randrange(size["width"] - SIDE), places.randrange(size["height"] - SIDE)
            begun = time.perf_counter()
            answer = http.get(f"/iiif/3/{job}@{CANVAS}x/{x},{y},{SIDE},{SIDE}/{SIDE},{SIDE}/0/default.jpg")
            answer.raise_for_status()
            if number >= 5:  # the first load the field
                seconds.append(time.perf_counter() - begun)
    ranks = statistics.quantiles([1e3 * each for each in seconds], n=100, method="inclusive")
    what = f"{TILES} warm tiles of {SIDE} x {SIDE} pixels at {CANVAS} times the size"
    return [
        {"figure": "tile", "what": f"{what}, median", "value": ranks[49], "unit": "ms"},
        {"figure": "tile", "what": f"{what}, p95", "value": ranks[94], "unit": "ms", "most": 150, "aim": 50},
    ]


def drop(_: int) -> list[dict]:
    """From sending a picture to the bytes of its first preview."""
    with serving() as server, server.client() as client, server.http() as http:
        seconds = []
        for _ in range(DROPS):
            begun = time.perf_counter()
            job = client.submit("fit", client.upload(EXAMPLE)["id"], {"seconds": 30})["id"]  # as the page does
            seconds.append(_first_preview(client, http, job) - begun)
            client.cancel(job)
            for _ in client.events(job):
                pass
    what = f"from drop to the first sharpened picture, {DROPS} times"
    return [
        {"figure": "drop", "what": f"{what}, median", "value": statistics.median(seconds), "unit": "s", "most": 2,
         "aim": 1},
        {"figure": "drop", "what": f"{what}, slowest", "value": max(seconds), "unit": "s"},
    ]  # fmt: skip


def _first_preview(client, http: httpx.Client, job: str) -> float:
    """When the bytes of a job's first preview are here."""
    for event in client.events(job):
        if event.kind == "preview":
            http.get(event.data["url"]).raise_for_status()
            return time.perf_counter()
    raise SystemExit(f"job {job} made no preview")
