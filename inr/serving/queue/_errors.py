"""Why the queue refuses something; the service answers each with a status of its own."""

from inr._errors import InrError


class NotFound(InrError):
    """There is no such thing, or it belongs to somebody else."""


class WrongState(InrError):
    """What was asked for has no place in the state that a job or a signal is in."""


class InUse(InrError):
    """What should be deleted is still needed by a job."""


class QuotaExceeded(InrError):
    """A user would have more jobs, bytes or seconds than allowed."""


class QueueFull(InrError):
    """As many jobs wait, of all users together, as the queue takes."""


class KeyMismatch(InrError):
    """An idempotency key was used before, for another request."""


class BadCursor(InrError):
    """A cursor of a list that the queue did not give."""
