"""`inr serve` and `inr token`, as far as they need no server."""

import json
import re
import socket

import pytest
from typer.testing import CliRunner

from inr.cli import app
from inr.serving.settings import Settings


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 lets other machines in, and nobody has a token: make one for each user "
         "first, with inr token add NAME --folder {}"),
        (["--port", "70000"], "--port 70000: a port lies from 0 to 65535"),
        (["--workers", "-1"], "--workers -1: between 0 and 64 processes can be begun"),
        (["--threads", "0"], "--threads 0: a job has from 1 to 256 threads"),
        (["--url", "inr.example.org"], "--url inr.example.org: write it with its scheme, as https://inr.example.org"),
    ],
)  # fmt: skip
def test_servers_that_cannot_be(tmp_path, options, line):
    found = run("serve", tmp_path / "a", *options)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr == f"inr: error: {line.format(tmp_path / 'a')}\n"


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = run("serve", tmp_path, "--port", port)
    assert found.stderr == (
        f"inr: error: cannot listen at 127.0.0.1:{port}: Address already in use; give another --port\n"
    )


def test_an_address_for_everybody_needs_its_names(tmp_path):
    run("token", "add", "Ada", "--folder", tmp_path)
    found = run("serve", tmp_path, "--host", "0.0.0.0")
    assert found.stderr == (
        "inr: error: --host 0.0.0.0 listens at every address: say by which names it is called, with --hosts\n"
    )


def test_users_are_added_listed_and_removed(tmp_path):
    folder = ("--folder", tmp_path)
    added = run("token", "add", "Ada", *folder, "--weight", "2", "--running", "1", "--bytes", "5MB")
    assert re.fullmatch(r"[\w-]{43}\n", added.stdout)
    again = run("token", "add", "Ada", *folder)
    assert again.stderr == "inr: error: there is a user named Ada already; choose another name\n"
    (user,) = json.loads(run("token", "list", *folder, "--json").stdout)["users"]
    assert (user["name"], user["weight"], user["quotas"]["bytes"]) == ("Ada", 2.0, 5_000_000)
    assert "5 MB" in run("token", "list", *folder).stdout
    assert run("token", "replace", "Ada", *folder).stdout != added.stdout
    missing = run("token", "remove", "Eve", *folder)
    assert (missing.exit_code, missing.stderr) == (2, "inr: error: there is no user Eve; there are: Ada\n")
    assert run("token", "remove", "Ada", *folder).exit_code == 0
    assert json.loads(run("token", "list", *folder, "--json").stdout) == {"users": []}


def test_the_owner_stays_and_the_folder_keeps_the_token(tmp_path):
    run("token", "add", "owner", "--folder", tmp_path)
    removed = run("token", "remove", "owner", "--folder", tmp_path)
    assert (removed.exit_code, removed.stderr) == (
        2, "inr: error: owner runs the service and stays; inr token replace owner ends the old token\n",
    )  # fmt: skip
    replaced = run("token", "replace", "owner", "--folder", tmp_path)
    assert (tmp_path / "token").read_text() == replaced.stdout
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_a_folder_without_a_service_is_not_made_one(tmp_path):
    for command in (["list"], ["remove", "Ada"], ["replace", "Ada"]):
        found = run("token", *command, "--folder", tmp_path / "none")
        assert found.stderr == (
            f"inr: error: {tmp_path / 'none'} is no folder of a service; name the one of inr serve with --folder\n"
        )
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101])
def test_names_that_are_none(tmp_path, name):
    found = run("token", "add", name, "--folder", tmp_path)
    assert found.stderr == "inr: error: NAME is a line of 1 to 100 characters\n"


def test_small_answers_are_sent_at_once(tmp_path):
    """Without TCP_NODELAY, which asyncio sets on sockets that say that they are of TCP, each takes 40 ms."""
    from inr.serving.http.server import _listen

    with _listen(Settings(tmp_path, port=0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("told", "base"),
    [
        ({}, "http://127.0.0.1:8765"),
        ({"host": "::1"}, "http://[::1]:8765"),
        ({"host": "0.0.0.0", "hosts": ("box.local",)}, "http://box.local:8765"),
        ({"host": "0.0.0.0", "hosts": ("box.local:80",)}, "http://box.local:80"),
        ({"url": "https://inr.example.org/"}, "https://inr.example.org"),
    ],
)
def test_addresses_are_given_out_by_what_the_server_was_told(tmp_path, told, base):
    settings = Settings(tmp_path, **told)
    assert settings.base == base
    assert base.partition("://")[2].removesuffix(":8765") in settings.names
