"""What is kept beside the output of work on a server while it is unfinished, so that `--resume` finds it again."""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inr._errors import InrError
from inr._files import describe, replacing

_NAMES = ("server", "sha256", "options", "key", "signal", "job")


@dataclass(frozen=True)
class Note:
    """Unfinished work on a server.

    Attributes:
        path: of the file that holds this, which work here would write its checkpoint to.
        server: address of the service.
        sha256: of the signal's file.
        options: kind of the job, and options of it and of reading.
        key: makes the job one, however often it is asked for.
        signal: its id there.
        job: its id; None while it is not known whether the server has it.
    """

    path: Path
    server: str
    sha256: str
    options: dict[str, Any]
    key: str
    signal: str | None = None
    job: str | None = None

    @classmethod
    def begun(cls, path: Path, server: str, sha256: str, options: dict[str, Any]) -> "Note":
        """That of work that has not begun."""
        return cls(path, server, sha256, options, uuid.uuid4().hex)

    @classmethod
    def read(cls, path: Path) -> "Note":
        """What is in the file; raises InrError where it holds no such note."""
        try:
            found = json.loads(path.read_bytes())
            return cls(path, **{name: found[name] for name in _NAMES})
        except OSError as error:
            raise InrError(
                f"cannot read {path}: {describe(error)}; there is nothing on a server to go on with"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise InrError(f"{path} is of work on this machine; go on with it without --server") from None

    def for_same(self, other: "Note") -> "Note":
        """This one, where it is of the same work as another; raises InrError where it is not."""
        names = {"server": "server", "sha256": "signal", "options": "options"}
        differing = [words for name, words in names.items() if getattr(self, name) != getattr(other, name)]
        if differing:
            raise InrError(
                f"{self.path} is of other work: its {', '.join(differing)} differ; give the same, or start without "
                "--resume"
            )
        return self

    def write(self) -> None:
        """Put it in its file."""
        kept = {name: getattr(self, name) for name in _NAMES}
        with replacing(self.path, force=True) as temporary:
            temporary.write_text(json.dumps(kept, indent=2), encoding="utf-8")

    def remove(self) -> None:
        """Take its file away."""
        self.path.unlink(missing_ok=True)
