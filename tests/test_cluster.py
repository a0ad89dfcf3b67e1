"""Tasks of a cluster: a stand-in for Ray, which finishes them in an order of its own, and addresses that are none."""

import pickle
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from inr import _cluster, _ray_process
from inr._cluster import Cluster, modules_of
from inr._errors import InrError, MissingExtra
from inr._ray_driver import Driver, work
from tests.ray_stand_in import FakeRay, LocalRayletDiedError, OutOfMemoryError, RayError, RayTaskError, stand_in


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """The stand-in, in the place of Ray."""
    return stand_in(monkeypatch)


def power(exponent: int, base: int) -> int:
    """A task."""
    if base == 13:
        raise InrError("13 is unlucky")
    return base**exponent


def test_all_tasks_come_back_and_few_wait_at_once(ray):
    with Cluster("ray") as cluster:
        found = {each.key: each.value for each in cluster.run(power, 2, ((str(n), n) for n in range(12)))}
    assert found == {str(n): n * n for n in range(12)}
    assert (ray.most, ray.cancelled, ray.down) == (4, 0, True)
    with Cluster("ray") as cluster:
        ray.most = 0
        assert [each.key for each in cluster.run(power, 2, enumerate(range(3)), at_once=1)] == [0, 1, 2]
    assert ray.most == 1


def test_a_task_that_fails_says_why_and_the_others_go_on(ray):
    ray.dies = lambda base: {3: OutOfMemoryError("x"), 4: RayError("y")}.get(base)
    with Cluster("ray") as cluster:
        found = {each.key: each for each in cluster.run(power, 2, enumerate([2, 13, 3, 4, "a"]))}
    assert (found[0].value, found[0].failure) == (4, None)
    assert found[1].failure == "13 is unlucky"
    assert found[2].failure == "its machine ran out of memory, in all tries"
    assert found[3].failure == "its process or machine died, in all of 4 tries (RayError)"
    assert found[4].failure.startswith("TypeError: ")


def test_what_is_under_way_is_cancelled(ray):
    with Cluster("ray") as cluster:
        with pytest.raises(KeyboardInterrupt):
            list(cluster.run(power, 2, enumerate(range(12)), go_on=lambda: False))
        assert ray.cancelled == 3  # the fourth has ended
        results = cluster.run(power, 2, enumerate(range(12)))
        next(results)
        results.close()
    assert ray.cancelled == 3 + 3


def test_a_machine_that_cannot_do_tasks_ends_the_run(ray, monkeypatch):
    with Cluster("ray") as cluster:
        with pytest.raises(InrError, match=r"cannot import no_such_module, which registers a part .* on all machines"):
            list(cluster.run(power, 2, enumerate(range(3)), modules=["no_such_module"]))
        ray.dies = lambda base: RayTaskError(
            RuntimeError("The remote function failed to import on the worker.\n\nNo module named 'inr'")
        )
        with pytest.raises(InrError, match="a machine of the cluster has no inr: install"):
            list(cluster.run(power, 2, enumerate(range(3))))
        with pytest.raises(InrError, match="has no machine of 3 cores; the largest has 2"):
            list(cluster.run(power, 2, enumerate(range(3)), cores=3))
    word, why = work(("0.0", (), pickle.dumps((power, 2))), pickle.dumps(3))
    assert word == "unfit"
    assert re.search(r"has inr .*, and the machine that asks has 0\.0: install one version", why)


def test_a_cluster_that_is_gone_ends_the_run(ray, monkeypatch):
    with Cluster("ray") as cluster:
        ray.dies = lambda base: LocalRayletDiedError("x")
        with pytest.raises(InrError, match="Ray on this machine lost its process here; what is done is kept"):
            list(cluster.run(power, 2, enumerate(range(12))))
        monkeypatch.setattr(ray, "wait", lambda *_, **__: (_ for _ in ()).throw(RayError("the raylet\ndied")))
        with pytest.raises(InrError, match="fails: the raylet died; what is done is kept"):
            list(cluster.run(power, 2, enumerate(range(12))))


@pytest.mark.parametrize("look", [0.0, float("inf")])
def test_a_cluster_that_does_not_answer_any_more_ends_the_run(ray, monkeypatch, look):
    monkeypatch.setattr(_cluster, "_LOOK", look)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ray.gcs_address = f"127.0.0.1:{server.getsockname()[1]}"
    ray.dies = lambda base: RayError("its machine died")
    with Cluster("ray") as cluster, pytest.raises(InrError, match="does not answer any more; what is done is kept"):
        list(cluster.run(power, 2, enumerate(range(12))))


HANGS = "import sys, time; sys.stdin.buffer.read(1); time.sleep(60)"
ENDS = "import sys; sys.stdin.buffer.read(1)"


@pytest.mark.parametrize(
    ("script", "listens", "told"),
    [
        (HANGS, False, "does not answer any more; what is done is kept"),
        (ENDS, False, "does not answer any more; what is done is kept"),
        (ENDS, True, "lost its process here; what is done is kept"),
    ],
)
def test_what_talks_to_ray_may_hang_or_end(ray, monkeypatch, script, listens, told):
    def begin() -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(_ray_process, "_begin", begin)
    monkeypatch.setattr(_ray_process, "_LOOK", 0.0)
    process = _ray_process.RayProcess("the Ray cluster", "ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        process.address = "there" if listens else "127.0.0.1", 1 if listens else server.getsockname()[1]
    for _ in range(2):
        with pytest.raises(InrError, match=f"^the Ray cluster {told}$"):
            process.ask("size")
    process.close()


def test_ctrl_c_does_not_wait_for_ray(ray, monkeypatch):
    def size(self: object) -> tuple[int, int]:
        time.sleep(1.0)
        return 2, 2

    monkeypatch.setattr(Driver, "size", size)
    with Cluster("ray") as cluster, pytest.raises(KeyboardInterrupt):
        list(cluster.run(power, 2, enumerate(range(3)), go_on=lambda: False))
    assert ray.cancelled == 0


def test_one_cluster_for_all_who_ask_for_it(ray):
    with Cluster("ray") as cluster:
        with Cluster("ray") as inner:
            assert [each.value for each in inner.run(power, 2, [("a", 3)])] == [9]
        assert not ray.down
        assert [each.value for each in cluster.run(power, 3, [("a", 3)])] == [27]
    assert ray.down


def test_a_cluster_that_does_not_begin_is_one_line(ray, monkeypatch):
    def init(address: str, **_: object) -> None:
        raise Exception("Version mismatch: The cluster was started with:\n    Ray: 2.40.0")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(InrError, match=r"on this machine does not take this process: Version mismatch: .*2\.40\.0$"):
        Cluster("ray")


def test_ray_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=re.escape("pip install 'inr[ray]'")):
        Cluster("ray")


@pytest.mark.parametrize("on", ["spark", "ray:", "ray:host", "ray:host:", "ray:host:0", "ray:ray://host:10001", "rays"])
def test_addresses_that_are_none(ray, on):
    with pytest.raises(InrError, match=r"HOST:PORT"):
        Cluster(on)


@pytest.fixture
def listening() -> Iterator[Callable[[bytes], int]]:
    """Begins a server that gives one answer; tells its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(answer: bytes) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(64)
            connection.sendall(answer)

    def begin(answer: bytes) -> int:
        threading.Thread(target=serve, args=(answer,), daemon=True).start()
        return server.getsockname()[1]

    yield begin
    server.close()


def test_addresses_that_do_not_answer(ray, listening):
    port = listening(b"HTTP/1.0 400 Bad request\r\n")
    with pytest.raises(InrError, match=f"what listens at 127.0.0.1:{port} is no Ray cluster"):
        Cluster(f"ray:127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(InrError, match=rf"no Ray cluster answers at 127\.0\.0\.1:{port} \(Connection refused\)"):
        Cluster(f"ray:127.0.0.1:{port}")


def test_parts_of_the_running_script_are_refused():
    assert modules_of([Cluster, InrError, MissingExtra]) == ("inr._cluster", "inr._errors")
    with pytest.raises(InrError, match="move it to a module"):
        modules_of([type("Mine", (), {"__module__": "__main__"})])
