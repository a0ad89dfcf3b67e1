"""Resumable uploads: what is told is on the disk, whatever happens in between."""

import asyncio
import base64
import hashlib
import time

import pytest
from starlette.requests import ClientDisconnect

from tests.serving.http_service import PICTURE, Stage
from tests.serving.test_http import problem

TUS = {"Tus-Resumable": "1.0.0"}
DATA = PICTURE * 9


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def created(stage, metadata=""):
    answer = stage.client.post(
        "/v1/uploads", headers={**TUS, "Upload-Length": str(len(DATA)), "Upload-Metadata": metadata}
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    return answer.headers["location"]


def sent(stage, place, data, offset, **headers):
    return stage.client.patch(
        place,
        content=data,
        headers={**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset), **headers},
    )


def offset(stage, place):
    answer = stage.client.head(place, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


@pytest.fixture
def stage(folder):
    with Stage(folder).open() as stage:
        yield stage


def test_an_upload_in_parts_becomes_the_signal_of_its_id(stage):
    place = created(stage, metadata=f"filename {encoded('a/Käse.png')},srgb {encoded('true')},nodata {encoded('-1')}")
    assert sent(stage, place, DATA[:10], 0).headers["upload-offset"] == "10"
    assert offset(stage, place) == 10
    last = sent(stage, place, DATA[10:], 10)
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(DATA)))
    signal = stage.client.get(last.headers["content-location"]).json()
    assert (signal["id"], signal["name"], signal["bytes"]) == (place.rpartition("/")[2], "Käse.png", len(DATA))
    assert stage.queue.signal(signal["id"]).options == {"srgb": True, "nodata": -1.0}
    assert stage.store.path(hashlib.sha256(DATA).hexdigest()).read_bytes() == DATA
    # asked again, as by a client that never got the answer
    assert offset(stage, place) == len(DATA)
    again = sent(stage, place, b"", len(DATA))
    assert (again.status_code, again.headers["content-location"]) == (204, last.headers["content-location"])


def test_only_the_right_offset_goes_on(stage):
    place = created(stage)
    sent(stage, place, DATA[:10], 0)
    wrong = sent(stage, place, DATA[:10], 0)
    assert problem(wrong, 409, "upload-offset") == "The upload goes on at 10."
    assert wrong.json()["offset"] == 10
    problem(sent(stage, place, DATA, 10), 413, "too-large")
    assert offset(stage, place) == 10


@pytest.mark.parametrize("name", ["sha1", "sha256", "md5"])
def test_bytes_with_another_checksum_do_not_count(stage, name):
    place = created(stage)
    digest = base64.b64encode(hashlib.new(name, DATA[:10]).digest()).decode()
    problem(sent(stage, place, b"x" * 10, 0, **{"Upload-Checksum": f"{name} {digest}"}), 460, "checksum-mismatch")
    assert offset(stage, place) == 0
    assert sent(stage, place, DATA[:10], 0, **{"Upload-Checksum": f"{name} {digest}"}).status_code == 204
    problem(sent(stage, place, b"x", 10, **{"Upload-Checksum": f"crc {digest}"}), 422, "bad-request")


def test_what_a_cut_connection_brought_is_kept_but_with_a_checksum(stage):
    async def cut():
        yield DATA[:20]
        raise ClientDisconnect

    plain, checked = created(stage), created(stage)
    for place, headers in ((plain, {}), (checked, {"Upload-Checksum": f"sha256 {encoded('x' * 32)}"})):
        assert sent(stage, place, cut(), 0, **headers).status_code == 408  # which nobody hears
    assert (offset(stage, plain), offset(stage, checked)) == (20, 0)
    assert sent(stage, plain, DATA[20:], 20).status_code == 204


def test_bytes_that_a_killed_server_had_not_told_of_are_written_again(stage):
    place = created(stage)
    sent(stage, place, DATA[:10], 0)
    file = stage.folder / "uploads" / place.rpartition("/")[2]
    file.write_bytes(DATA[:10] + b"never told of, and far too long" * 9)
    assert offset(stage, place) == 10
    assert sent(stage, place, DATA[10:], 10).status_code == 204
    assert stage.store.has(hashlib.sha256(DATA).hexdigest())


def test_an_upload_that_was_whole_when_the_server_was_killed_is_finished_when_asked(stage):
    place = created(stage)
    id = place.rpartition("/")[2]
    (stage.folder / "uploads" / id).write_bytes(DATA)
    stage.queue.set_offset(id, len(DATA))
    assert offset(stage, place) == len(DATA)
    assert stage.client.get(f"/v1/signals/{id}").json()["bytes"] == len(DATA)


def test_who_comes_again_ends_a_request_that_waits_for_a_dead_connection(stage):
    place = created(stage)

    async def two():
        arrived = asyncio.Event()

        async def stuck():
            yield DATA[:10]
            arrived.set()
            await asyncio.Event().wait()

        http = stage.client._http
        headers = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        first = asyncio.create_task(http.patch(place, content=stuck(), headers=headers))
        await arrived.wait()
        bobs = await http.head(place, headers={**TUS, **stage.as_bob})
        assert bobs.status_code == 404
        await asyncio.sleep(0.05)
        assert not first.done()  # who may not see it ends nothing
        standing = await http.head(place, headers=TUS)
        return await first, standing

    first, standing = stage.runner.run(two())
    problem(first, 423, "busy")
    assert standing.headers["upload-offset"] == "10"


def test_time_is_up(folder):
    with Stage(folder, upload_seconds=0.0).open() as stage:
        place = created(stage)
        answer = sent(stage, place, DATA, 0)
        problem(answer, 410, "upload-expired")
        assert stage.client.head(place, headers=TUS).status_code == 410


def test_uploads_are_given_up(stage):
    place = created(stage)
    sent(stage, place, DATA[:10], 0)
    assert stage.client.delete(place, headers=TUS).status_code == 204
    assert stage.client.head(place, headers=TUS).status_code == 404
    assert list((stage.folder / "uploads").iterdir()) == []


def test_what_there_is_of_tus(stage):
    told = stage.client.options("/v1/uploads").headers
    assert told["tus-version"] == "1.0.0"
    assert told["tus-extension"] == "creation,checksum,expiration,termination"
    assert told["tus-max-size"] == str(4 << 30)


@pytest.mark.parametrize(
    ("headers", "status", "slug"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "precondition-failed"),
        ({"Tus-Resumable": ""}, 412, "precondition-failed"),
        ({"Upload-Length": "0"}, 422, "bad-request"),
        ({"Upload-Length": "-1"}, 422, "bad-request"),
        ({"Upload-Length": str(5 << 30)}, 413, "too-large"),
        ({"Upload-Length": str((4 << 30) - 1), "Upload-Metadata": "nodata eA=="}, 422, "bad-request"),
        ({"Upload-Metadata": "filename ????"}, 422, "bad-request"),
    ],
)
def test_what_is_no_upload_is_refused(stage, headers, status, slug):
    answer = stage.client.post("/v1/uploads", headers={**TUS, "Upload-Length": "10", **headers})
    problem(answer, status, slug)
    assert answer.headers.get("tus-version", "1.0.0") == "1.0.0"


def test_quotas_count_whole_uploads_before_they_come(stage):
    _, token = stage.queue.add_user("Eve", quotas=type(stage.ada.quotas)(bytes=100))
    headers = {**TUS, "Authorization": f"Bearer {token}", "Upload-Length": "60"}
    assert stage.client.post("/v1/uploads", headers=headers).status_code == 201
    problem(stage.client.post("/v1/uploads", headers=headers), 429, "quota")


def test_expired_ones_are_told_when(stage):
    answer = stage.client.post("/v1/uploads", headers={**TUS, "Upload-Length": "10"})
    assert answer.headers["upload-expires"].endswith("GMT")
    assert stage.queue.upload(answer.headers["location"].rpartition("/")[2]).expires > time.time() + 86_000
