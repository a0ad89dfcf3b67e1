"""The renderer's process: it reads from its standard input what is wanted, and answers on its standard output."""

import argparse
import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from inr._errors import InrError
from inr.serving import DiskFull
from inr.serving.options import check
from inr.serving.views import _wire
from inr.serving.views._codecs import codec_sizes
from inr.serving.views._drawing import Gallery, encode, samples_of
from inr.serving.views._errors import BadRequest
from inr.serving.views._facts import describe, parts
from inr.serving.views._fields import OpenFields
from inr.serving.views._images import FieldImage, SignalImage, image_from_json
from inr.serving.views._programs import program
from inr.serving.views._sound import peaks, sample_count, write_wav
from inr.serving.views._tiles import make_room
from inr.signals import Domain

_NICE = 5  # before workers, who have 10, and after the server
_SOUND_SECONDS = 40.0  # in which one is computed, before the server takes this process for one that hangs

Answer = bytes | dict[str, Any] | list[Any]


class Desk:
    """Knows what can be asked for, and does it.

    Args:
        cache: the folder of pyramids, sounds and meshes.
        memory: bytes that open fields may take.
        limit: bytes that pyramids may take, and sounds and meshes as much again.
    """

    def __init__(self, cache: Path, memory: int, limit: int) -> None:
        self._fields = OpenFields(memory)
        self._pyramids, self._sounds, self._limit = cache / "pyramids", cache / "sounds", limit
        self._meshes = cache / "meshes"
        self._gallery = Gallery(self._fields, self._pyramids)

    def answer(self, operation: str, arguments: Mapping[str, Any]) -> Answer:
        """What an operation gives.

        Args:
            operation: the name of one of the methods below.
            arguments: what it takes.
        """
        given = dict(arguments)
        if "image" in given:
            given["image"] = image_from_json(given["image"])
        return _OPERATIONS[operation](self, **given)

    def canvas(self, image: FieldImage | SignalImage) -> Answer:
        """What an image can show."""
        return self._gallery.canvas(image).to_json()

    def prepare(self, image: FieldImage | SignalImage, slices: Mapping[str, float], quality: str) -> Answer:
        """Make a picture at smaller sizes."""
        self._gallery.plane(image, slices, quality).pyramid()
        make_room(self._pyramids, self._limit)
        return {}

    def tile(self, image: FieldImage | SignalImage, request: Mapping[str, Any]) -> Answer:
        """A picture."""
        return self._gallery.draw(image, request)

    def describe(self, image: FieldImage) -> Answer:
        """What a field is."""
        return describe(self._fields.get(image)) | {"bytes": image.path.stat().st_size}

    def parts(self) -> Answer:
        """What fields are made of."""
        return parts()

    def check(
        self, kind: str, options: Mapping[str, Any], description: Mapping[str, Any] | None = None, **limits: Any
    ) -> Answer:
        """The options of a job, if they are good."""
        return check(kind, options, description, **limits)

    def wav(self, image: FieldImage | SignalImage, name: str, rate: float | None) -> Answer:
        """Write a sound to the cache."""
        domain, samples = self._sound(image, rate)
        write_wav(self._sounds / name, samples, domain)
        make_room(self._sounds, self._limit)
        return {}

    def peaks(self, image: FieldImage | SignalImage, n: int) -> Answer:
        """A waveform."""
        domain, samples = self._sound(image, None)
        return peaks(samples, domain, n)

    def view(self, image: FieldImage, azimuth: int, elevation: int, up: str, size: int) -> Answer:
        """A shape from an angle."""
        return encode(self._fields.get(image).shape.view(azimuth, elevation, up, size), "default", "webp")

    def mesh(self, image: FieldImage, name: str, resolution: int) -> Answer:
        """Write a shape's surface to the cache."""
        self._fields.get(image).shape.write_surface(self._meshes / name, resolution)
        make_room(self._meshes, self._limit)
        return {}

    def program(self, image: FieldImage, part: str) -> Answer:
        """A field as GLSL, or what its texture holds."""
        return program(self._fields.get(image).field)[part == "data"]

    def codecs(self, image: SignalImage, psnr: float | None = None, bytes: int | None = None) -> Answer:
        """The sizes of other formats."""
        return codec_sizes(samples_of(image), Domain.from_json(image.domain), psnr=psnr, bytes=bytes)

    def _sound(self, image: FieldImage | SignalImage, rate: float | None) -> tuple[Domain, np.ndarray]:
        if isinstance(image, FieldImage):
            opened = self._fields.get(image)
            return opened.domain, opened.render(
                (sample_count(opened.domain, rate),), [(-1.0, 1.0)], seconds=_SOUND_SECONDS
            )
        domain = Domain.from_json(image.domain)
        if sample_count(domain, rate) != sample_count(domain, None):
            raise InrError("the samples of a signal are heard at their own rate; a field at any")
        return domain, np.asarray(samples_of(image))


_OPERATIONS: Mapping[str, Callable[..., Answer]] = {
    each.__name__: each
    for each in (
        Desk.canvas, Desk.prepare, Desk.tile, Desk.describe, Desk.parts, Desk.check, Desk.wav, Desk.peaks, Desk.view,
        Desk.mesh, Desk.program, Desk.codecs,
    )
}  # fmt: skip


def serve(desk: Desk, incoming: BinaryIO, outgoing: BinaryIO, threads: int) -> None:
    """Answer until nobody asks any more, then end at once, with the process: nobody would hear the rest."""
    writing = threading.Lock()

    def work(message: Mapping[str, Any]) -> None:
        began = time.perf_counter()
        data = b""
        try:
            found = desk.answer(message["op"], message["arguments"])
            told = {"id": message["id"], "seconds": time.perf_counter() - began}
            if isinstance(found, bytes):
                data = found
            else:
                told["result"] = found
        except Exception as error:
            told = {"id": message["id"], "error": _named(error), "detail": str(error)}
        with writing, contextlib.suppress(BrokenPipeError):
            outgoing.write(_wire.packed(told, data))
            outgoing.flush()

    pool = ThreadPoolExecutor(threads, "inr-renderer")
    while (message := _wire.read(incoming)) is not None:
        pool.submit(work, message)
    os._exit(0)


def _named(error: Exception) -> str:
    """What kind of error a client is to be told."""
    if isinstance(error, BadRequest):
        return "bad-request"
    if isinstance(error, DiskFull):
        return "disk-full"
    if isinstance(error, InrError):
        return "refused"
    traceback.print_exception(error)
    return "internal"


def main() -> None:
    """Be a renderer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cache", type=Path)
    for name in ("threads", "memory", "limit"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    # what libraries print is not to come between the answers
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(_NICE)
    torch.set_num_threads(given.threads)
    serve(Desk(given.cache, given.memory, given.limit), sys.stdin.buffer, outgoing, given.threads)


if __name__ == "__main__":
    main()
