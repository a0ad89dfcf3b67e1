"""Who may ask, from where, and with what: over every route that the schema has.

The advisories that are named are what other services were taken by.
"""

import asyncio
import dataclasses
import hashlib
import itertools
import json
import logging
import re
import socket
import threading

import pytest

from inr.serving.http import gate
from inr.serving.http.reading import read_signal
from inr.serving.logs import JSONLines
from tests.serving.http_service import DESCRIPTION, PICTURE, Stage, ask, played_reader
from tests.serving.test_http import BINARY, problem

HOST = ("Host", "127.0.0.1:8765")
NOBODYS = "00000000-0000-7000-8000-000000000000"
# what takes no token, as it says itself: health, the door, and what was shared
PUBLIC = {
    "/healthz", "/readyz", "/v1/session", "/v1/shared/{name}", "/v1/shared/{name}.inr", "/v1/shared/{name}/audio.wav",
    "/v1/shared/{name}/peaks.json", "/v1/shared/{name}/view.webp", "/v1/shared/{name}/mesh.{format}",
    "/v1/shared/{name}/program.{part}",
    "/iiif/3/{identifier}", "/iiif/3/{identifier}/info.json",
    "/iiif/3/{identifier}/{region}/{size}/{rotation}/{quality_format}", "/problems/{slug}",
}  # fmt: skip
FILLING = {
    "id": NOBODYS, "name": "nothing", "slug": "nothing", "identifier": NOBODYS, "region": "full", "size": "max",
    "rotation": "0", "quality_format": "default.jpg", "format": "ply", "part": "glsl",
}  # fmt: skip


@pytest.fixture
def stage(folder):
    with Stage(folder).open() as stage:
        yield stage


def schema(stage):
    return stage.app._app.openapi()


def routes(stage, *, unsafe=False):
    """Method, path as the schema has it, and an address for each route."""
    for path, methods in schema(stage)["paths"].items():
        for method in methods:
            if not unsafe or method not in ("get", "head", "options"):
                yield method.upper(), path, path.format(**FILLING)


def refused(answer, status, slug):
    """Whether an answer is this problem; one to HEAD has no body."""
    types = {"", f"/problems/{slug}"} if answer.status == status else set()
    return (json.loads(answer.body)["type"] if answer.body else "") in types


def test_the_schema_has_the_routes_of_the_design(stage):
    assert len(list(routes(stage))) > 45
    assert {path for _, path, _ in routes(stage)} >= PUBLIC | {"/v1/jobs", "/v1/events", "/metrics", "/v1/uploads"}


@pytest.mark.parametrize(
    "hosts",
    [
        [], [""], ["evil.example"], ["127.0.0.1.evil.example"], ["evil.example:8765"], ["127.0.0.1@evil.example"],
        ["127.0.0.1:8765", "evil.example"], ["[::2]"], ["127.0.0.1:8765/healthz?"], ["0.0.0.0"], ["127.0.0.1:"],
    ],
)  # fmt: skip
def test_no_route_answers_to_another_name(stage, hosts):
    """A page that rebinds its name to this machine (ollama CVE-2024-28224, Ray CVE-2025-62593), no name, two names, and
    one that makes another path (Starlette CVE-2026-48710, PYSEC-2026-248) are refused, with the right token too."""
    token = ("Authorization", f"Bearer {stage.token}")
    for method, path, address in routes(stage):
        answer = ask(stage, method, address, [*(("Host", host) for host in hosts), token])
        assert refused(answer, 403, "forbidden-host"), (method, path)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:8765", "inr.example.org"])
def test_the_services_own_names_are_answered(folder, host):
    with Stage(folder, hosts=("inr.example.org",)).open() as stage:
        assert ask(stage, "GET", "/healthz", [("Host", host)]).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        [], [("Authorization", "Bearer wrong")], [("Authorization", "Basic {}")], [("Authorization", "{}")],
        [("Cookie", "inr_session={}")], [("Cookie", "inr_session=a; inr_session=b")], [("X-Token", "{}")],
    ],
)  # fmt: skip
def test_every_route_but_the_public_ones_takes_a_token(stage, sent):
    """A token is no session and is not taken from a query."""
    headers = [HOST, *((name, value.format(stage.token)) for name, value in sent)]
    for method, path, address in routes(stage):
        answer = ask(stage, method, f"{address}?token={stage.token}", headers)
        if path in PUBLIC:
            assert answer.status != 401 or path.startswith(("/iiif", "/v1/session")), (method, path)
        else:
            assert refused(answer, 401, "unauthorised"), (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
    unknown = ask(stage, "GET", "/v1/nothing", headers)
    assert unknown.status == 401


def test_there_are_no_websockets(stage):
    """They would be another way in, with a check of their own (jupyter-server-proxy CVE-2024-28179)."""
    with pytest.raises(RuntimeError, match="HTTP only"):
        stage.runner.run(stage.app({"type": "websocket", "path": "/v1/events"}, None, None))


def test_a_code_opens_one_session_once(stage):
    code = stage.queue.new_code(stage.ada.id)

    def redeem(code):
        return stage.client.post("/v1/session", json={"code": code}, headers={"Authorization": ""})

    first = redeem(code)
    assert first.status_code == 204
    cookie = first.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    problem(redeem(code), 401, "unauthorised")
    while not stage.warmed:  # behind the answer, while others are asked
        stage.client.get("/healthz")
    assert stage.warmed == 1
    session = [HOST, ("Cookie", cookie.partition(";")[0])]
    assert json.loads(ask(stage, "GET", "/v1/me", session).body)["name"] == "Ada"
    assert ask(stage, "DELETE", "/v1/session", session).status == 204
    assert ask(stage, "GET", "/v1/me", session).status == 401
    assert redeem(stage.token).status_code == 204  # who has a token can sign in with it


@pytest.mark.parametrize(
    "sent",
    [
        ("Origin", "http://evil.example"), ("Origin", "null"), ("Origin", "http://127.0.0.1:9999"), ("Origin", ""),
        ("Origin", "http://["),
        ("Origin", "http://127.0.0.1:8765.evil.example"), ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Site", "Cross-Site"), ("Sec-Fetch-Site", ""),
    ],
)  # fmt: skip
def test_no_other_site_changes_anything(stage, sent):
    headers = [HOST, ("Authorization", f"Bearer {stage.token}"), ("Content-Type", "application/json"), sent]
    for method, path, address in routes(stage, unsafe=True):
        answer = ask(stage, method, address, headers)
        assert refused(answer, 403, "forbidden-origin"), (method, path)


def test_the_own_page_may_change_things(stage):
    id = stage.job()
    headers = {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
    assert stage.client.post(f"/v1/jobs/{id}/cancel", headers=headers).status_code == 202


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", "text/html"]
)
def test_no_body_is_taken_that_a_form_could_send(stage, kind):
    """Forms of other sites send these without asking (ComfyUI-Manager #2818); parts of a form have no end (Starlette
    CVE-2024-47874)."""
    headers = [HOST, ("Authorization", f"Bearer {stage.token}"), ("Content-Type", kind), ("Content-Length", "9")]
    headers = [pair for pair in headers if pair[1]]
    for method, path, address in routes(stage, unsafe=True):
        if path == "/v1/signals" and not kind:  # programs that send bytes need not say so
            continue
        answer = ask(stage, method, address, headers, [b"code=1234"])
        assert refused(answer, 415, "unsupported-media-type"), (method, path)


def test_what_is_somebody_elses_is_as_if_it_were_not_there(stage):
    """Every object is checked by its owner (MLflow CVE-2026-2651)."""
    field, signal = stage.field(), stage.signal()
    upload = stage.queue.add_upload(stage.ada.id, 10, "a", {}, 9e9).id
    share = stage.queue.share(field, stage.ada.id)
    stage.preview(field)
    token = stage.as_bob["Authorization"]
    checked = 0
    for method, path, _ in routes(stage):
        if "{id}" not in path:
            continue
        mine = upload if "uploads" in path else signal if "signals" in path else field
        headers = [
            HOST, ("Authorization", token), ("Content-Type", "application/json"), ("Tus-Resumable", "1.0.0"),
            ("Upload-Offset", "0"),
        ]  # fmt: skip
        if method == "PATCH":
            headers[2] = ("Content-Type", "application/offset+octet-stream")
        body = b'{"priority": 1}' if path.endswith("priority") else b""
        query = "?psnr=30" if path.endswith("codecs") else ""
        found, absent = (
            ask(stage, method, path.format(id=id, name=share, format="ply", part="glsl") + query, headers, [body])
            for id in (mine, NOBODYS)
        )
        assert found.status == absent.status == 404, (method, path, found.body)
        assert found.body.replace(mine.encode(), b"") == absent.body.replace(NOBODYS.encode(), b""), (method, path)
        checked += 1
    assert checked >= 23
    for name in (field, f"signal-{signal}"):
        for rest in ("", "/info.json", "/full/max/0/default.jpg"):
            assert stage.client.get(f"/iiif/3/{name}{rest}", headers=stage.as_bob).status_code == 404
    as_bob = [HOST, ("Authorization", token), ("Content-Type", "application/json")]
    for body in ({"kind": "fit", "signal": signal}, {"kind": "recompress", "field": field}):
        assert ask(stage, "POST", "/v1/jobs", as_bob, [json.dumps(body).encode()]).status == 404
    for path in ("/v1/jobs", "/v1/signals", "/v1/fields"):
        assert stage.client.get(path, headers=stage.as_bob).json()["items"] == []
    assert stage.queue.share_of(share) == field
    assert stage.queue.upload(upload) is not None


@pytest.mark.parametrize(
    "climb",
    [
        "/../inr.db", "/..%2finr.db", "/%2e%2e/inr.db", "/%252e%252e%252finr.db", "/..%5cinr.db", "//etc/passwd",
        "/%2fetc%2fpasswd", "/....//inr.db", "/..;/inr.db", "/token", "/%00", "/inr.db%00.js", "/%c0%ae%c0%ae/inr.db",
        "/..%252f..%252finr.db.inr", "/@127.0.0.1/token", "/C:%5ctoken",
    ],
)  # fmt: skip
def test_no_path_leads_out(stage, climb):
    """Once, twice or overlong encoded (MLflow CVE-2024-1560, ComfyUI CVE-2026-56671, Gradio CVE-2026-28414)."""
    for prefix in ("", "/vendor", "/v1/fields", "/v1/signals", "/v1/shared", "/iiif/3", "/v1/jobs"):
        answer = ask(stage, "GET", prefix + climb, [HOST, ("Authorization", f"Bearer {stage.token}")])
        assert answer.status in (400, 404, 422), (prefix, answer.body)
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["a.html", "a.svg", 'x"; filename="evil.html', "a\r\nSet-Cookie: x=1", "<script>.png"])
def test_an_upload_comes_back_as_bytes_to_be_saved(stage, name):
    """A page that was uploaded is never one of ours (ComfyUI CVE-2024-10099, jupyter-server CVE-2026-44727)."""
    page = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    signal = stage.client.post("/v1/signals", params={"name": name}, content=page, headers=BINARY).json()
    answer = stage.client.get(signal["links"]["original"])
    assert answer.content == page
    assert answer.headers["content-type"] == "application/octet-stream"
    shown = answer.headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename=\"[A-Za-z0-9._-]+\"; filename\*=UTF-8''[A-Za-z0-9._~%-]+", shown)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "set-cookie" not in answer.headers


def test_every_answer_is_guarded(stage):
    for method, path, address in [*routes(stage), ("GET", "/", "/"), ("GET", "no", "/no")]:
        if path == "/v1/events":
            continue
        answer = ask(stage, method, address, [HOST, ("Authorization", f"Bearer {stage.token}")])
        guards = answer.headers
        assert guards["x-content-type-options"] == "nosniff", path
        assert guards["content-security-policy"].startswith("default-src 'none'; script-src 'self'"), path
        assert guards["referrer-policy"] == "no-referrer"
        assert guards["cross-origin-opener-policy"] == "same-origin"
        assert guards["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in guards, path
        assert "server" not in guards
        assert "cache-control" in guards


def test_no_secret_is_logged(stage, caplog):
    """Neither tokens, codes and cookies, nor names of shares, wherever they stand (jupyter PYSEC-2022-179)."""
    code, field = stage.queue.new_code(stage.ada.id), stage.field()
    share = stage.queue.share(field, stage.ada.id)
    with caplog.at_level(logging.DEBUG):
        cookie = stage.client.post("/v1/session", json={"code": code}).headers["set-cookie"]
        session = cookie.partition("=")[2].partition(";")[0]
        stage.client.get(f"/v1/me?token={stage.token}", headers={"Cookie": f"inr_session={session}"})
        stage.client.get(f"/v1/shared/{share}?token={stage.token}")
        stage.client.get(f"/{stage.token}")
        stage.client.post("/v1/session", json={"code": [code]})
    logged = "".join(JSONLines().format(record) for record in caplog.records if record.name.startswith("inr"))
    assert logged.count('"message": "request"') == 5
    assert '"route": "/v1/shared/{name}"' in logged
    for secret in (stage.token, code, session, share):
        assert secret not in logged
    stage.service.drain()


def test_what_is_too_long_is_refused_unread(stage):
    """Limits hold before a byte is read (vLLM CVE-2026-100650), and while they come, whatever was said of them."""
    token = ("Authorization", f"Bearer {stage.token}")
    for path, kind, most in (
        ("/v1/signals", "application/octet-stream", 16 << 20),
        ("/v1/jobs", "application/json", 2 << 20),
        ("/v1/batches", "application/json", 2 << 20),
    ):
        headers = [HOST, token, ("Content-Type", kind)]
        unread = ask(stage, "POST", path, [*headers, ("Content-Length", str(most + 1))], [])
        assert refused(unread, 413, "too-large")
        assert json.loads(unread.body)["limit"] == most
        length = [("Content-Length", "10")] if path == "/v1/signals" else [("Transfer-Encoding", "chunked")]
        read = ask(stage, "POST", path, [*headers, *length], [b"x" * (1 << 20)] * 17 + [b"never read"] * 99)
        assert refused(read, 413, "too-large")
    assert list((stage.folder / "uploads").iterdir()) == []


def test_a_body_has_to_have_a_length_where_it_is_kept(stage):
    headers = [HOST, ("Authorization", f"Bearer {stage.token}"), ("Transfer-Encoding", "chunked")]
    answer = ask(stage, "POST", "/v1/signals", [*headers, ("Content-Type", "application/octet-stream")], [PICTURE])
    assert refused(answer, 411, "length-required")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[" * 100_000, b'{"kind": "fit", "signal": "\\ud800"}', b'{"kind": "fit", "name": "\\ud800"}',
        b'{"kind": "fit", "priority": 1e999}', b'{"kind": "fit", "priority": NaN}', b"\xff\xfe", b"null",
        b'{"kind": "fit", "options": {"steps": ' + b"9" * 5_000 + b"}}", b'{"kind": "fit", "options": {"psnr": NaN}}',
        b'{"kind": "fit", "options": {"a": {"b": {}}}}', b'{"kind": "fit", "options": [1]}',
    ],
)  # fmt: skip
def test_bodies_that_are_no_request(stage, body):
    answer = stage.client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["type"] == "/problems/bad-request"
    assert "Traceback" not in answer.text


def test_nothing_is_fetched(stage, monkeypatch):
    """No address that a client sends is asked (Gradio CVE-2026-28416, vLLM CVE-2026-34753)."""

    def refuse(*args):
        raise AssertionError("a socket was connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    field = stage.field()
    address = "http://169.254.169.254/latest/meta-data"
    signal = stage.client.post("/v1/signals", params={"name": address}, content=PICTURE, headers=BINARY).json()
    assert signal["name"] == "meta-data"
    for body in (
        {"kind": "fit", "signal": signal["id"], "name": address, "options": {"preset": address}},
        {"kind": "fit", "signal": address},
    ):
        stage.client.post("/v1/jobs", json=body)
    headers = {"Forwarded": f"host={address}", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "1.2.3.4"}
    answer = stage.client.get(f"/iiif/3/{field}", headers=headers)
    assert answer.headers["location"].startswith("http://127.0.0.1:8765/iiif/3/")
    assert DESCRIPTION["shape"] == [48, 64]


def test_names_that_clients_make_up_are_no_metrics(stage):
    for number in range(3):
        ask(stage, f"MADE{number}", f"/made/{number}", [HOST])
    numbers = stage.client.get("/metrics").text
    assert 'inr_requests_total{method="other",route="none",status="401"} 3.0\n' in numbers
    assert "MADE" not in numbers


def test_faults_are_told_without_their_traceback(stage, monkeypatch, caplog):
    def fail(*args, **keywords):
        raise ZeroDivisionError("the inside")

    monkeypatch.setattr(stage.queue, "counts", fail)
    answer = ask(stage, "GET", "/v1/queue", [HOST, ("Authorization", f"Bearer {stage.token}")])
    assert refused(answer, 500, "internal")
    assert b"inside" not in answer.body
    trace = json.loads(answer.body)["detail"].rpartition(" ")[2].rstrip(".")
    assert trace in str([record.members for record in caplog.records if hasattr(record, "members")])


def test_nobody_takes_all_of_the_service(stage, monkeypatch):
    """One user's requests have an end, and strangers' together too, while others are answered."""
    monkeypatch.setattr(gate, "MOST_OF_ONE", 0)
    refused_ones = [stage.client.get("/v1/me"), stage.client.get("/healthz", headers={"Authorization": ""})]
    assert {(answer.status_code, answer.json()["type"]) for answer in refused_ones} == {(429, "/problems/busy")}
    monkeypatch.setattr(gate, "MOST_OF_ONE", 1)
    for _ in range(3):  # what was served is over
        assert stage.client.get("/v1/me").status_code == 200


def test_a_small_body_cannot_drip(folder):
    """Each part comes in time, and the whole does not."""

    async def drip():
        for _ in range(1000):
            await asyncio.sleep(0.02)
            yield b" "

    with Stage(folder, body_seconds=0.1).open() as stage:
        answer = stage.client.post("/v1/session", content=drip(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["type"]) == (408, "/problems/timeout")


def test_a_small_file_of_many_samples_is_more_than_a_quota(stage):
    ample = stage.queue.used_bytes(stage.ada.id)
    assert stage.client.post("/v1/signals", content=PICTURE, headers=BINARY).status_code == 201
    array = stage.store.path(hashlib.sha256(b"array of " + PICTURE).hexdigest()).stat().st_size
    used = len(PICTURE) + array
    assert stage.client.get("/v1/me").json()["used"]["bytes"] == ample + used
    quotas = dataclasses.replace(stage.ada.quotas, bytes=used + len(PICTURE) + array - 1)
    with stage.queue._main.write() as db:
        db.execute("UPDATE users SET quotas = ? WHERE id = ?", (json.dumps(dataclasses.asdict(quotas)), stage.ada.id))
    problem(stage.client.post("/v1/signals", content=PICTURE, headers=BINARY), 429, "quota")
    assert stage.client.get("/v1/me").json()["used"]["bytes"] == used


def test_a_signal_may_be_deleted_while_it_is_read(stage, monkeypatch, caplog):
    def slow(path, name, options, store):
        (row,) = stage.queue.signals(stage.ada.id)[0]
        stage.queue.delete_signal(row.id, stage.ada.id)
        return played_reader(path, name, options, store)

    monkeypatch.setattr(stage.service, "read", slow)
    with caplog.at_level(logging.WARNING):
        problem(stage.client.post("/v1/signals", content=PICTURE, headers=BINARY), 404, "not-found")
    assert caplog.records == []


def test_many_uploads_of_one_user_do_not_keep_another_waiting(stage, monkeypatch):
    """Two are read at a time: of Ada's four no third before Bob's one, though all of hers came first."""
    read: list[str] = []
    rows = []
    for user in [stage.ada] * 4 + [stage.bob]:
        digest, size = stage.store.put(PICTURE)
        rows.append(stage.queue.add_signal(user.id, name=user.name, sha256=digest, bytes=size))

    places, second, third = itertools.count(), threading.Event(), threading.Event()

    def note(path, name, options, store):
        place = next(places)
        read.append(name)
        if place == 0:  # both begin before one ends, and one ends before the other: no two are let in at the same time
            assert second.wait(60)
        elif place == 1:
            second.set()
            assert third.wait(60)
        elif place == 2:
            third.set()
        return played_reader(path, name, options, store)

    async def all_at_once():
        await asyncio.gather(*(read_signal(stage.service, row) for row in rows))

    monkeypatch.setattr(stage.service, "read", note)
    stage.runner.run(all_at_once())
    assert read[:3] == ["Ada", "Ada", "Bob"]


def test_a_body_of_two_lengths_is_refused(stage):
    """Who stands before the service may have believed the other one, and what follows is another request."""
    sent = [HOST, ("Content-Type", "application/json"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked")]
    answer = ask(stage, "POST", "/v1/session", sent)
    assert refused(answer, 422, "bad-request")
    assert answer.headers["connection"] == "close"
