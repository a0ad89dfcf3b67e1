"""Where a service is, and who asks it."""

import os
from typing import NamedTuple
from urllib.parse import urlsplit

from inr._errors import InrError
from inr.serving.settings import LOOPBACK, default_folder

_HINT = "write it as http://127.0.0.1:8765, or give the link that inr serve printed"


class Address(NamedTuple):
    """Where a service is.

    Attributes:
        base: scheme, host and port, without a slash at the end.
        code: of a link that a server printed; good for one session.
        loopback: whether it is on this machine.
    """

    base: str
    code: str | None
    loopback: bool


def parse_address(url: str) -> Address:
    """The address that was typed.

    Args:
        url: http://HOST:PORT, or the link that a server printed, which ends in #code=CODE.

    Raises:
        InrError: it is no such address.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InrError(f"{url} is no address of a service; {_HINT}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise InrError(f"{url} is no address of a service; {_HINT}")
    if parts.username is not None or parts.path not in ("", "/") or parts.query:
        raise InrError(f"the address of a service has a host and a port only, not as {_shown(url)}; {_HINT}")
    name, _, code = parts.fragment.partition("=")
    return Address(f"{parts.scheme}://{parts.netloc}", code if name == "code" and code else None, host in LOOPBACK)


def find_token(address: Address) -> str | None:
    """The token to send where none was given: $INR_TOKEN, or that of the service of this account on this machine."""
    token = os.environ.get("INR_TOKEN", "").strip()
    if token or not address.loopback:
        return token or None
    try:
        return (default_folder() / "token").read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _shown(url: str) -> str:
    """An address without what may be a secret."""
    return url.partition("#")[0].rpartition("@")[2]
