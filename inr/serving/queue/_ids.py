"""Identifiers, secrets and JSON, as the queue writes them."""

import hashlib
import json
import os
import threading
import uuid
from typing import Any

_lock = threading.Lock()
_last = 0


def new_id(now: float) -> str:
    """A UUID of version 7 (RFC 9562): those that one process makes sort as they were made.

    Args:
        now: seconds since 1970.
    """
    global _last
    with _lock:  # 48 bits of milliseconds, then 12 that count within one of them
        _last = max(int(now * 1000) << 12, _last + 1)
        stamp = _last
    low = int.from_bytes(os.urandom(8)) >> 2
    return str(uuid.UUID(int=(stamp >> 12) << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62 | low))


def digest(secret: str) -> str:
    """SHA-256 of a secret, which is all that is kept of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def encode(value: Any) -> str:
    """JSON, the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def decode(text: str | None) -> Any:
    """What `encode` was given; None stays None."""
    return None if text is None else json.loads(text)
