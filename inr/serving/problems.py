"""What is answered when a request cannot be served: RFC 9457 problems, whose types are all listed here."""

from typing import Any, Literal, get_args

Type = Literal[
    "bad-cursor",
    "bad-iiif-request",
    "bad-option",
    "bad-request",
    "busy",
    "checksum-mismatch",
    "crash-loop",
    "damaged-file",
    "disk-full",
    "diverged",
    "forbidden-host",
    "forbidden-origin",
    "idempotency-mismatch",
    "in-use",
    "internal",
    "length-required",
    "memory",
    "method-not-allowed",
    "not-found",
    "precondition-failed",
    "queue-full",
    "quota",
    "range-not-satisfiable",
    "timeout",
    "too-large",
    "unavailable",
    "unauthorised",
    "unreadable-signal",
    "unsupported-media-type",
    "upload-expired",
    "upload-offset",
    "wrong-state",
]

# the status that a problem has in an answer, and what it is called; those of jobs only are never a status
TYPES: dict[Type, tuple[int, str]] = {
    "bad-cursor": (400, "This is no cursor of the list"),
    "bad-iiif-request": (400, "This is no IIIF image request"),
    "bad-option": (422, "An option is not possible"),
    "bad-request": (422, "The request is not as the schema has it"),
    "busy": (429, "Too much is asked at once"),
    "checksum-mismatch": (460, "The bytes do not have the checksum that was sent with them"),
    "crash-loop": (500, "The job ended its worker several times"),
    "damaged-file": (422, "A file is truncated or altered"),
    "disk-full": (507, "The disk is nearly full"),
    "diverged": (500, "The fit diverged"),
    "forbidden-host": (403, "The service is not called by this name"),
    "forbidden-origin": (403, "The request comes from another site"),
    "idempotency-mismatch": (422, "The Idempotency-Key was used for another request"),
    "in-use": (409, "Jobs still need it"),
    "internal": (500, "Something is wrong in the service"),
    "length-required": (411, "The length of the body has to be said first"),
    "memory": (500, "There is not enough memory for the job"),
    "method-not-allowed": (405, "The method is not possible here"),
    "not-found": (404, "There is nothing of this name"),
    "precondition-failed": (412, "What the request requires does not hold"),
    "queue-full": (503, "The queue is full"),
    "quota": (429, "The quota is used up"),
    "range-not-satisfiable": (416, "The file has no such bytes"),
    "timeout": (408, "It took too long"),
    "too-large": (413, "The body is too large"),
    "unavailable": (503, "A part of the service is not there at the moment"),
    "unauthorised": (401, "A token is needed"),
    "unreadable-signal": (422, "The file cannot be read"),
    "unsupported-media-type": (415, "A body of this type is not taken"),
    "upload-expired": (410, "The upload has expired"),
    "upload-offset": (409, "The upload goes on at another offset"),
    "wrong-state": (409, "The job is in a state that has no such step"),
}
assert set(TYPES) == set(get_args(Type))

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that cannot be served, raised anywhere on its way.

    Args:
        slug: the type, one of `TYPES`.
        detail: one sentence that says what is wrong and what would be right.
        status: another status than the type's own, where HTTP or tus asks for it.
        headers: sent along.
        members: further members of the problem, as `offset`.
    """

    def __init__(
        self,
        slug: Type,
        detail: str,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.status = status or TYPES[slug][0]
        self.headers = headers or {}
        self.members = members

    def to_json(self) -> dict[str, Any]:
        """The problem's JSON object."""
        return {
            "type": f"/problems/{self.slug}",
            "title": TYPES[self.slug][1],
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
