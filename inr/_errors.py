"""The errors of inr: every one carries a single line that says what is wrong and what would be right.

InrError            anything a caller can put right (also a ValueError)
├── DamagedFile     a file whose contents do not hold together; names the damaged section
└── MissingExtra    an optional library is absent; names the command that installs it

InrWarning is no error: it says that something was done in another way than somebody may expect.
"""

from typing import Any


class InrWarning(UserWarning):
    """What was read or done otherwise than somebody may expect, said in one line; the command line prints it."""


class InrError(ValueError):
    """Something the caller can put right, said in one line. The command line exits with status 2."""


class DamagedFile(InrError):
    """A file that is truncated or altered; `section` names the part of it that does not hold together."""

    def __init__(self, message: str, section: str) -> None:
        super().__init__(message)
        self.section = section

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.section)


class MissingExtra(InrError):
    """An optional library is not installed."""

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {library}, which is not installed: pip install 'inr[{extra}]'")
        self.library = library
        self.extra = extra
        self.purpose = purpose

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.library, self.extra, self.purpose)
