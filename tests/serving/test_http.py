"""Jobs, signals and fields over HTTP, as their owner asks for them."""

import base64
import hashlib

import pytest

from inr.serving.problems import TYPES
from tests.serving.http_service import DESCRIPTION, FIELD, PICTURE, Stage

pytestmark = pytest.mark.quick
BINARY = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def stage(folder):
    with Stage(folder).open() as stage:
        yield stage


def problem(answer, status, slug):
    """The detail of a problem that has this status and type."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["type"] == f"/problems/{slug}"
    assert told["status"] == status
    return told["detail"]


def test_a_posted_signal_is_read_and_shown(stage):
    answer = stage.client.post("/v1/signals?name=a/b/cat.png", content=PICTURE, headers=BINARY)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["name"], told["kind"], told["shape"], told["state"]) == ("cat.png", "image", [48, 64], "ready")
    assert answer.headers["location"] == told["links"]["self"] == f"/v1/signals/{told['id']}"
    assert stage.client.get("/v1/signals").json()["items"] == [told]
    assert stage.queue.signal(told["id"]).description == DESCRIPTION
    assert list((stage.folder / "uploads").iterdir()) == []
    assert stage.client.delete(f"/v1/signals/{told['id']}").status_code == 204
    assert stage.client.get("/v1/signals").json() == {"items": [], "next": None}


def test_fields_are_those_of_jobs_that_are_done_and_of_those_that_were_stopped(stage):
    done, stopped, waiting = stage.field(), stage.job(), stage.job()
    claim = stage.begin()
    stage.queue.cancel(stopped, stage.ada.id)
    sha256, size = stage.store.put(FIELD)
    assert stage.queue.finish(claim, result_sha256=sha256, result_bytes=size, metrics={"psnr": 9.0}, seconds=1.0)
    stage.queue.cancel(waiting, stage.ada.id)
    listed = stage.client.get("/v1/fields").json()["items"]
    assert [(job["id"], job["state"]) for job in listed] == [(stopped, "cancelled"), (done, "done")]
    assert stage.client.get(listed[0]["links"]["file"]).content == FIELD


def test_every_type_of_problem_is_an_address_that_says_what_it_means(stage):
    refusal = stage.client.get("/v1/jobs?cursor=x").json()
    told = stage.client.get(refusal["type"], headers={"Authorization": ""})
    assert (told.status_code, told.text) == (200, "bad-cursor (400): This is no cursor of the list.\n")
    schema = stage.client.get("/openapi.json").json()["components"]["schemas"]["ProblemBody"]["properties"]["type"]
    assert [each["const"] for each in schema["oneOf"]] == [f"/problems/{slug}" for slug in TYPES]
    assert "bad-cursor, bad-iiif-request" in problem(stage.client.get("/problems/none"), 404, "not-found")


def test_what_cannot_be_read_is_refused_in_the_readers_words(stage):
    answer = stage.client.post("/v1/signals?name=x.txt", content=b"no picture", headers=BINARY)
    assert problem(answer, 422, "unreadable-signal") == "x.txt is no file that inr can read"
    assert stage.client.get("/v1/signals").json()["items"] == []


def test_digests_are_checked(stage):
    def post(digest):
        return stage.client.post("/v1/signals", content=PICTURE, headers={**BINARY, "Content-Digest": digest})

    for name, known in (("sha-256", hashlib.sha256), ("sha-512", hashlib.sha512)):
        right, wrong = (base64.b64encode(known(data).digest()).decode() for data in (PICTURE, b"other"))
        assert post(f"{name}=:{right}:").status_code == 201
        problem(post(f"{name}=:{wrong}:"), 422, "checksum-mismatch")
    problem(post("crc32=:AAAA:"), 422, "bad-request")
    problem(post("sha-256=:====:"), 422, "bad-request")
    assert len(stage.client.get("/v1/signals").json()["items"]) == 2


def test_a_job_from_submitting_to_its_file(stage):
    signal = stage.signal()
    body = {"kind": "fit", "signal": signal, "name": "cat.png", "options": {"activation": "sine", "steps": 300}}
    answer = stage.client.post("/v1/jobs", json=body)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["position"], job["threads"]) == ("queued", 1, 1)
    assert job["options"] == {"seed": 0, "activation": "sine", "steps": 300}
    assert job["signal"]["id"] == signal
    assert stage.renderer.asked[-1][1]["description"] == DESCRIPTION
    claim = stage.begin()
    running = stage.client.get(f"/v1/jobs/{job['id']}").json()
    assert (running["state"], running["position"], running["progress"]["step"]) == ("running", 0, 10)
    sha256, size = stage.store.put(FIELD)
    stage.queue.finish(claim, result_sha256=sha256, result_bytes=size, metrics={"psnr": float("inf")}, seconds=2.0)
    done = stage.client.get(f"/v1/jobs/{job['id']}").json()
    assert (done["state"], done["metrics"], done["progress"]["step"]) == ("done", {"psnr": None}, 10)
    assert done["links"]["iiif"] == f"/iiif/3/{job['id']}/info.json"
    file = stage.client.get(done["links"]["file"])
    assert file.content == FIELD
    assert file.headers["content-disposition"] == "attachment; filename=\"cat.inr\"; filename*=UTF-8''cat.inr"
    assert stage.client.get("/v1/fields").json()["items"] == [done | {"progress": None}]
    field = stage.client.get(done["links"]["field"]).json()
    assert (field["bytes"], field["signal"], field["parts"]) == (len(FIELD), signal, {"activation": "sine"})
    assert field["links"]["signal_iiif"] == f"/iiif/3/signal-{signal}/info.json"


def test_a_job_without_a_name_has_that_of_its_signal(stage):
    job = stage.client.post("/v1/jobs", json={"kind": "fit", "signal": stage.signal()}).json()
    assert job["name"] == "cat.png"


def test_options_are_refused_in_the_words_of_the_command_line(stage):
    body = {"kind": "fit", "signal": stage.signal(), "options": {"activation": "sin"}}
    detail = problem(stage.client.post("/v1/jobs", json=body), 422, "bad-option")
    assert detail == "there is no activation 'sin'; did you mean 'sine'?"


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"kind": "fit"}, 422, "bad-request"),
        ({"kind": "fit", "signal": "00000000-0000-7000-8000-000000000000"}, 404, "not-found"),
        ({"kind": "recompress", "field": "00000000-0000-7000-8000-000000000000"}, 404, "not-found"),
        ({"kind": "recompress", "signal": "00000000-0000-7000-8000-000000000000"}, 422, "bad-request"),
        ({"kind": "paint"}, 422, "bad-request"),
        ({"kind": "fit", "priority": 11}, 422, "bad-request"),
        ({"kind": "fit", "surprise": 1}, 422, "bad-request"),
        ({"kind": "fit", "options": {"../x": 1}}, 422, "bad-request"),
    ],
)
def test_what_is_no_job_is_refused(stage, body, status, slug):
    problem(stage.client.post("/v1/jobs", json=body), status, slug)
    assert stage.client.get("/v1/jobs").json()["items"] == []


def test_a_key_gives_the_first_answer_again(stage):
    body = {"kind": "fit", "signal": stage.signal(), "options": {}}
    key = {"Idempotency-Key": "one"}
    first = stage.client.post("/v1/jobs", json=body, headers=key)
    again = stage.client.post("/v1/jobs", json=body, headers=key)
    assert again.status_code == first.status_code == 201
    assert again.json()["id"] == first.json()["id"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    problem(stage.client.post("/v1/jobs", json={**body, "name": "b"}, headers=key), 422, "idempotency-mismatch")
    assert len(stage.client.get("/v1/jobs").json()["items"]) == 1


def test_steps_of_a_job_and_those_that_it_has_not(stage):
    id = stage.job()

    def step(name, **body):
        return stage.client.post(f"/v1/jobs/{id}/{name}", json=body or None)

    assert step("priority", priority=3).json()["priority"] == 3
    assert step("pause").json()["state"] == "paused"
    assert step("resume").json()["state"] == "queued"
    assert "only a failed one can be retried" in problem(step("retry"), 409, "wrong-state")
    problem(stage.client.delete(f"/v1/jobs/{id}"), 409, "wrong-state")
    assert step("cancel").json()["state"] == "cancelled"
    problem(step("cancel"), 409, "wrong-state")
    assert stage.client.delete(f"/v1/jobs/{id}").status_code == 204
    problem(stage.client.get(f"/v1/jobs/{id}"), 404, "not-found")


def test_a_batch_has_a_result_for_each_job(stage):
    signal = stage.signal()
    jobs = [{"kind": "fit", "signal": signal, "options": {"activation": name}} for name in ("sine", "sin", "relu")]
    answer = stage.client.post("/v1/batches", json={"jobs": jobs})
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 201]
    assert results[1]["problem"]["type"] == "/problems/bad-option"
    listed = stage.client.get("/v1/jobs", params={"batch": answer.json()["id"]}).json()["items"]
    assert [job["id"] for job in listed] == [results[2]["job"]["id"], results[0]["job"]["id"]]


def test_lists_go_on_by_cursor_and_link(stage):
    ids = [stage.job() for _ in range(3)]
    first = stage.client.get("/v1/jobs?limit=2&state=queued")
    assert [job["id"] for job in first.json()["items"]] == [ids[2], ids[1]]
    assert first.headers["link"] == f'<{first.json()["next"]}>; rel="next"'
    last = stage.client.get(first.json()["next"])
    assert [job["id"] for job in last.json()["items"]] == [ids[0]]
    assert last.json()["next"] is None
    assert "link" not in last.headers
    problem(stage.client.get("/v1/jobs?cursor=x"), 400, "bad-cursor")
    problem(stage.client.get("/v1/jobs?limit=0"), 422, "bad-request")


def test_what_the_client_has_is_not_sent_again(stage):
    id = stage.field()
    for path in (f"/v1/jobs/{id}", f"/v1/fields/{id}.inr", f"/v1/fields/{id}", "/v1/jobs", "/", "/v1/parts"):
        tag = stage.client.get(path).headers["etag"]
        known = stage.client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag), path
        assert stage.client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=0-3", 206, FIELD[:4]),
        ("bytes=4-", 206, FIELD[4:]),
        ("bytes=-5", 206, FIELD[-5:]),
        ("bytes=200-999", 206, FIELD[200:]),
        ("bytes=0-0,2-2", 200, FIELD),
        ("bytes=" + ",".join(["0-"] * 500), 200, FIELD),
        ("bytes=-", 200, FIELD),
        ("lines=1-2", 200, FIELD),
        ("bytes=204-", 416, None),
        ("bytes=3-1", 416, None),
        ("bytes=-0", 416, None),
    ],
)
def test_files_by_range(stage, asked, status, content):
    """Several ranges of one file are no way to make the server work (CVE-2025-62727, CVE-2024-47874's kin)."""
    answer = stage.client.get(f"/v1/fields/{stage.field()}.inr", headers={"Range": asked})
    assert answer.status_code == status
    if status == 416:
        problem(answer, 416, "range-not-satisfiable")
        assert answer.headers["content-range"] == f"bytes */{len(FIELD)}"
    else:
        assert answer.content == content


def test_previews_come_with_a_tag_of_their_own(stage):
    id = stage.job()
    problem(stage.client.get(f"/v1/jobs/{id}/preview.webp"), 404, "not-found")
    stage.preview(id)
    first = stage.client.get(f"/v1/jobs/{id}/preview.webp")
    assert (first.content, first.headers["content-type"]) == (b"RIFFwebp", "image/webp")
    stage.preview(id, b"RIFFnewer")
    newer = stage.client.get(f"/v1/jobs/{id}/preview.webp", headers={"If-None-Match": first.headers["etag"]})
    assert newer.content == b"RIFFnewer"
    known = {"If-None-Match": newer.headers["etag"]}
    assert stage.client.get(f"/v1/jobs/{id}/preview.webp", headers=known).status_code == 304


def test_shares_are_seen_by_everybody_until_they_are_taken_away(stage):
    id = stage.field()
    share = stage.client.post(f"/v1/fields/{id}/shares").json()
    name = share["name"]
    assert share["url"] == f"/#/shared/{name}"
    assert stage.client.get(f"/v1/fields/{id}/shares").json() == {"items": [share]}
    anyone = {"Authorization": ""}
    shown = stage.client.get(f"/v1/shared/{name}", headers=anyone)
    assert shown.headers["access-control-allow-origin"] == "*"
    assert (shown.json()["id"], shown.json()["signal"], shown.json()["job"]) == (name, None, None)
    assert id not in shown.text
    assert stage.client.get(f"/v1/shared/{name}.inr", headers=anyone).content == FIELD
    tile = stage.client.get(f"/iiif/3/{name}/full/max/0/default.jpg", headers=anyone)
    assert tile.content == b"tile full/max/0/default.jpg"
    assert tile.headers["access-control-allow-origin"] == "*"
    assert stage.client.delete(f"/v1/fields/{id}/shares/{name}").status_code == 204
    problem(stage.client.get(f"/v1/shared/{name}", headers=anyone), 404, "not-found")
    assert stage.client.get(f"/iiif/3/{name}/full/max/0/default.jpg", headers=anyone).status_code == 404


def test_shapes_are_seen_from_any_angle_and_saved_as_meshes(stage):
    id = stage.field()
    name = stage.client.post(f"/v1/fields/{id}/shares").json()["name"]
    for base, everybody in ((f"/v1/fields/{id}", None), (f"/v1/shared/{name}", "*")):
        seen = stage.client.get(f"{base}/view.webp?azimuth=-10&elevation=5&up=z&size=64")
        assert (seen.headers["content-type"], seen.content) == ("image/webp", b"(-10, 5, 'z', 64)")
        assert seen.headers.get("access-control-allow-origin") == everybody
        known = {"If-None-Match": seen.headers["etag"]}
        turned = stage.client.get(f"{base}/view.webp?azimuth=350&elevation=5&up=z&size=64", headers=known)
        assert turned.status_code == 304
        saved = stage.client.get(f"{base}/mesh.stl?resolution=32")
        assert saved.content == b"mesh32"
        assert 'filename="cat.stl"' in saved.headers["content-disposition"]
        problem(stage.client.get(f"{base}/view.webp?elevation=90"), 422, "bad-option")
        problem(stage.client.get(f"{base}/mesh.svg"), 422, "bad-option")
        for wrong in ("view.webp?elevation=91", "view.webp?size=9999", "view.webp?up=w", "mesh.ply?resolution=4096"):
            problem(stage.client.get(f"{base}/{wrong}"), 422, "bad-request")
        problem(stage.client.get(f"{base}/mesh.exe"), 422, "bad-request")
    assert stage.client.get(f"/v1/shared/{name}/view.webp", headers={"Authorization": ""}).status_code == 200
    problem(stage.client.get(f"/v1/fields/{id}/view.webp", headers=stage.as_bob), 404, "not-found")


def test_images_are_described_and_drawn(stage):
    id = stage.field()
    base = stage.client.get(f"/iiif/3/{id}")
    assert (base.status_code, base.headers["location"]) == (303, f"http://127.0.0.1:8765/iiif/3/{id}/info.json")
    info = stage.client.get(f"/iiif/3/{id}/info.json")
    assert info.headers["content-type"] == "application/json"
    assert (info.json()["width"], info.json()["id"]) == (64, f"http://127.0.0.1:8765/iiif/3/{id}")
    linked = stage.client.get(f"/iiif/3/{id}/info.json", headers={"Accept": "application/ld+json"})
    assert linked.headers["content-type"].startswith("application/ld+json;profile=")
    tile = stage.client.get(f"/iiif/3/{id}/0,0,32,24/16,/0/default.png")
    assert (tile.headers["content-type"], tile.content) == ("image/png", b"tile 0,0,32,24/16,12/0/default.png")
    assert f'{id}/0,0,32,24/16,12/0/default.png>;rel="canonical"' in tile.headers["link"]
    assert "access-control-allow-origin" not in tile.headers
    assert "immutable" in tile.headers["cache-control"]
    same = stage.client.get(f"/iiif/3/{id}/0,0,32,24/16,12/0/default.png")
    assert same.headers["etag"] == tile.headers["etag"]
    problem(stage.client.get(f"/iiif/3/{id}/0,0,0,0/max/0/default.png"), 400, "bad-iiif-request")
    problem(stage.client.get("/iiif/3/nothing/info.json"), 404, "not-found")


def test_users_and_the_queue_are_told(stage):
    stage.job()
    me = stage.client.get("/v1/me").json()
    assert (me["name"], me["waiting"], me["running"], me["used"]["bytes"]) == ("Ada", 1, 0, len(PICTURE))
    assert stage.client.get("/v1/queue").json() == {"waiting": 1, "running": 0, "workers": 0, "held": None}
    stage.begin()
    assert stage.client.get("/v1/queue").json() == {"waiting": 0, "running": 1, "workers": 1, "held": None}


def test_the_service_says_whether_it_can_work(stage):
    assert stage.client.get("/healthz").text == "ok\n"
    answer = stage.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"database": True, "disk": True, "workers": False})
    stage.job()
    stage.begin()
    assert stage.client.get("/readyz").status_code == 200
    numbers = stage.client.get("/metrics").text
    assert "inr_jobs_running 1.0\n" in numbers
    assert "inr_workers_alive 1.0\n" in numbers
    assert 'inr_requests_total{method="GET",route="/readyz",status="200"} 1.0\n' in numbers
    stage.service.drain()
    assert stage.client.get("/readyz").status_code == 503


def test_a_full_disk_takes_nothing(folder):
    with Stage(folder, free_bytes=1 << 60).open() as stage:
        signal = stage.signal()
        answer = stage.client.post("/v1/signals", content=PICTURE, headers=BINARY)
        problem(answer, 507, "disk-full")
        assert answer.headers["retry-after"] == "60"
        problem(stage.client.post("/v1/jobs", json={"kind": "fit", "signal": signal}), 507, "disk-full")
        assert stage.client.get("/readyz").json()["disk"] is False


def test_a_quota_is_refused_with_a_time_to_come_again(stage):
    user, token = stage.queue.add_user("Eve", quotas=type(stage.ada.quotas)(waiting=1))
    body = {"kind": "fit", "signal": stage.signal(user)}
    as_eve = {"Authorization": f"Bearer {token}"}
    assert stage.client.post("/v1/jobs", json=body, headers=as_eve).status_code == 201
    answer = stage.client.post("/v1/jobs", json=body, headers=as_eve)
    problem(answer, 429, "quota")
    assert answer.headers["retry-after"] == "30"


def test_methods_that_there_are_not(stage):
    answer = stage.client.put("/v1/jobs")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"
