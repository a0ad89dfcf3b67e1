"""The renderer's process: it reads from its standard input what is wanted, and answers on its standard output."""

import argparse
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from inr._errors import InrError
from inr.serving.views import _wire
from inr.serving.views._errors import BadRequest
from inr.serving.views._images import image_from_json

Answer = bytes | dict[str, Any] | list[Any]


class Desk:
    """Finds out what is wanted, and who does it."""

    def __init__(self, cache: Path, memory: int) -> None:
        from inr.serving.views._drawing import Gallery
        from inr.serving.views._fields import OpenFields

        self._fields = OpenFields(memory)
        self._gallery = Gallery(self._fields, cache / "pyramids")
        self._operations: Mapping[str, Callable[..., Answer]] = {
            "canvas": self._canvas,
            "tile": self._tile,
        }

    def answer(self, operation: str, arguments: Mapping[str, Any]) -> Answer:
        """What an operation gives."""
        return self._operations[operation](**arguments)

    def _canvas(self, image: Mapping[str, Any]) -> Answer:
        return self._gallery.canvas(image_from_json(image)).to_json()

    def _tile(self, image: Mapping[str, Any], request: Mapping[str, Any]) -> Answer:
        return self._gallery.draw(image_from_json(image), request)


def serve(desk: Desk, incoming: BinaryIO, outgoing: BinaryIO, threads: int) -> None:
    """Answer until nobody asks any more."""
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

    with ThreadPoolExecutor(threads, "inr-renderer") as pool:
        while (message := _wire.read(incoming)) is not None:
            pool.submit(work, message)


def _named(error: Exception) -> str:
    """What kind of error a client is to be told."""
    if isinstance(error, BadRequest):
        return "bad-request"
    if isinstance(error, InrError):
        return "refused"
    import traceback

    traceback.print_exception(error)
    return "internal"


def main() -> None:
    """Be a renderer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cache", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=int, default=512 << 20)
    parser.add_argument("--nice", type=int, default=5)
    given = parser.parse_args()
    # what libraries print is not to come between the answers
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(given.nice)
    import torch

    torch.set_num_threads(given.threads)
    serve(Desk(given.cache, given.memory), sys.stdin.buffer, outgoing, given.threads)


if __name__ == "__main__":
    main()
