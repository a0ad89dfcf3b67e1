"""Numbers as short text."""

import re
from typing import Any

import numpy as np

_MANY = 10_000


def short(value: float | np.floating[Any], single: bool = True) -> str:
    """The shortest decimal that is read as the same number of 32 bits, or of 64.

    >>> from inr.exporting._numbers import short
    >>> short(0.1), short(-1e-5), short(30.0)
    ('.1', '-1e-5', '30.')
    """
    if value == 0:
        return "0."
    number = np.float32(value) if single else np.float64(value)
    fixed = np.format_float_positional(number, unique=True, trim="-")
    scientific = np.format_float_scientific(number, unique=True, trim="-", exp_digits=1).replace("e+", "e")
    scientific = _whole(scientific)
    fixed = re.sub(r"^(-?)0\.", r"\1.", fixed if "." in fixed else fixed + ".")
    return min(fixed, scientific, key=len)


def _whole(scientific: str) -> str:
    """1.25e-7 as 125e-9, which is a letter shorter."""
    digits, _, exponent = scientific.partition("e")
    before, _, after = digits.partition(".")
    return f"{before}{after}e{int(exponent) - len(after)}"


def row(numbers: np.ndarray) -> str:
    """Numbers between commas, (n,): the shortest that are read as the same; of many, nine digits, found sooner.

    >>> from inr.exporting._numbers import row
    >>> row(np.array([0.5, -2.0], np.float32)), row(np.array([2**32 + 1, 7]))
    ('.5,-2.', '1,7')
    """
    if numbers.dtype.kind != "f":
        return ",".join(map(str, ((numbers.astype(np.int64) + 2**31) % 2**32 - 2**31).tolist()))
    if len(numbers) > _MANY:
        digits = "%.9g" if numbers.dtype == np.float32 else "%.17g"
        return ",".join([_with_point(digits % each) for each in numbers.tolist()])
    return ",".join(short(each, numbers.dtype == np.float32) for each in numbers)


def _with_point(text: str) -> str:
    return text if "." in text or "e" in text else f"{text}."
