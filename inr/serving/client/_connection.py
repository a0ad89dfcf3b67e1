"""Requests that outlive a lost connection, and answers that are no success in one line."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inr._errors import InrError, MissingExtra

if TYPE_CHECKING:
    import httpx

    from inr.serving.client._address import Address

# Seconds between tries while nothing answers; the last is repeated.
_DELAYS = (0.2, 0.5, 1.0, 2.0, 4.0)
# Seconds within which an answer begins. Streams of events say something every 15 s.
_TIMEOUT = 60.0
_MAX_WAIT = 30.0  # of what a server asks by Retry-After


class Refused(InrError):
    """What the service will not do; its sentence is the one that the command line prints of the same mistake.

    Attributes:
        status: of the answer.
        slug: the problem's type, as "bad-option"; empty where the answer says none.
    """

    def __init__(self, message: str, status: int, slug: str) -> None:
        super().__init__(message)
        self.status = status
        self.slug = slug

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.status, self.slug)


class Unreachable(InrError):
    """Nothing answers at the address, at first or any longer."""


class Connection:
    """Sends requests to one service.

    The first is tried once, so that a wrong address is told at once. After an answer, a lost connection, or a server
    that is being started again, is tried for some time: requests are safe to repeat, or carry a key that makes them so.

    Args:
        address: where the service is.
        token: sent with each request.
        patience: seconds for which it is tried again.
        notice: told in one line when a connection is lost.
        transport: what carries the requests; None: the network.
    """

    def __init__(
        self,
        address: "Address",
        token: str | None,
        patience: float,
        notice: Callable[[str], None] | None = None,
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        try:
            import httpx
        except ImportError:
            raise MissingExtra("httpx", "serve", "a fit on a server") from None
        self.base, self._patience, self._notice, self._reached = address.base, patience, notice, False
        self._failure = httpx.TransportError
        # A proxy of the environment knows nothing of this machine's own services.
        self.http = httpx.Client(
            base_url=address.base, timeout=_TIMEOUT, follow_redirects=False, trust_env=not address.loopback,
            transport=transport, headers={"Authorization": f"Bearer {token}"} if token else {},
        )  # fmt: skip

    def close(self) -> None:
        """End all connections."""
        self.http.close()

    def send(self, method: str, path: str, **request: Any) -> "httpx.Response":
        """The answer to a request, which is a success.

        Args:
            method, path: of the request.
            request: as of `httpx.Client.request`.

        Raises:
            Refused: the answer is an error, or none of a service.
            Unreachable: there is none.
        """
        tries = self.tries()
        while True:
            try:
                answer = self.http.request(method, path, **request)
            except self._failure as error:
                tries.wait(error)
                continue
            self._reached = True
            if answer.status_code == 503 and tries.has_time:
                tries.wait(None, _seconds(answer.headers.get("Retry-After")))
                continue
            return self.accept(answer)

    def accept(self, answer: "httpx.Response") -> "httpx.Response":
        """An answer that was read, where it is a success; else raises Refused."""
        self._reached = True
        if answer.is_success:
            return answer
        raise self._refused(answer)

    def tries(self) -> "Tries":
        """How long something is tried again, from now on."""
        return Tries(self.base, self._patience if self._reached else 0.0, self._notice)

    def _refused(self, answer: "httpx.Response") -> Refused:
        status = answer.status_code
        if answer.is_redirect:
            target = answer.headers.get("Location", "elsewhere")
            return Refused(
                f"{self.base} redirects to {target}; give that address: the token goes to no other", status, ""
            )
        problem = _problem(answer)
        if problem is None:
            return Refused(f"{self.base} answers {status} {answer.reason_phrase}, as no inr service does", status, "")
        slug = str(problem.get("type", "")).rpartition("/")[2]
        detail = str(problem.get("detail") or problem.get("title"))
        if status == 401 and answer.request.url.path != "/v1/session":
            detail = (
                f"{self.base} takes no such token; give --token, INR_TOKEN, or the whole link that inr serve printed"
            )
        return Refused(detail, status, slug)


class Tries:
    """The time left to try something again, after longer and longer pauses.

    Args:
        base: what is tried.
        patience: seconds.
        notice: told of the first pause.
    """

    def __init__(self, base: str, patience: float, notice: Callable[[str], None] | None) -> None:
        self._base, self._patience, self._notice = base, patience, notice
        self._end = time.monotonic() + patience
        self._pauses = 0

    @property
    def has_time(self) -> bool:
        """Whether it may be tried again."""
        return time.monotonic() < self._end

    def heard(self) -> None:
        """Something came: the time begins anew, with pauses as long as they were."""
        self._end = time.monotonic() + self._patience

    def wait(self, error: Exception | None, seconds: float | None = None) -> None:
        """Pause before the next try.

        Args:
            error: what went wrong; None where it answers that it is not ready.
            seconds: how long a server asks to wait.

        Raises:
            Unreachable: there is no time left.
        """
        if not self.has_time:
            reason = "it is not ready" if error is None else str(error) or type(error).__name__
            if self._patience:
                raise Unreachable(f"{self._base} has not answered for {self._patience:.0f} s: {reason}")
            raise Unreachable(f"nothing answers at {self._base}: {reason}; is inr serve running there?")
        if self._pauses == 0 and self._notice is not None:
            self._notice(f"{self._base} does not answer; trying again for {self._patience:.0f} s")
        time.sleep(_DELAYS[min(self._pauses, len(_DELAYS) - 1)] if seconds is None else seconds)
        self._pauses += 1


def _problem(answer: "httpx.Response") -> dict[str, Any] | None:
    """The problem (RFC 9457) that an answer is; None for another."""
    if answer.headers.get("Content-Type", "").partition(";")[0] != "application/problem+json":
        return None
    try:
        problem = answer.json()
    except ValueError:
        return None
    return problem if isinstance(problem, dict) else None


def _seconds(retry_after: str | None) -> float | None:
    """What a Retry-After header asks for, within bounds."""
    return min(float(retry_after), _MAX_WAIT) if retry_after and retry_after.isdecimal() else None
