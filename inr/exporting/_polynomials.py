"""Functions that a language lacks, or computes too roughly, by the polynomials that the engines' kernels have."""

from collections.abc import Sequence

from inr.exporting._numbers import short
from inr.jit.polynomials import ERF_ABOVE, ERF_BELOW, ERF_SATURATED, PER_PI, SINE

# pi in two parts, of which the first has so few bits that its products with whole numbers are exact
_PI_HIGH, _PI_LOW = 3.140625, 9.67653589793e-4


def horner(variable: str, coefficients: Sequence[float], single: bool = False) -> str:
    """A polynomial, highest power first, with coefficients of 64 bits or of 32.

    >>> from inr.exporting._polynomials import horner
    >>> horner("y", (2.0, 0.5, 1.0))
    '((2.*y+.5)*y+1.)'
    """
    text = short(coefficients[0], single)
    for each in coefficients[1:]:
        text = f"({text}*{variable}+{short(each, single)})"
    return text.replace("+-", "-")


def erf(declare: str, least: str, most: str) -> str:
    """Statements of a function of x that return its error function, for float32.

    Args:
        declare: what stands before the name of a new constant.
        least, most: the names of minimum and maximum.
    """
    bound = short(ERF_SATURATED)
    held = f"{most}({least}(x,{bound}),-{bound})"
    above, below = horner("y", ERF_ABOVE), horner("y", ERF_BELOW)
    return f"{declare}z={held};{declare}y=z*z;return {most}({least}(z*{above}/{below},1.),-1.);"


def reduced(declare: str) -> str:
    """Statements of a function of x and k that return the sine of x - k pi, which lies between -pi/2 and pi/2."""
    return (
        f"{declare}z=x-k*{short(_PI_HIGH)}-k*{short(_PI_LOW)};{declare}y=z*z;"
        f"return z+z*y*{horner('y', tuple(reversed(SINE)), True)};"
    )


def nearest_multiple() -> str:
    """The whole number of half turns that is nearest to x / pi, with `floor`."""
    return f"floor(x*{short(PER_PI)}+.5)"


def multiple_below() -> str:
    """The whole number of half turns below x / pi."""
    return f"floor(x*{short(PER_PI)})"
