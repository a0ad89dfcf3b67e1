"""Suites of others against a server with a worker: schemathesis over the schema, and tuspy's uploads with cuts."""

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.serving.test_http_server import TUS, Running, serving

pytestmark = pytest.mark.service

# What a schema cannot say of a request that is right otherwise, with the status that answers it: bytes that are no
# signal, words that are no option, two parameters of which there may be one, a checksum that is another's, more bytes
# than were announced, a state that has no such step. tus answers a missing Tus-Resumable by 412.
CONFIG = """
hooks = "{hooks}"
request-timeout = 30

[checks]
missing_required_header.expected-statuses = [400, 401, 403, 404, 412, 415, 422]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 410, 411, 412, 413, 415, 422, 429, 460]

# links that are inferred take the name of a share for the id of a field
[phases.stateful.checks]
positive_data_acceptance.enabled = false

[[operations]]
include-name = ["POST /v1/signals", "POST /v1/uploads", "GET /v1/signals/{{id}}/codecs"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 413, 422, 429]

[[operations]]
include-name = ["POST /v1/jobs", "GET /v1/fields/{{id}}/audio.wav", "GET /v1/fields/{{id}}/peaks.json"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 422, 429]

# a field that is no shape has no surface
[[operations]]
include-name = ["GET /v1/fields/{{id}}/view.webp", "GET /v1/fields/{{id}}/mesh.{{format}}"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 422, 429]

[[operations]]
include-path-regex = "^/v1/shared/.*(wav|json|view.webp|mesh.*)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 422]

[[operations]]
include-name = "PATCH /v1/uploads/{{id}}"
checks.positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 410, 413, 422, 460]

[[operations]]
include-path-regex = "^/iiif/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 404]

[[operations]]
include-path-regex = "^/v1/(jobs|fields)/.id"
exclude-method = "DELETE"
parameters = {{ id = "{field}" }}

[[operations]]
include-path-regex = "^/v1/signals/.id"
exclude-method = "DELETE"
parameters = {{ id = "{signal}" }}

# a stream ends by itself where that is asked for
[[operations]]
include-name = "GET /v1/events"
parameters = {{ "query.wait" = 0 }}

# headers that nobody knows are to be ignored
[[operations]]
include-name = "POST /v1/uploads"
phases.coverage.checks.negative_data_rejection.enabled = false

[[operations]]
include-path-regex = "^/iiif/"
parameters = {{ identifier = "{share}" }}

[[operations]]
include-path-regex = "^/v1/shared/"
parameters = {{ name = "{share}" }}
"""

HOOKS = """
import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def before_load_schema(context, raw_schema):
    # jobs are asked for on what there is, or none would ever be queued
    bodies = raw_schema["components"]["schemas"]
    for body, name, id in (("SignalJobRequest", "signal", "{signal}"), ("FieldJobRequest", "field", "{field}")):
        bodies[body]["properties"][name] = {{"type": "string", "enum": [id]}}
        for example in bodies[body]["examples"]:
            example[name] = id


@schemathesis.hook
def before_call(context, case, kwargs):
    # what others need stays: the deletion of it is that of nothing
    if case.method == "DELETE" and case.path_parameters.get("id") in ("{signal}", "{field}"):
        case.path_parameters["id"] = "{nothing}"
"""
NOTHING = "01900000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("suites") / "a", "--workers", "1") as server:
        yield server


@pytest.fixture(scope="module")
def things(server: Running) -> dict[str, str]:
    """A signal, a field of it, and a share of that."""
    with server.client() as client:
        picture = io.BytesIO()
        Image.linear_gradient("L").resize((24, 16)).save(picture, "png")
        headers = {"Content-Type": "application/octet-stream"}
        signal = client.post("/v1/signals?name=a.png", content=picture.getvalue(), headers=headers).json()["id"]
        wait(client, f"/v1/signals/{signal}", "ready")
        body = {"kind": "fit", "signal": signal, "options": {"steps": 20}}
        field = client.post("/v1/jobs", json=body).json()["id"]
        wait(client, f"/v1/jobs/{field}", "done")
        share = client.post(f"/v1/fields/{field}/shares").json()["name"]
    return {"signal": signal, "field": field, "share": share}


def wait(client: httpx.Client, path: str, state: str) -> None:
    deadline = time.monotonic() + 120
    while (found := client.get(path).json())["state"] != state:
        assert time.monotonic() < deadline
        assert found["state"] not in ("failed", "refused"), found
        time.sleep(0.2)


def test_schemathesis_finds_nothing(server, things, tmp_path):
    """Every phase: examples, coverage, fuzzing and chains of requests; of every operation, with some of each."""
    config = tmp_path / "schemathesis.toml"
    hooks = tmp_path / "hooks.py"
    hooks.write_text(HOOKS.format(**things, nothing=NOTHING))
    config.write_text(CONFIG.format(hooks=hooks, **things))
    token = (server.folder / "token").read_text().strip()
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config), "run",
        f"{server.base}/openapi.json", "--header", f"Authorization: Bearer {token}", "--max-examples",
        os.environ.get("INR_EXAMPLES", "30"), "--seed", "1", "--no-color",
    ]  # fmt: skip
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2_000:]
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in found.stdout
    with server.client() as client:
        operations = sum(map(len, client.get("/openapi.json").json()["paths"].values()))
        jobs = client.get("/v1/jobs?limit=200").json()["items"]
    assert f"Tested: {operations}\n" in found.stdout
    passed = re.search(r"(\d+) generated, (\d+) passed", found.stdout)
    assert passed is not None
    assert int(passed[1]) == int(passed[2]) > 1_500
    assert len(jobs) > 2  # some of what was asked for was possible
    assert server.process.poll() is None
    assert '"level": "error"' not in server.log.read_text()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # tuspy leaves its files open
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_tuspy_goes_on_after_cuts(server, tmp_path, monkeypatch):
    """A client of others sends a picture in parts, loses its connection in the middle of some, and goes on."""
    from tusclient import client as tusclient
    from tusclient.fingerprint import fingerprint
    from tusclient.request import TusRequest
    from tusclient.storage import filestorage

    path = tmp_path / "noise.png"
    Image.frombytes("RGB", (1500, 1000), os.urandom(1500 * 1000 * 3)).save(path)
    size = path.stat().st_size
    token = (server.folder / "token").read_text().strip()
    cuts = iter((300_000, 900_000, 50_000))
    send = TusRequest.perform

    def cut(request: TusRequest) -> None:
        """Send some of a part, and hang up."""
        at = next(cuts, None)
        if at is None:
            send(request)
            return
        with server.connect() as connection:
            head = "".join(f"{name}: {value}\r\n" for name, value in request._request_headers.items())
            target = request._url.partition(f":{server.port}")[2]
            body = request.file.read(request._content_length)
            connection.sendall(
                f"PATCH {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode()
                + body[:at]
            )
            time.sleep(0.5)
        raise ConnectionError("cut")

    uploading = tusclient.TusClient(f"{server.base}/v1/uploads", headers={"Authorization": f"Bearer {token}"})
    storage = filestorage.FileStorage(str(tmp_path / "urls.json"))

    def uploader():
        return uploading.uploader(
            str(path), chunk_size=1 << 20, metadata={"filename": path.name}, store_url=True, url_storage=storage,
            fingerprinter=fingerprint.Fingerprint(), retries=0,
        )  # fmt: skip

    monkeypatch.setattr(TusRequest, "perform", cut)
    reached = []
    for _ in range(3):
        with pytest.raises(ConnectionError):
            uploader().upload()
        reached.append(uploader().offset)
    assert 0 < reached[0] < reached[1] < reached[2] < size
    last = uploader()
    last.upload()
    assert last.offset == size
    with server.client(**TUS) as client:
        place = last.url.partition(f":{server.port}")[2]
        signal = client.head(place).headers["content-location"]
        wait(client, signal, "ready")
        assert client.get(f"{signal}/original").content == path.read_bytes()
