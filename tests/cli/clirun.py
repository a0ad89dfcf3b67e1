"""Running the command line in tests, and what is asked of its answers."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# fits in a moment: 20 steps of a network that learns nothing much
QUICK = ("--steps", "20", "--batch", "128", "--activation", "sine", "--network", "mlp:depth=1,width=16")
ENTRY = (sys.executable, "-c", "from inr.cli import main; main()")


@dataclass
class Run:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        def refuse(text: str) -> None:
            raise AssertionError(f"{text} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file of a folder, hidden ones too, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def one_line(text: str) -> str:
    """The only line of an error, without its prefix."""
    assert text.startswith("inr: error: ")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert "Traceback" not in text
    return text.removeprefix("inr: error: ").rstrip("\n")
