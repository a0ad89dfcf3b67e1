"""The client: addresses and tokens, what it makes of errors, and that it outlives lost connections."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inr._errors import DamagedFile, InrError

httpx = pytest.importorskip("httpx")

from inr.serving.client import Client, Refused, ServerEvent, Unreachable  # noqa: E402
from inr.serving.client import _address as address  # noqa: E402
from inr.serving.client import _connection as connection  # noqa: E402
from inr.serving.client import _events as events  # noqa: E402
from inr.serving.client import _upload as uploads  # noqa: E402

URL = "http://127.0.0.1:8765"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.pauses = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(connection, "time", found)
    monkeypatch.setattr(uploads, "time", found)
    return found


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """No token in the environment, and no service of this account."""
    monkeypatch.delenv("INR_TOKEN", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def client(answer: Callable[["httpx.Request"], "httpx.Response"], url: str = URL, **options) -> Client:
    return Client(url, transport=httpx.MockTransport(answer), **options)


def in_turn(*answers) -> Callable[["httpx.Request"], "httpx.Response"]:
    """One answer after another; errors are raised, and requests are kept in `asked`."""
    left = list(answers)

    def answer(request):
        answer.asked.append(request)
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    answer.asked = []
    return answer


def ok(content, status: int = 200, **headers) -> "httpx.Response":
    return httpx.Response(
        status, json=content, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


def problem(status: int, slug: str, detail: str, **headers) -> "httpx.Response":
    body = {"type": f"/problems/{slug}", "title": "No", "status": status, "detail": detail}
    headers = {"Content-Type": "application/problem+json"} | {n.replace("_", "-"): t for n, t in headers.items()}
    return httpx.Response(status, content=json.dumps(body), headers=headers)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8765", ("http://127.0.0.1:8765", None, True)),
        ("http://localhost:8765/", ("http://localhost:8765", None, True)),
        ("http://[::1]:8765/#code=abc", ("http://[::1]:8765", "abc", True)),
        ("https://inr.example.org", ("https://inr.example.org", None, False)),
        (" http://box:80/#about ", ("http://box:80", None, False)),
    ],
)
def test_addresses(url, expected):
    assert address.parse_address(url) == expected


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8765", "ftp://host", "http://", "http://host:port", "http://host:99999", "photo.png", "http://[::1"],
)
def test_what_is_no_address(url):
    with pytest.raises(
        InrError, match=f"^{re.escape(url)} is no address of a service; write it as http://127.0.0.1:8765"
    ):
        Client(url)


@pytest.mark.parametrize("url", ["http://me:secret@host", "http://host/inr", "http://host/?a=b"])
def test_an_address_has_a_host_and_a_port_only(url):
    with pytest.raises(InrError, match="has a host and a port only") as caught:
        Client(url)
    assert "secret" not in str(caught.value)


def sent_token(url: str = URL, token: str | None = None) -> str | None:
    answer = in_turn(ok({}))
    client(answer, url, token=token).me()
    return answer.asked[0].headers.get("Authorization")


def test_the_token_that_is_sent(monkeypatch, tmp_path):
    assert sent_token() is None
    (tmp_path / "data" / "inr").mkdir(parents=True)
    (tmp_path / "data" / "inr" / "token").write_text("own\n")
    assert sent_token() == "Bearer own"
    assert sent_token("http://elsewhere") is None  # another machine is not told what opens this account's service
    monkeypatch.setenv("INR_TOKEN", "environment")
    assert sent_token() == sent_token("http://elsewhere") == "Bearer environment"
    assert sent_token(token="given") == "Bearer given"


def test_a_link_opens_a_session(monkeypatch):
    monkeypatch.setenv("INR_TOKEN", "of another service")
    answer = in_turn(httpx.Response(204, headers={"Set-Cookie": "inr_session=s3; HttpOnly"}), ok({"name": "owner"}))
    assert client(answer, f"{URL}/#code=once").me() == {"name": "owner"}
    first, second = answer.asked
    assert (first.method, first.url.path, json.loads(first.content)) == ("POST", "/v1/session", {"code": "once"})
    assert second.headers["Cookie"] == "inr_session=s3"
    assert all("Authorization" not in request.headers for request in answer.asked)


def test_a_link_that_is_used_up_says_so():
    detail = "The code was used or is too old; inr serve prints a new link when it starts."
    with pytest.raises(Refused, match=f"^{re.escape(detail)}$"):
        client(in_turn(problem(401, "unauthorised", detail)), f"{URL}/#code=once")


def test_nothing_answers(clock):
    with pytest.raises(Unreachable, match=f"^nothing answers at {URL}: refused; is inr serve running there\\?$"):
        client(in_turn(httpx.ConnectError("refused"))).me()
    assert clock.pauses == []


def test_a_lost_connection_is_tried_again(clock):
    told = []
    answer = in_turn(ok({}), httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), ok({"id": "j"}))
    found = client(answer, notice=told.append)
    found.me()
    assert found.job("j") == {"id": "j"}
    assert clock.pauses == [0.2, 0.5]
    assert told == [f"{URL} does not answer; trying again for 120 s"]


def test_patience_ends(clock):
    found = client(in_turn(ok({}), *[httpx.ConnectError("refused")] * 9), patience=10)
    found.me()
    with pytest.raises(Unreachable, match=f"^{URL} has not answered for 10 s: refused$"):
        found.job("j")
    assert clock.pauses == [0.2, 0.5, 1, 2, 4, 4]


def test_a_server_that_begins_is_waited_for_as_it_asks(clock):
    busy = [problem(503, "busy", "later", Retry_After=seconds) for seconds in ("3", "9999", "soon")]
    found = client(in_turn(ok({}), *busy, ok({"id": "j"})))
    found.me()
    assert found.job("j") == {"id": "j"}
    assert clock.pauses == [3, 30, 1]


def test_a_problem_is_the_sentence_that_the_command_line_prints():
    detail = "unknown activation 'sin'; did you mean sine?"
    with pytest.raises(Refused, match=f"^{re.escape(detail)}$") as caught:
        client(in_turn(problem(422, "bad-option", detail))).submit("fit", "s", {"activation": "sin"})
    assert (caught.value.status, caught.value.slug) == (422, "bad-option")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            httpx.Response(307, headers={"Location": "https://other/"}),
            f"{URL} redirects to https://other/; give that address: the token goes to no other",
        ),
        (httpx.Response(404, text="<html>"), f"{URL} answers 404 Not Found, as no inr service does"),
        (
            httpx.Response(500, text="{", headers={"Content-Type": "application/problem+json"}),
            f"{URL} answers 500 Internal Server Error, as no inr service does",
        ),
        (
            problem(401, "unauthorised", "no"),
            f"{URL} takes no such token; give --token, INR_TOKEN, or the whole link that inr serve printed",
        ),
    ],
)
def test_other_answers_are_one_line(answer, words):
    asked = in_turn(answer)
    with pytest.raises(Refused, match=f"^{re.escape(words)}$"):
        client(asked).me()
    assert len(asked.asked) == 1  # redirects are not followed


def test_an_idempotency_key_is_sent():
    answer = in_turn(ok({"id": "j"}, 201))
    client(answer).submit("recompress", None, {"bytes": 900}, field="f", name="a", priority=3, key="k")
    (request,) = answer.asked
    assert request.headers["Idempotency-Key"] == "k"
    assert json.loads(request.content) == {
        "kind": "recompress", "options": {"bytes": 900}, "name": "a", "priority": 3, "field": "f",
    }  # fmt: skip


def test_jobs_are_submitted_together():
    answer = in_turn(ok({"id": "b", "results": []}, 207))
    jobs = [{"kind": "fit", "signal": "s"}, {"kind": "sweep", "signal": "s"}]
    assert client(answer).submit_many(jobs) == {"id": "b", "results": []}
    assert answer.asked[0].url.path == "/v1/batches"
    assert json.loads(answer.asked[0].content) == {"jobs": jobs}


def test_a_small_signal_is_sent_at_once_and_waited_for(clock, tmp_path):
    path = tmp_path / "a b.png"
    path.write_bytes(b"picture")
    answer = in_turn(ok({"id": "s", "state": "reading"}, 202), ok({"id": "s", "state": "ready"}))
    assert client(answer).upload(path, reading={"srgb": "true"}) == {"id": "s", "state": "ready"}
    post, get = answer.asked
    assert dict(post.url.params) == {"name": "a b.png", "srgb": "true"}
    digest = base64.b64encode(hashlib.sha256(b"picture").digest()).decode()
    assert post.headers["Content-Digest"] == f"sha-256=:{digest}:"
    assert (post.content, post.headers["Content-Type"]) == (b"picture", "application/octet-stream")
    assert get.url.path == "/v1/signals/s"
    assert clock.pauses == [0.3]


def test_a_signal_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    refusal = {"type": "/problems/unreadable-signal", "status": 422, "detail": "a.png is empty"}
    answer = in_turn(ok({"id": "s", "state": "refused", "problem": refusal}, 202))
    with pytest.raises(Refused, match=r"^a\.png is empty$") as caught:
        client(answer).upload(tmp_path / "a.png")
    assert caught.value.slug == "unreadable-signal"


class Tus:
    """A server of uploads that cuts, alters and loses as it is told."""

    def __init__(self, *faults: str | None) -> None:
        self.faults, self.data, self.length, self.metadata = list(faults), b"", 0, ""

    def __call__(self, request: "httpx.Request") -> "httpx.Response":
        if request.method == "POST":
            self.length, self.metadata = int(request.headers["Upload-Length"]), request.headers["Upload-Metadata"]
            return httpx.Response(201, headers={"Location": "/v1/uploads/u"})
        if request.method == "GET":
            return ok({"id": "s", "state": "ready"})
        if request.method == "PATCH":
            fault = self.faults.pop(0) if self.faults else None
            if int(request.headers["Upload-Offset"]) != len(self.data):
                return problem(409, "upload-offset", "elsewhere")
            if fault == "altered":
                return problem(460, "checksum-mismatch", "altered")
            expected = base64.b64encode(hashlib.sha256(request.content).digest()).decode()
            assert request.headers["Upload-Checksum"] == f"sha256 {expected}"
            self.data += request.content[: 2 if fault == "cut" else None]
            if fault in ("cut", "lost"):
                raise httpx.ReadError("cut")
        headers = {"Upload-Offset": str(len(self.data))}
        if len(self.data) == self.length:
            headers["Content-Location"] = "/v1/signals/s"
        return httpx.Response(204 if request.method == "PATCH" else 200, headers=headers)


@pytest.mark.parametrize("faults", [(), ("cut",), ("lost",), ("altered", "cut", "lost"), (None, None, "lost")], ids=str)
def test_a_large_signal_is_sent_in_parts_that_are_taken_up_again(faults, clock, monkeypatch, tmp_path):
    monkeypatch.setattr(uploads, "RAW_BYTES", 8)
    monkeypatch.setattr(uploads, "PART_BYTES", 4)
    path = tmp_path / "a.wav"
    path.write_bytes(b"0123456789")
    server = Tus(*faults)
    assert client(server).upload(path, name="ä", reading={"nodata": "-1"}) == {"id": "s", "state": "ready"}
    assert server.data == b"0123456789"
    assert server.metadata == "filename w6Q=,nodata LTE="


def test_events_are_read_as_the_standard_has_them():
    lines = [
        ": comment", "", "retry: 500", "id: 7", "event: progress", 'data: {"step":', "data: 3}", "", "data:{}", "",
        "event: odd", "data: no json", "", "event: lost", "", "data: {}",
    ]  # fmt: skip
    assert [*events.parse(lines)] == [("7", ServerEvent("progress", {"step": 3})), ("7", ServerEvent("message", {}))]


class Stream(httpx.SyncByteStream):
    """A body that is cut at its end."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __iter__(self) -> Iterator[bytes]:
        yield self._text.encode()
        raise httpx.ReadError("cut")


def stream(text: str) -> "httpx.Response":
    return httpx.Response(200, stream=Stream(text), headers={"Content-Type": "text/event-stream"})


def test_events_go_on_where_they_were_cut(clock):
    running = ok({"id": "j", "state": "running"})
    answer = in_turn(
        ok({}),
        stream('id: 4\nevent: progress\ndata: {"step": 1}\n\nid: 5\nevent: progress\n'), running,
        httpx.ConnectError("refused"),
        problem(503, "busy", "begins"),
        httpx.Response(200, content='id: 9\nevent: end\ndata: {"state": "done"}\n\n'), running,
    )  # fmt: skip
    found = client(answer)
    found.me()
    assert [*found.events("j")] == [ServerEvent("progress", {"step": 1}), ServerEvent("end", {"state": "done"})]
    streams = [request for request in answer.asked if request.url.path == "/v1/events"]
    assert [request.headers.get("Last-Event-ID") for request in streams] == [None, "4", "4", "4"]
    assert {request.url.params["job"] for request in streams} == {"j"}


def test_a_stream_that_was_quiet_for_long_is_taken_up_again(clock):
    def quiet() -> Iterator[bytes]:
        for _ in range(40):  # minutes in which the job waits for its turn
            clock.now += 15
            yield b": comment\n\n"
        raise httpx.ReadError("cut")

    class Quiet(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return quiet()

    running = ok({"id": "j", "state": "queued"})
    end = httpx.Response(200, content='id: 9\nevent: end\ndata: {"state": "done"}\n\n')
    found = client(in_turn(ok({}), httpx.Response(200, stream=Quiet()), running, end, running))
    found.me()
    assert [*found.events("j")] == [ServerEvent("end", {"state": "done"})]


def test_a_service_that_never_gets_ready_is_given_up(clock):
    def answer(request):
        return problem(503, "unavailable", "the service ends") if request.url.path == "/v1/events" else ok({})

    found = client(answer, patience=5)
    found.me()
    with pytest.raises(Unreachable, match=f"^{URL} has not answered for 5 s: it is not ready$"):
        next(found.events("j"))


def test_a_job_that_has_ended_needs_no_stream():
    state = {"id": "j", "state": "failed", "metrics": None, "problem": {"detail": "no"}, "name": "a"}
    end = {"job": "j", "state": "failed", "metrics": None, "problem": {"detail": "no"}}
    assert [*client(in_turn(stream(""), ok(state))).events("j")] == [ServerEvent("end", end)]


def test_events_of_no_job_are_refused():
    with pytest.raises(Refused, match=r"^no such job$"):
        next(client(in_turn(problem(404, "not-found", "no such job"))).events("j"))


def test_what_is_downloaded_has_the_digest_that_was_named():
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(b'field').digest()).decode()}:"
    whole = httpx.Response(200, content=b"field", headers={"Repr-Digest": digest})
    altered = httpx.Response(200, content=b"fiel.", headers={"Repr-Digest": digest})
    answer = in_turn(altered, whole)
    assert client(answer).download("j") == b"field"
    assert [request.url.path for request in answer.asked] == ["/v1/fields/j.inr"] * 2
    with pytest.raises(DamagedFile, match="the field of job j arrives with other bytes than"):
        client(in_turn(altered, altered, altered)).download("j")


def test_steps_of_jobs():
    answer = in_turn(*[ok({"id": "j"}, 202)] * 3)
    found = client(answer)
    assert [found.cancel("j"), found.resume("j"), found.retry("j")] == [{"id": "j"}] * 3
    assert [(r.method, r.url.path) for r in answer.asked] == [
        ("POST", f"/v1/jobs/j/{step}") for step in ("cancel", "resume", "retry")
    ]


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    with pytest.raises(
        InrError, match=r"^a fit on a server needs httpx, which is not installed: pip install 'inr\[serve\]'$"
    ):
        Client(URL)


def test_importing_it_takes_no_torch(root: Path):
    import subprocess
    import sys

    code = "import sys, inr.serving.client as c; c.Client; assert not {'torch', 'numba', 'httpx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
