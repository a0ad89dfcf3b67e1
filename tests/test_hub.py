"""Fields on the Hugging Face Hub, by its own client against a stand-in on this machine."""

import base64
import hashlib
import http.server
import json
import re
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from inr import Field, InrError
from inr.signals import Axis, Domain, ValueMap

pytest.importorskip("huggingface_hub")
DOMAIN = Domain("image", (Axis("x", 6, "px", 0.0, 6.0), Axis("y", 5, "px", 0.0, 5.0)), 3, ValueMap((0.0,), (1.0,)))
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class StandIn(http.server.BaseHTTPRequestHandler):
    """As much of the Hub as a push and a pull of small files ask for."""

    files: dict[str, bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path == "/api/repos/create":
            name = json.loads(body)
            repository = "/".join(filter(None, (name.get("organization"), name["name"])))
            self._answer({"url": f"http://{self.headers['Host']}/{repository}", "id": repository})
        elif self.path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [
                {"path": each["path"], "uploadMode": "regular", "shouldIgnore": False}
                for each in json.loads(body)["files"]
            ]
            self._answer({"files": files})
        elif "/commit/" in self.path:
            for line in body.splitlines():
                told = json.loads(line)
                if told["key"] == "file":
                    self.files[told["value"]["path"]] = base64.b64decode(told["value"]["content"])
            url = f"http://{self.headers['Host']}/{'/'.join(self.path.split('/')[3:5])}/commit/{COMMIT}"
            self._answer({"success": True, "commitOid": COMMIT, "commitUrl": url})
        else:
            self._answer({}, 404)

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        if self.path.startswith("/api/"):
            self._answer({"id": "me/photo", "sha": COMMIT, "siblings": []})
        else:
            self._file(body=True)

    def _file(self, *, body: bool) -> None:
        found = re.fullmatch(r"/me/photo/resolve/[^/]+/(.+)", self.path)
        data = self.files.get(found[1]) if found else None
        if data is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if found else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def _answer(self, told: dict, status: int = 200) -> None:
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    StandIn.files = {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def built() -> Field:
    torch.manual_seed(0)
    return Field.build(DOMAIN, network="mlp:depth=2,width=5")


def test_a_field_comes_back_as_it_was_pushed(hub, tmp_path):
    field = built()
    field.metrics = {"psnr": 31.25}
    assert COMMIT in field.push_to_hub("me/photo", token="hf_none", endpoint=hub)
    assert sorted(StandIn.files) == ["README.md", "field.inr", "field.png"]
    card = StandIn.files["README.md"].decode()
    assert card.startswith("---\nlibrary_name: inr\n")
    assert "| network | `mlp:depth=2,width=5" in card
    assert "| psnr | 31.25 |" in card
    again = Field.from_pretrained("me/photo", token="hf_none", endpoint=hub, cache=tmp_path)
    assert again.config() == field.config()
    coords = torch.rand(4, 2)
    assert torch.equal(again(coords), field(coords))


def test_what_the_hub_does_not_have_is_said_in_one_line(hub, tmp_path):
    with pytest.raises(InrError, match="has no repository 'me/other'") as refused:
        Field.from_pretrained("me/other", token="hf_none", endpoint=hub, cache=tmp_path)
    assert "\n" not in str(refused.value)
    with pytest.raises(InrError, match="is no name of a repository"):
        Field.from_pretrained("me/ photo//", token="hf_none", endpoint=hub, cache=tmp_path)


def test_a_hub_that_does_not_answer_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # its client asks again and again
    silent = "http://127.0.0.1:9"
    for ask in (
        lambda: built().push_to_hub("me/photo", token="hf_none", endpoint=silent),
        lambda: Field.from_pretrained("me/photo", token="hf_none", endpoint=silent, cache=tmp_path),
    ):
        with pytest.raises(InrError, match="does not answer") as refused:
            ask()
        assert "\n" not in str(refused.value)
