"""One JSON object a line on standard error, with the trace that a request or a job belongs to.

Paths are logged as their route has them, so that neither names of shares nor what a query holds is written anywhere.
"""

import json
import logging
import re
import secrets
import sys
import time
from typing import Any

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

log = logging.getLogger("inr.serving")


class JSONLines(logging.Formatter):
    """A record with the members that `tell` gave it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "members", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def start_logging(level: int = logging.INFO) -> None:
    """Let the service's and uvicorn's remarks be JSON lines on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONLines())
    for name, least in (("inr.serving", level), ("uvicorn", logging.WARNING), ("asyncio", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(least)


def tell(message: str, *, level: int = logging.INFO, **members: Any) -> None:
    """Log one line with members of its own."""
    log.log(level, message, extra={"members": members})


def traceparent(given: str | None) -> str:
    """The W3C trace context that was sent, or a new one."""
    if given is not None and _TRACEPARENT.fullmatch(given):
        return given
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
