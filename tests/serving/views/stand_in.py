"""A renderer's process that draws nothing: it does at once what tests want to see, without torch."""

import os
import signal
import sys
import time

from inr.serving.views import _wire


def answer(operation: str, arguments: dict) -> tuple[dict, bytes]:
    """What a message gets back."""
    if operation == "tile":
        return {"seconds": 0.5}, repr(arguments["request"]["region"]).encode()
    if operation == "canvas":
        return {
            "result": {"sizes": [8, 8], "video": False, "channels": 3, "qualities": [], "cost": 1e6},
            "seconds": 0,
        }, b""
    if operation == "sleep":
        time.sleep(arguments["seconds"])
    if operation == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if operation == "refuse":
        return {"error": arguments["error"], "detail": "because"}, b""
    return {"result": {"pid": os.getpid(), **arguments}, "seconds": 0}, b""


def main() -> None:
    """Answer one message after the other."""
    while (message := _wire.read(sys.stdin.buffer)) is not None:
        told, data = answer(message["op"], message["arguments"])
        sys.stdout.buffer.write(_wire.packed({"id": message["id"], **told}, data))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
