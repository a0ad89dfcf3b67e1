"""Options that are more than a number or a name."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast, get_args

from inr._errors import InrError
from inr._option_values import number

if TYPE_CHECKING:
    from inr.signals import SamplingModel, ShapeAs

Box = list[tuple[float, float]]
_PREFIXES = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_seeds(text: str) -> int | list[int]:
    """'4' as 4, '0,1,2' as [0, 1, 2]."""
    seeds = []
    for item in text.split(","):
        if not item.strip().isdecimal():
            raise InrError(f"--seed {text}: write a whole number from 0 to 2^32 - 1, or several as 0,1,2")
        seeds.append(int(item))
    return seeds if len(seeds) > 1 else seeds[0]


def parse_sampling(text: str | None) -> "SamplingModel | None":
    """A sampling model by its name."""
    from inr.signals import SamplingModel

    if text is not None and text not in get_args(SamplingModel):
        raise InrError(f"--sampling is one of {', '.join(get_args(SamplingModel))}, not '{text}'")
    return cast("SamplingModel | None", text)


def parse_shape(text: str | None) -> "ShapeAs | None":
    """What is learned of a shape, by its name."""
    from inr.signals import ShapeAs

    if text is not None and text not in get_args(ShapeAs):
        raise InrError(f"--as is one of {', '.join(get_args(ShapeAs))}, not '{text}'")
    return cast("ShapeAs | None", text)


def parse_size(text: str | None, axes: Sequence[str]) -> tuple[int | None, ...] | None:
    """'640x480' as (640, 480): one size per axis, x first; None for one that is left open, as the second of '640x'."""
    if text is None:
        return None
    example = "x".join(_example(axes))
    if not re.fullmatch(r"(\d{1,12})?(x(\d{1,12})?)*", text.lower()) or not any(map(str.isdigit, text)):
        raise InrError(f"--size {text}: write {example}")
    sizes = tuple(int(size) if size else None for size in text.lower().split("x"))
    if len(sizes) != len(axes) or min(size for size in sizes if size is not None) < 1:
        open_ends = f"; {_one_sided(axes)} keeps the proportions" if len(axes) > 1 else ""
        raise InrError(f"--size {text}: give a positive size for {_listed(axes)}, as {example}{open_ends}")
    return sizes


def _one_sided(axes: Sequence[str]) -> str:
    return "2048" + "x" * (len(axes) - 1)


def parse_box(text: str | None, axes: Sequence[str]) -> Box | None:
    """'-1:0,-0.5:0.5' as [(-1, 0), (-0.5, 0.5)]: low:high per axis, x first, in [-1, 1]."""
    if text is None:
        return None
    example = ",".join(f"{axis}0:{axis}1" for axis in axes)
    box = []
    for item in text.split(","):
        low, _, high = item.partition(":")
        wrong = f"--box {text}: write {example}, each in [-1, 1]"
        box.append((number(low, wrong), number(high, wrong)))
    if len(box) != len(axes):
        raise InrError(f"--box {text}: give a range for {_listed(axes)}, as {example}")
    for low_end, high_end in box:
        if not -1 <= low_end < high_end <= 1:
            raise InrError(f"--box {text}: every range must have -1 <= low < high <= 1")
    return box


def parse_bytes(text: str) -> int:
    """'500MB', '1GiB', '4096' as a number of bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)[bB]?", text.strip())
    if (
        found is None
        or not 1 <= (count := float(found[1]) * (1024 if found[3] else 1000) ** _PREFIXES[found[2]]) < 2**60
    ):
        raise InrError(f"{text!r} is no number of bytes; write 500MB, 1GiB, or bytes alone")
    return int(count)


def _listed(axes: Sequence[str]) -> str:
    return f"each of the axes {', '.join(axes)}" if len(axes) > 1 else f"the axis {axes[0]}"


def _example(axes: Sequence[str]) -> list[str]:
    names = {"x": "WIDTH", "y": "HEIGHT", "z": "DEPTH", "t": "FRAMES"}
    return [names.get(axis, axis.upper()) for axis in axes] if len(axes) > 1 else ["SAMPLES"]
