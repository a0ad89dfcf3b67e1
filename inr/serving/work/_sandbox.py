"""Locking up the process that decodes a stranger's file, by the kernel's own calls: limits, Landlock and seccomp.

Nothing here is needed for reading a file. Where a kernel has no Landlock or no seccomp, the limits alone hold.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MIB = 1 << 20
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_EACCES = 13

# Landlock (linux/landlock.h): its system calls have one number on every machine
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_ONLY, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_FILE, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_FILE | _MAKE_FILE | _TRUNCATE  # files, and no links to others
# what each version of the interface added to the rights of files; of networks and of scopes it takes all there are
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK, _SCOPES = 0b11, 0b11  # to bind and connect TCP; abstract sockets and signals to others

# seccomp: the number of each machine (linux/audit.h), and there the numbers of the calls that no reader needs: socket,
# connect, execve, execveat, ptrace, process_vm_readv, process_vm_writev, and io_uring_setup, which gets around the rest
_NUMBERS = {
    "x86_64": (0xC000003E, (41, 42, 59, 322, 101, 310, 311, 425)),
    "aarch64": (0xC00000B7, (198, 203, 221, 281, 117, 270, 271, 425)),
}
_X32 = 0x40000000  # the other system calls of an x86_64


@dataclass(frozen=True)
class ReadLimits:
    """What one reader may take.

    Args:
        decoded: most bytes of the samples in memory.
        memory: most bytes of address space besides what the process begins with.
        cpu_seconds, wall_seconds: of the whole reading.
    """

    decoded: int = 1 << 30
    memory: int = 6 << 30
    cpu_seconds: int = 120
    wall_seconds: float = 180.0


def confine(file: Path, folder: Path, limits: ReadLimits) -> None:
    """Give up, for the rest of this process, all that reading one file does not need.

    Args:
        file: may be read, beside the code of Python and of libraries.
        folder: may be read and written.
        limits: of memory, time and what is written.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    _limit(resource.RLIMIT_FSIZE, limits.decoded + 64 * _MIB)
    _limit(resource.RLIMIT_NOFILE, 64)
    if sys.platform != "linux":
        return
    _limit(resource.RLIMIT_AS, _address_space() + limits.memory)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        _restrict_files(libc, file, folder)
        _restrict_calls(libc)


def landlock_version() -> int:
    """The version of the kernel's Landlock; 0 where it has none."""
    if sys.platform != "linux":
        return 0
    return max(ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _VERSION_ONLY), 0)


def _limit(what: int, most: int) -> None:
    """Lower a limit, never below what is allowed already."""
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _code() -> Sequence[Path]:
    """Where Python and the libraries lie; some readers load theirs late."""
    paths = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {Path(__file__).parents[2], Path(sys.base_prefix, "lib")}
    paths |= {Path(root, lib) for root in ("/", "/usr", "/usr/local") for lib in ("lib", "lib64")}
    return [path for path in [*sorted(paths), Path("/etc/ld.so.cache")] if path.exists()]


def _restrict_files(libc: ctypes.CDLL, file: Path, folder: Path) -> None:
    """Landlock: the code and the file can be read, the folder can be written, nothing else can be opened."""
    version = landlock_version()
    if version == 0:
        return
    everything = (1 << _FILE_RIGHTS[min(version, 5)]) - 1
    words = [everything, *([_NETWORK] if version >= 4 else []), *([_SCOPES] if version >= 6 else [])]
    attributes = struct.pack(f"{len(words)}Q", *words)
    rules = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if rules < 0:
        return
    beneath = [(path, _READ) for path in _code()] + [(file, _READ_FILE), (folder, _WRITE & everything)]
    for path, rights in beneath:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights = rights if path.is_dir() else rights & (_EXECUTE | _READ_FILE)
        libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", rights, opened), 0)
        os.close(opened)
    libc.syscall(_RESTRICT_SELF, rules, 0)
    os.close(rules)


def _restrict_calls(libc: ctypes.CDLL) -> None:
    """Seccomp: no sockets, no programs, no other processes' memory."""
    if platform.machine() not in _NUMBERS:
        return
    machine, numbers = _NUMBERS[platform.machine()]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06  # of the filters' instructions
    refuse, allow = 0x00050000 | _EACCES, 0x7FFF0000
    count = len(numbers)
    program = [
        (load, 0, 0, 4),
        (equal, 0, count + 3, machine),  # another machine's calls are refused
        (load, 0, 0, 0),
        (at_least, count + 1, 0, _X32),
        *((equal, count - place, 0, number) for place, number in enumerate(numbers)),
        (give, 0, 0, allow),
        (give, 0, 0, refuse),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in program))
    filters = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filters, 0, 0)
