"""Pipes as input and output: `-`, /dev/stdin and `<(…)`, which commands see as files.

Readers look at a file more than once, and writers put a whole one in place at the end; a pipe can do neither. What
comes in is copied to a temporary file first, and what goes out is written to one and copied to standard output last.
Everything that is printed goes to standard error then.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from inr._errors import InrError

_PIPE = Path("-")
_STDIN = (_PIPE, Path("/dev/stdin"))
_PREFIX = "inr-pipe-"
_STAND_IN = re.compile(rf"\S*{_PREFIX}\w+[/\\]std(in|out)(\.\w+)?")


def incoming(context: Any, path: Path | None) -> Path | None:
    """The callback of an argument that names a file to read: a file in place of a pipe, until the command ends."""
    if path is None or context.resilient_parsing or not (path in _STDIN or path.is_fifo()):
        return path
    if path in _STDIN and sys.stdin.isatty():
        raise InrError(f"{path} reads what is piped in, and nothing is: cat photo.png | inr fit -")
    copy = _temporary(context) / "stdin"
    with copy.open("wb") as file:
        if path in _STDIN:
            shutil.copyfileobj(sys.stdin.buffer, file)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, file)
    return copy


def outgoing(context: Any, path: Path | None) -> Path | None:
    """The callback of an option that names a file to write; commands that write several formats have `--format`."""
    form = context.params.get("form")
    if path != _PIPE or context.resilient_parsing:
        if form is not None and path is not None and not context.resilient_parsing:
            raise InrError(f"--format says what is written to -o -; {path} says it by its suffix")
        return path
    if "form" in context.params and form is None:
        raise InrError("-o - needs a format, as in --format png")
    if sys.stdout.isatty():
        raise InrError("-o - writes bytes, which a terminal cannot show: inr … -o - > FILE, or into a pipe")
    written = _temporary(context) / f"stdout.{(form or 'inr').lstrip('.')}"
    stdout, sys.stdout = sys.stdout, sys.stderr

    def send() -> None:
        sys.stdout = stdout
        if written.is_file():
            with written.open("rb") as file:
                shutil.copyfileobj(file, stdout.buffer)
            stdout.buffer.flush()

    context.call_on_close(send)
    return written


def is_piped(path: Path) -> bool:
    """Whether a file stands in for a pipe."""
    return path.parent.name.startswith(_PREFIX)


def shown(words: str) -> str:
    """Words in which files that stand in for pipes are called what they are."""
    return _STAND_IN.sub(lambda found: f"standard {found[1]}put", words)


def _temporary(context: Any) -> Path:
    """A folder that is gone once the command has ended, and what it had to send is sent."""
    folder = tempfile.TemporaryDirectory(prefix=_PREFIX)
    context.call_on_close(folder.cleanup)
    return Path(folder.name)
