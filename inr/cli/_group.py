"""Every command's frame: errors become one line and an exit status."""

import contextlib
import difflib
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

from inr._errors import InrError, InrWarning
from inr._files import describe
from inr._scripts import name_scripts
from inr.cli._console import INTERRUPTED, complain, remark, survive_any_encoding, typed

BAD_INPUT = 2
_SPOKEN = re.compile(r"(--(?:force|resume)) \((?:force|resume)=True\)")  # what Python calls an option

# click's class, wherever this version of typer keeps it
_UsageError: Any = typer.BadParameter.__bases__[0]


class Group(TyperGroup):
    """Runs a command, and answers whatever goes wrong with one line on stderr."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; an interrupt ends it with a line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(complain("interrupted", INTERRUPTED)) from None

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; with `standalone_mode` exit with its status, else return it."""
        args = list(sys.argv[1:] if args is None else args)
        typed.set(args)
        survive_any_encoding()

        def run() -> Any:
            rest = _without_scripts(args)
            return super(Group, self).main(rest or ["--help"], "inr", standalone_mode=False, **extra)

        quiet = not {"-q", "--quiet"}.isdisjoint(args)
        with _terminating_as_interrupt(), _warnings_as_remarks(quiet=quiet):
            status = _guarded(run)
        if standalone_mode:
            sys.exit(status)
        return status


def _without_scripts(args: Sequence[str]) -> list[str]:
    """The arguments but for every `--load SCRIPT`, which may stand anywhere; all registries are told of the scripts."""
    rest, scripts = [], []
    words = iter(args)
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--load":
            script = value if equals else next(words, None)
            if not script:
                raise InrError("--load needs the path of a Python script that registers parts")
            scripts.append(script)
        else:
            rest.append(word)
    if scripts:
        name_scripts(scripts)
    return rest


@contextlib.contextmanager
def _warnings_as_remarks(*, quiet: bool) -> Iterator[None]:
    """While inside, what the library has to say of its input is one line each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quiet else "always", InrWarning)
        show = warnings.showwarning

        def remark_or_show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, InrWarning):
                remark(str(message))
            else:
                show(message, category, *where, **more)

        warnings.showwarning = remark_or_show
        yield


def _guarded(run: Callable[[], Any]) -> int:
    try:
        result = run()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except _UsageError as error:
        return complain(_usage_line(error), BAD_INPUT)
    except InrError as error:
        return complain(_SPOKEN.sub(r"\1", str(error)), BAD_INPUT)
    except BrokenPipeError:
        _discard_output()
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return complain(where + describe(error), BAD_INPUT)
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        return complain("not enough memory for this; choose a smaller network, batch or size", BAD_INPUT)


def _usage_line(error: Any) -> str:
    message = error.format_message()
    option = getattr(error, "option_name", None)
    if type(error).__name__ == "NoSuchOption" and error.ctx is not None:
        known = [name for param in error.ctx.command.params for name in param.opts if name.startswith("--")]
        close = difflib.get_close_matches(option, known, n=1)
        message = f"unknown option {option}" + (f"; did you mean {close[0]}?" if close else "")
    command = error.ctx.command_path if error.ctx is not None else "inr"
    return f"{message[:1].lower()}{message[1:].rstrip('.')} ({command} --help)"


def _out_of_memory(error: Exception) -> bool:
    """Whether numpy or torch could not allocate; torch says so with a RuntimeError."""
    return isinstance(error, MemoryError) or "allocate" in str(error)


def _discard_output() -> None:
    """The reader of a pipe has gone: nothing more is to be said, not by the interpreter's last flush either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _terminating_as_interrupt() -> Any:
    """While inside, SIGTERM does what Ctrl-C would do at that moment."""

    def on_terminate(number: int, frame: FrameType | None) -> None:
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):
            raise KeyboardInterrupt
        handler(number, frame)

    try:
        previous = signal.signal(signal.SIGTERM, on_terminate)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
