"""What a process may still do that is locked up as readers are; runs in a process of its own."""

import os
import socket
import sys
from pathlib import Path

from inr.serving.work._sandbox import ReadLimits, confine


def allowed(file: Path, folder: Path) -> set[str]:
    """Try everything; the names of what works."""
    tries = {
        "read the file": lambda: file.read_bytes(),
        "write the folder": lambda: (folder / "a").write_text("a"),
        "write the file": lambda: file.write_text("b"),
        "read a neighbour": lambda: file.with_name("other").read_bytes(),
        "read the system": lambda: Path("/etc/passwd").read_bytes(),
        "list a folder": lambda: list(file.parent.iterdir()),
        "write elsewhere": lambda: file.with_name("new").write_text("a"),
        "link to elsewhere": lambda: (folder / "link").symlink_to("/etc/passwd"),
        "link to a file": lambda: (folder / "hard").hardlink_to(file.with_name("other")),
        "open a socket": lambda: socket.socket(socket.AF_INET),
        "open a Unix socket": lambda: socket.socket(socket.AF_UNIX),
        "run a program": lambda: os.execv("/bin/true", ["true"]),
        "take memory": lambda: bytearray(1 << 30),
    }
    found = set()
    for name, attempt in tries.items():
        try:
            attempt()
        except (OSError, MemoryError):
            continue
        found.add(name)
    return found


if __name__ == "__main__":
    file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    confine(file, folder, ReadLimits(memory=1 << 29))
    print("\n".join(sorted(allowed(file, folder))))
