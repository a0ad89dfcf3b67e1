"""What the commands share in printing: two consoles, one JSON document, numbers for people."""

import io
import json
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from inr._json import finite
from inr.cli._pipes import shown

_TOLD = 20  # files that were left out, and are named
INTERRUPTED = 130  # the exit status of work that Ctrl-C ended

if TYPE_CHECKING:
    from inr import Signal

# the arguments as they were typed, for messages that repeat them
typed: ContextVar[Sequence[str]] = ContextVar("typed", default=())


def going_on(*added: str) -> str:
    """The command that goes on with unfinished work: the one that was typed, without what begins anew.

    Args:
        added: options to be put behind it, as --resume.
    """
    kept = [argument for argument in typed.get() if argument not in ("--force", "--resume")]
    return shlex.join(["inr", *kept, *added])


def out() -> Console:
    """The console on stdout, for results."""
    return Console(highlight=False, soft_wrap=False)


def err() -> Console:
    """The console on stderr, for progress and remarks."""
    return Console(stderr=True, highlight=False)


def complain(message: str, status: int) -> int:
    """Print one error line; the exit status is handed through."""
    print("inr: error:", shown(" ".join(message.split())), file=sys.stderr)
    return status


def remark(message: str) -> None:
    """Print one line on stderr that is no error."""
    print("inr:", shown(" ".join(message.split())), file=sys.stderr)


def tell_left_out(reasons: Sequence[str]) -> None:
    """Name files that were left out, and say why; of very many the first.

    Args:
        reasons: a line each, which begins with the file's name.
    """
    for reason in reasons[:_TOLD]:
        remark(f"left out: {reason.partition('; inr reads')[0]}")
    if (more := len(reasons) - _TOLD) > 0:
        remark(f"left out: {more:,} more (--json names all)")


def tell_folder(path: Path, signal: "Signal", *, quiet: bool) -> None:
    """Say what a folder of pictures was taken for."""
    if path.is_dir() and not quiet and signal.domain.shape is not None:
        frames, fps = signal.domain.shape[0], signal.domain.meta["fps"]
        remark(f"{path} is taken for a video of {frames} frames at {fps:g} a second (--as set: a field of every file)")


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document to stdout; numbers that are not finite become null."""
    print(json.dumps(finite(document), indent=2, ensure_ascii=not _takes_unicode(sys.stdout)))


def survive_any_encoding() -> None:
    """Let characters that stdout or stderr cannot write be replaced, as in a Windows console of code page 1252."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not _takes_unicode(stream):
            stream.reconfigure(errors="replace")


def _takes_unicode(stream: Any) -> bool:
    return str(getattr(stream, "encoding", None) or "").lower().startswith("utf")


def pairs(rows: Mapping[str, str]) -> Table:
    """A table of two columns, labels and values."""
    table = Table.grid(padding=(0, 3))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows.items():
        table.add_row(label, Text(shown(value)))  # a plain string would lose what stands in brackets
    return table


def indented(content: RenderableType) -> Padding:
    """Content two columns to the right."""
    return Padding(content, (0, 0, 0, 2), expand=False)


def decibels(value: float) -> str:
    """38.12 dB, 'exact' where the error is zero, or a dash where there is no number."""
    return "exact" if value == math.inf else "–" if math.isnan(value) else f"{value:.2f} dB"


def si(value: float, unit: str) -> str:
    """1.25 M points/s."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{'' if unit == 'B' else ' '}{unit}"
    return f"{value:.3g} {unit}"


def size(count: int) -> str:
    """4.71 MB (4,713,002 bytes)."""
    return f"{count:,} bytes" if count < 1000 else f"{si(count, 'B')} ({count:,} bytes)"


def clock(seconds: float) -> str:
    """1:05, 2:01:05."""
    whole = round(seconds)
    minutes = f"{whole // 60 % 60}:{whole % 60:02d}"
    return minutes if whole < 3600 else f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
