"""A field of the picture that the validators of the IIIF Image API ask for, served, and judged by both of them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inr.serving.client import Client
from tools import iiif_validators

pytestmark = pytest.mark.service
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", params=["samples", pytest.param("network", marks=pytest.mark.long)])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server's images, and the name of a shared field: of samples, or of a network."""
    if reason := iiif_validators.lacking():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("service")
    iiif_validators.draw(folder / "squares.png")
    options = {"network": {"encoding": "hash", "steps": 2000}, "samples": {}}[request.param]
    command = [sys.executable, ROOT / "cli.py", "serve", folder / "data", "--port", "0", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            link = next(line.split()[-1] for line in process.stdout if "#code=" in line)
            base, token = link.partition("/#")[0], (folder / "data" / "token").read_text().strip()
            with Client(base, token) as client:
                signal = client.upload(folder / "squares.png")
                job = client.submit("fit", signal["id"], options, name="squares")
                end = list(client.events(job["id"]))[-1]
                assert end.data["state"] == "done", end.data
            asked = {"headers": {"Authorization": f"Bearer {token}"}, "timeout": 60}
            name = httpx.post(f"{base}/v1/fields/{job['id']}/shares", **asked).raise_for_status().json()["name"]
            yield f"{base}/iiif/3", name
        finally:
            process.terminate()


def test_the_validator_of_the_consortium(shared):
    outcome = iiif_validators.run_old(*shared)
    assert (outcome.tests, outcome.failures) == (33, 0), outcome.output


def test_the_newer_validator(shared):
    outcome = iiif_validators.run_new(*shared)
    if isinstance(outcome, str):
        pytest.skip(outcome)
    assert outcome.tests >= 114
    assert outcome.failures == 0, outcome.output
