"""Values that options and requests write as text."""

import math
from collections.abc import Mapping

from inr._errors import InrError

# options of reading a signal, as of `inr.open`, which requests and commands hand on
READING = ("sampling", "value_range", "nodata", "srgb", "variable", "as_shape")
_PURPOSES = ("zoom", "memory")


def parse_rates(text: str | None) -> float | str | Mapping[str, float] | None:
    """'auto', 'paper', '1e-3' (the network's), or 'network=1e-3,encoding=1e-2'."""
    if text is None or text in ("auto", "paper"):
        return text
    if "=" not in text:
        return number(text, f"--lr {text}: write auto, paper, a number, or part=number,part=number")
    rates: dict[str, float] = {}
    for item in text.split(","):
        part, equals, value = (piece.strip() for piece in item.partition("="))
        if not equals or not part or part in rates:
            raise InrError(f"--lr {text}: write a number, or part=number,part=number, each part once")
        rates[part] = number(value, f"--lr {text}: '{value}' is not a number")
    return rates


def parse_range(text: str | None) -> tuple[float, float] | None:
    """'0,4095' as (0, 4095): the ends of a value range."""
    if text is None:
        return None
    low, comma, high = text.partition(",")
    wrong = f"--value-range {text}: write LOW,HIGH, as 0,4095"
    ends = number(low, wrong), number(high, wrong)
    if not comma or not ends[0] < ends[1] or not math.isfinite(ends[1] - ends[0]):
        raise InrError(wrong)
    return ends


def check_purpose(purpose: str) -> None:
    """Refuse what is none of the purposes of a field."""
    if purpose not in _PURPOSES:
        raise InrError(f"--for is one of {', '.join(_PURPOSES)}, not '{purpose}'")


def number(text: str, wrong: str) -> float:
    """A number; what is `wrong` where it is none."""
    try:
        return float(text)
    except ValueError:
        raise InrError(wrong) from None
