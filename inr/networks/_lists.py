"""Parameters that are several numbers, in the spelling of the command line, which keeps commas for itself."""

from collections.abc import Callable
from typing import TypeVar

from inr._errors import InrError

_Number = TypeVar("_Number")


def numbers(
    given: int | str, convert: Callable[[str], _Number], label: str, *, between: str = "+"
) -> tuple[_Number, ...]:
    """The numbers of "1+2+4". Raises InrError, in which `label` names the parameter, where one of them is none."""
    try:
        return tuple(convert(part) for part in str(given).split(between))
    except (ValueError, ZeroDivisionError):
        raise InrError(f"{label} must be numbers with {between} between them, got {given!r}") from None


def ascending(given: int | str, low: int, high: int, label: str) -> tuple[int, ...]:
    """Whole numbers from `low` to `high`, each larger than the one before. Raises InrError for others."""
    found = numbers(given, int, label)
    if list(found) != sorted(set(found)) or not low <= found[0] <= found[-1] <= high:
        raise InrError(f"{label} must be ascending numbers from {low} to {high} with + between them, got {given!r}")
    return found
