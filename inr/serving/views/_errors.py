"""What can go wrong with a view, each with the sentence that a client is told."""

from inr._errors import InrError


class BadRequest(InrError):
    """A view that cannot be asked for so: status 400."""


class Busy(InrError):
    """Too much is being drawn already: status 429.

    Attributes:
        retry_after: seconds after which it may go better.
    """

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class RendererStopped(InrError):
    """The process that draws died, or was stopped because it took too long; a new one is started: status 503."""
