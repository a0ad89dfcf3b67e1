"""What a server is told when it starts."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from inr._errors import InrError

OWNER = "owner"  # the user who runs the service, and whose token lies in the folder
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MiB = 1 << 20
GiB = 1 << 30


@dataclass(frozen=True)
class Settings:
    """What a server is told when it starts.

    Attributes:
        folder: holds all that the service keeps.
        host, port: the address it listens at; port 0 takes a free one.
        hosts: further names by which clients may call it, as "inr.example.org" or "box.local:8000".
        url: what clients reach it by, where a proxy stands before it; made of host and port if not given.
        workers: processes that fit; threads: of each of their larger jobs.
        raw_bytes: of a signal that is posted at once; upload_bytes: of a resumable upload.
        json_bytes: of a JSON body.
        head_seconds: within which a request's head has to arrive; body_seconds: within which each further part of its
            body has to; keep_alive_seconds: for which a connection may be idle.
        upload_seconds: for which an unfinished upload is kept.
        reading_seconds: for which the answer to an upload waits until it is read.
        free_bytes: of the disk, under which nothing is taken and no job begins.
        drain_seconds: within which the server ends when it is told to.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8765
    hosts: tuple[str, ...] = ()
    url: str = ""
    workers: int = 2
    threads: int = 1
    raw_bytes: int = 16 * MiB
    upload_bytes: int = 4 * GiB
    json_bytes: int = 2 * MiB
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    keep_alive_seconds: float = 30.0
    upload_seconds: float = 86_400.0
    reading_seconds: float = 5.0
    free_bytes: int = 2 * GiB
    drain_seconds: float = 5.0

    def __post_init__(self) -> None:
        """Raises InrError where a number is out of range or a name is none."""
        if not 0 <= self.port < 1 << 16:
            raise InrError(f"--port {self.port}: a port lies from 0 to 65535")
        if not 0 <= self.workers <= 64:
            raise InrError(f"--workers {self.workers}: between 0 and 64 processes can be begun")
        if not 1 <= self.threads <= 256:
            raise InrError(f"--threads {self.threads}: a job has from 1 to 256 threads")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise InrError(f"--url {self.url}: write it with its scheme, as https://{self.url}")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK

    @property
    def base(self) -> str:
        """The start of every address that is given out: no part of it is taken from a request."""
        if self.url:
            return self.url.rstrip("/")
        name = f"[{self.host}]" if ":" in self.host else self.host
        if self.host in ("0.0.0.0", "::"):
            name = self.hosts[0] if self.hosts else "127.0.0.1"
        return f"http://{name}" if re.search(r":\d+$", name) else f"http://{name}:{self.port}"

    @property
    def names(self) -> frozenset[str]:
        """Names that a request's Host may have, in lower case; those without a port go with any port."""
        wildcard = self.host in ("0.0.0.0", "::")
        own = {self.base.partition("://")[2].partition("/")[0]} if self.url else set()
        listening = set() if wildcard else {f"[{self.host}]" if ":" in self.host else self.host}
        return frozenset(name.lower() for name in {*LOOPBACK - {"::1"}, "[::1]", *listening, *own, *self.hosts})


def default_folder() -> Path:
    """Where a service keeps all where no folder is named: $XDG_DATA_HOME/inr, or ~/.local/share/inr."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "inr"


def keep_token(folder: Path, token: str) -> None:
    """Write the owner's token into the folder, for the programs of this user of the machine alone."""
    path = folder / "token"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(token + "\n")
