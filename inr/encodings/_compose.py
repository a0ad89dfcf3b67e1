"""Encodings made of encodings: side by side, and each on axes of its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import parse_spec
from inr.encodings._base import Encoding, encodings

_LETTERS = "xyzt"
MAX_DEPTH = 8  # of encodings within encodings, as in spellings

PartSpec = Annotated[dict | str, "an encoding"]
OptionalPart = Annotated[dict | str | None, "one more"]


class _Composed(Encoding):
    """Encodings whose features stand side by side.

    Learning rates, Adam's constants and progress are the parts' own; it is as smooth as the least smooth of them.

    Attributes:
        parts: the encodings; axes: those that each reads.
    """

    def __init__(self, in_dim: int, parts: Sequence[Encoding], axes: Sequence[list[int]]) -> None:
        super().__init__(in_dim, sum(part.out_dim for part in parts))
        self.parts = nn.ModuleList(parts)
        self.axes = axes
        self.smoothness = min(part.smoothness for part in parts)
        self.min_steps = max(part.min_steps for part in parts)
        self.tables = any(part.tables for part in parts)
        self.learning_rate = max((part.learning_rate for part in parts if part.learning_rate is not None), default=None)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The features of every part."""
        return torch.cat([part(seen) for part, seen in self._each(coords)], dim=1)

    @torch.no_grad()
    def progress(self, fraction: float, coords: Float[Tensor, "n d"], residuals: Float[Tensor, "n c"]) -> None:
        """Told to every part."""
        for part, seen in self._each(coords):
            part.progress(fraction, seen, residuals)

    def _each(self, coords: Float[Tensor, "n d"]) -> Iterator[tuple[Any, Tensor]]:
        """Every part and the coordinates that it reads."""
        for part, axes in zip(self.parts, self.axes, strict=True):
            yield part, coords if len(axes) == self.in_dim else coords[:, axes]


@encodings.register("concat", formula="first(x), second(x), …", limits="as slow as its parts together")
class Concat(_Composed):
    """Up to four encodings side by side, all of the same coordinates; more by concat in concat.

    Each learns at its own rate; a rate given for the encoding is the fastest part's, and the others keep their ratio.
    """

    def __init__(
        self,
        in_dim: int,
        *,
        first: PartSpec = "identity",
        second: PartSpec = "fourier",
        third: OptionalPart = None,
        fourth: OptionalPart = None,
    ) -> None:
        self.check_in_dim(in_dim)
        given = {"first": first, "second": second, "third": third, "fourth": fourth}
        parts = {place: _build(spec, in_dim, "concat") for place, spec in given.items() if spec is not None}
        super().__init__(in_dim, list(parts.values()), [list(range(in_dim))] * len(parts))
        self._resolved = {place: part.config() for place, part in parts.items()}


@encodings.register("per-axis", formula="for every part its encoding of the axes it names", limits="as its parts")
class PerAxis(_Composed):
    """Encodings of some of the axes each, side by side: `per-axis:xy=(hash),t=(fourier:kind=positional)`.

    The first three axes are x, y and z; the last is t as well, however many there are. Every axis is read by one
    encoding, in the order x, y, z, t; features stand in the order of their first axes. Each part learns at its own
    rate; a rate given for the encoding is the fastest part's, and the others keep their ratio.
    """

    def __init__(
        self, in_dim: int, **axes: Annotated[dict | str, "encodings by axes, such as xy=(hash),t=(fourier)"]
    ) -> None:
        self.check_in_dim(in_dim)
        read = sorted((_axes(name, in_dim), name) for name in axes)
        _check_each_once([axis for group, _ in read for axis in group], in_dim)
        parts = {name: _build(axes[name], len(group), "per-axis") for group, name in read}
        super().__init__(in_dim, list(parts.values()), [group for group, _ in read])
        self._resolved = {name: part.config() for name, part in parts.items()}


def _axes(name: str, in_dim: int) -> list[int]:
    """Which axes "xy" or "t" are."""
    found = []
    for letter in name:
        axis = in_dim - 1 if letter == "t" else _LETTERS.find(letter)
        if not 0 <= axis < in_dim:
            there = _named(range(in_dim), in_dim)
            raise InrError(f"encoding 'per-axis': there is no axis '{letter}', of which '{name}' speaks, but {there}")
        found.append(axis)
    return sorted(found)


def _check_each_once(read: list[int], in_dim: int) -> None:
    missing = [axis for axis in range(in_dim) if axis not in read]
    if missing:
        raise InrError(f"encoding 'per-axis': nothing encodes {_named(missing, in_dim)}; every axis needs an encoding")
    twice = sorted({axis for axis in read if read.count(axis) > 1})
    if twice:
        raise InrError(f"encoding 'per-axis': {_named(twice, in_dim)} is encoded twice; name every axis once")


def _named(axes: Sequence[int], in_dim: int) -> str:
    """Axes in words: the last one is t by any name."""
    return ", ".join(_LETTERS[axis] + " or t" * (axis == in_dim - 1 < 3) for axis in axes)


def _build(spec: Mapping[str, Any] | str, in_dim: int, name: str) -> Encoding:
    config = parse_spec(spec)
    if _depth(config) >= MAX_DEPTH:
        raise InrError(f"encoding '{name}': encodings more than {MAX_DEPTH} deep in each other")
    return encodings.build(config, in_dim)


def _depth(config: Mapping[str, Any], limit: int = MAX_DEPTH + 1) -> int:
    """How deep parts lie within parts, counted as far as the limit."""
    inner = [value for value in config.values() if isinstance(value, Mapping)] if limit else []
    return 1 + max((_depth(value, limit - 1) for value in inner), default=0)
