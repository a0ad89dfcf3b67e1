"""The server's side of the renderer: what waits, what is refused, and what becomes of a process that dies."""

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

import inr
from inr.serving import DiskFull
from inr.serving.views import (
    BadRequest,
    Busy,
    FieldImage,
    Renderer,
    RendererStopped,
    SignalImage,
    entity_tag,
    identify,
    parse,
)
from inr.serving.views import _renderer as renderer_module
from inr.serving.views._images import pyramid_name

IMAGE = FieldImage(Path("f.inr"), "f" * 64)
SIGNAL = SignalImage(Path("s.npy"), "5" * 64, {})


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(renderer_module, "PROCESS", (sys.executable, str(Path(__file__).with_name("stand_in.py"))))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    )


def run(tmp_path: Path, body: Callable[[Renderer], Awaitable[None]], **options: float) -> None:
    """Run something with a renderer."""

    async def main() -> None:
        renderer = Renderer(tmp_path, **options)
        try:
            await asyncio.wait_for(body(renderer), 20)
        finally:
            await renderer.stop()

    asyncio.run(main())


async def request(renderer: Renderer, path: str, image: FieldImage | SignalImage = IMAGE):
    return parse(identify("f@4x"), *path.split("/"), await renderer.canvas(image))


def test_tiles_are_drawn_once(tmp_path, stand_in):
    async def body(renderer):
        asked = await request(renderer, "0,0,8,4/max/0/default.png")
        assert await renderer.tile(IMAGE, asked) == b"[0.0, 0.0, 2.0, 1.0]"
        kept = next((tmp_path / "tiles").rglob(entity_tag(IMAGE, asked).strip('"')))
        kept.write_bytes(b"kept")
        assert await renderer.tile(IMAGE, asked) == b"kept"

    run(tmp_path, body)


def test_tags_tell_what_is_drawn_apart():
    from inr.serving.views import Canvas

    canvas = Canvas((8, 8), False, 3, ("error",))
    paths = ["full/max/0/default.png", "full/max/0/default.jpg", "full/max/90/default.png", "full/4,4/0/default.png"]
    tags = {
        entity_tag(IMAGE, parse(identify(name), *path.split("/"), canvas)) for path in paths for name in ("f", "f@2x")
    }
    assert len(tags) == 8
    assert all(len(tag) == 34 and tag[0] == tag[-1] == '"' for tag in tags)
    same = [
        entity_tag(IMAGE, parse(identify("f"), region, "max", "0", "color.png", canvas))
        for region in ("full", "0,0,9,9")
    ]
    assert same[0] == same[1]
    beside = FieldImage(IMAGE.path, IMAGE.sha256, SIGNAL)
    for path, equal in (("full/max/0/default.png", True), ("full/max/0/error.png", False)):
        asked = parse(identify("f"), *path.split("/"), canvas)
        assert (entity_tag(IMAGE, asked) == entity_tag(beside, asked)) is equal


def test_a_process_that_dies_is_started_again(tmp_path, stand_in):
    async def body(renderer):
        first = await renderer.call("ping")
        with pytest.raises(RendererStopped, match="stopped"):
            await renderer.call("die")
        second = await renderer.call("ping")
        assert first["pid"] != second["pid"]

    run(tmp_path, body)


def test_a_process_ends_without_a_word(tmp_path, stand_in, caplog):
    async def body(renderer):
        await renderer.call("ping")
        with pytest.raises(RendererStopped):
            await renderer.call("die")
        await renderer.call("ping")

    run(tmp_path, body)
    assert caplog.text == ""


def test_what_hangs_is_stopped(tmp_path, stand_in):
    async def body(renderer):
        first = await renderer.call("ping")
        with pytest.raises(RendererStopped, match=r"longer than 0\.2 seconds"):
            await renderer.call("sleep", timeout=0.2, seconds=60)
        assert (await renderer.call("ping"))["pid"] != first["pid"]

    run(tmp_path, body)


def test_others_are_told_that_the_process_died(tmp_path, stand_in):
    async def body(renderer):
        slow = asyncio.create_task(renderer.call("sleep", seconds=60))
        await asyncio.sleep(0)  # it is the first in the line
        with pytest.raises(RendererStopped):
            await renderer.call("ping", timeout=0.1)
        with pytest.raises(RendererStopped):
            await slow

    run(tmp_path, body)


def test_who_leaves_while_waiting_is_not_served(tmp_path, stand_in):
    async def body(renderer):
        slow = asyncio.create_task(renderer.call("ping"))
        await asyncio.sleep(0)  # it has the only lane
        gone = asyncio.create_task(renderer.call("die"))
        await asyncio.sleep(0)
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        last = asyncio.create_task(renderer.call("ping"))
        assert (await slow)["pid"] == (await last)["pid"]

    run(tmp_path, body, threads=1)


def test_a_lane_stays_taken_until_its_answer_is_there(tmp_path, stand_in):
    async def body(renderer):
        await renderer.call("ping")
        left = asyncio.create_task(renderer.call("sleep", seconds=0.3))
        await asyncio.sleep(0)  # it is asked
        left.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await left
        assert renderer._lanes.locked()
        await renderer.call("ping")
        assert not renderer._lanes.locked()

    run(tmp_path, body, threads=1)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("bad-request", BadRequest), ("refused", inr.InrError), ("disk-full", DiskFull), ("internal", RendererStopped)],
)
def test_errors_keep_their_kind(tmp_path, stand_in, kind, error):
    async def body(renderer):
        with pytest.raises(error) as caught:
            await renderer.call("refuse", error=kind)
        assert type(caught.value) is error

    run(tmp_path, body)


def test_too_much_work_is_refused_before_it_is_begun(tmp_path, stand_in):
    async def body(renderer):
        with pytest.raises(BadRequest, match="about 40 seconds"):
            await renderer.call("tile", cost=8e11, request={"region": []})
        slow = asyncio.create_task(renderer.call("ping", cost=1.6e11))
        await asyncio.sleep(0)
        with pytest.raises(Busy) as caught:
            await renderer.call("sleep", cost=8e10, seconds=0)
        assert caught.value.retry_after == 2  # 12 seconds of work, of which 10 may wait
        await renderer.call("ping")
        await slow
        await renderer.call("sleep", cost=8e10, seconds=0)

    run(tmp_path, body, timeout=30.0, longest_wait=10.0)


def test_pyramids_are_made_once_for_all_who_wait(tmp_path, stand_in):
    made = []

    async def body(renderer):
        call = renderer.call

        async def counted(operation, **given):
            made.append(operation)
            answer = await call(operation, **given)
            if operation == "prepare":  # which leaves a pyramid, for those who ask later
                pyramid = tmp_path / "pyramids" / pyramid_name(SIGNAL, asked[0].identifier.slices, asked[0].quality)
                pyramid.parent.mkdir(exist_ok=True)
                pyramid.touch()
            return answer

        renderer.call = counted
        asked = [await request(renderer, f"full/4,/0/default.{form}", SIGNAL) for form in ("png", "jpg", "webp")]
        await asyncio.gather(*(renderer.tile(SIGNAL, each) for each in asked))

    run(tmp_path, body)
    assert sorted(made) == ["canvas", "prepare", "tile", "tile", "tile"]


def test_the_server_loads_neither_torch_nor_numpy():
    names = "BadRequest, Busy, Canvas, FieldImage, Renderer, SignalImage, entity_tag, identify, info_json, parse"
    heavy = "{'torch', 'numpy', 'numba', 'PIL'}"
    code = f"import sys; from inr.serving.views import {names}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.long
def test_the_process_itself(tmp_path):
    signal = inr.from_array(np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8))
    field = inr.Field.build(signal.domain, network="mlp:depth=1,width=16")
    field.save(tmp_path / "f.inr")
    np.save(tmp_path / "s.npy", signal.array)
    original = SignalImage(tmp_path / "s.npy", "5", signal.domain.to_json())
    image = FieldImage(tmp_path / "f.inr", hashlib.sha256((tmp_path / "f.inr").read_bytes()).hexdigest(), original)

    async def body(renderer):
        for path in ("full/max/0/default.png", "full/4,/0/error.jpg", "0,0,8,8/^64,/33/slope.webp"):
            asked = parse(identify("f@4x"), *path.split("/"), await renderer.canvas(image))
            assert len(await renderer.tile(image, asked)) > 50
        found = await renderer.call("describe", image=image.to_json())
        assert (found["shape"], found["bytes"]) == ([12, 16], (tmp_path / "f.inr").stat().st_size)
        assert found["parts"] == {"encoding": "identity", "activation": "sine", "network": "mlp:depth=1,width=16"}
        parts = await renderer.call("parts")
        assert {"hash", "fourier"} < {each["name"] for each in parts["encodings"]}
        assert len(await renderer.call("codecs", image=original.to_json(), bytes=1000)) >= 3
        with pytest.raises(inr.InrError, match="only sounds are heard"):
            await renderer.wav(image)
        with pytest.raises(inr.InrError, match=r"none\.inr"):
            await renderer.canvas(FieldImage(tmp_path / "none.inr", "n"))

    run(tmp_path / "cache", body)


def test_the_process_ends_with_its_server(tmp_path, monkeypatch):
    """Whatever it is drawing: a pyramid may take half an hour."""
    process = pytest.importorskip("inr.serving.views._process")
    begun, ended = threading.Event(), threading.Event()

    class Endless(process.Desk):
        def answer(self, operation, arguments):
            begun.set()
            ended.wait(20)
            return {}

    def leave(status):
        assert begun.wait(20)
        assert status == 0
        raise SystemExit

    monkeypatch.setattr(process.os, "_exit", leave)
    message = process._wire.packed({"id": 1, "op": "tile", "arguments": {}})
    (tmp_path / "in").write_bytes(message)
    with (tmp_path / "in").open("rb") as asked, (tmp_path / "out").open("wb") as told, pytest.raises(SystemExit):
        process.serve(Endless(tmp_path, 0, 0), asked, told, 1)
    ended.set()
