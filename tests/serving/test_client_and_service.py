"""The client against the application itself: both sides of the protocol agree."""

import pytest

from inr.serving.client import Client, Refused
from inr.serving.client import _upload as uploads
from tests.serving.http_service import FIELD, PICTURE, Stage

httpx = pytest.importorskip("httpx")


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path).open() as stage:
        yield stage


@pytest.fixture
def client(stage):
    def carry(request: "httpx.Request") -> "httpx.Response":
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        address = request.url.raw_path.decode()
        answer = stage.client.request(request.method, address, content=request.read() or None, headers=headers)
        return httpx.Response(answer.status_code, headers=answer.headers.raw, content=answer.content)

    return Client("http://127.0.0.1:8765", stage.token, transport=httpx.MockTransport(carry))


@pytest.fixture
def picture(tmp_path):
    (tmp_path / "cat.png").write_bytes(PICTURE)
    return tmp_path / "cat.png"


def test_a_signal_posted_at_once(stage, client, picture):
    reading = {"sampling": "band", "value_range": "0.0:255.0", "nodata": "-1.0", "srgb": "true", "variable": "t"}
    signal = client.upload(picture, reading=reading)
    assert (signal["name"], signal["kind"], signal["state"]) == ("cat.png", "image", "ready")
    assert client.signal(signal["id"]) == signal
    assert stage.queue.signal(signal["id"]).options == {
        "sampling": "band", "value_range": "0.0:255.0", "nodata": -1.0, "srgb": True, "variable": "t",
    }  # fmt: skip


def test_a_signal_sent_in_parts(stage, client, picture, monkeypatch):
    monkeypatch.setattr(uploads, "RAW_BYTES", 4)
    monkeypatch.setattr(uploads, "PART_BYTES", 7)
    signal = client.upload(picture, name="ä.png", reading={"nodata": "-1.0"})
    row = stage.queue.signal(signal["id"])
    assert (signal["state"], row.name, row.options) == ("ready", "ä.png", {"nodata": -1.0})
    assert stage.store.path(row.sha256).read_bytes() == PICTURE


def test_a_signal_that_cannot_be_read(client, picture, monkeypatch):
    picture.write_bytes(b"no picture at all")
    for size in (100, 4):  # at once and in parts
        monkeypatch.setattr(uploads, "RAW_BYTES", size)
        with pytest.raises(Refused, match=r"^cat\.png is no file that inr can read$") as caught:
            client.upload(picture)
        assert (caught.value.status, caught.value.slug) == (422, "unreadable-signal")


def test_a_job_from_its_key_to_its_field(stage, client, picture):
    signal = client.upload(picture)["id"]
    job = client.submit("fit", signal, {"activation": "sine"}, name="cat", key="one")
    assert client.submit("fit", signal, {"activation": "sine"}, name="cat", key="one")["id"] == job["id"]
    with pytest.raises(Refused) as caught:
        client.submit("fit", signal, {"activation": "relu"}, name="cat", key="one")
    assert caught.value.slug == "idempotency-mismatch"
    assert client.job(job["id"])["position"] == 1
    sha256, size = stage.store.put(FIELD)
    stage.queue.finish(stage.begin(), result_sha256=sha256, result_bytes=size, metrics={"psnr": 31.5}, seconds=1.0)
    assert client.download(job["id"]) == FIELD


def test_what_a_job_had_when_it_was_cancelled_is_its_field(stage, client):
    job, claim = stage.job(), stage.begin()
    assert client.cancel(job)["state"] == "cancelling"
    sha256, size = stage.store.put(FIELD)
    stage.queue.finish(claim, result_sha256=sha256, result_bytes=size, metrics={"psnr": 20.0}, seconds=1.0)
    ended = client.job(job)
    assert (ended["state"], ended["metrics"]) == ("cancelled", {"psnr": 20.0})
    assert ended["links"]["file"] == f"/v1/fields/{job}.inr"
    assert client.download(job) == FIELD


def test_jobs_are_steered(client, stage):
    job = stage.job()
    assert client.cancel(job)["state"] == "cancelled"
    with pytest.raises(Refused, match="only a paused one can be resumed") as caught:
        client.resume(job)
    assert caught.value.slug == "wrong-state"
    with pytest.raises(Refused, match="only a failed one can be retried"):
        client.retry(job)
    assert client.submit_many([{"kind": "fit", "signal": stage.signal()}])["results"][0]["status"] == 201


def test_refusals(client, stage):
    with pytest.raises(Refused, match=r"^there is no activation 'sin'; did you mean 'sine'\?$") as caught:
        client.submit("fit", stage.signal(), {"activation": "sin"})
    assert caught.value.slug == "bad-option"
    with pytest.raises(Refused) as caught:
        client.download("01a22817-79fd-7000-9a41-647024f36b1f")
    assert caught.value.status == 404
    assert client.me()["name"] == "Ada"


def test_a_link_is_good_once(stage):
    def carry(request: "httpx.Request") -> "httpx.Response":
        answer = stage.client.request(
            request.method, request.url.raw_path.decode(), content=request.read(), headers=dict(request.headers)
        )
        return httpx.Response(answer.status_code, headers=answer.headers.raw, content=answer.content)

    link = f"http://127.0.0.1:8765/#code={stage.queue.new_code(stage.bob.id)}"
    stage.client._http.headers.pop("Authorization")
    stage.client._http.cookies.clear()
    assert Client(link, transport=httpx.MockTransport(carry)).me()["name"] == "Bob"
    with pytest.raises(Refused, match=r"The code was used or is too old"):
        Client(link, transport=httpx.MockTransport(carry))
