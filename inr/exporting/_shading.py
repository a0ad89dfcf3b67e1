"""What GLSL and WGSL have in common: numbers, names, where constants lie, and how much of a field a shader can hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from inr._errors import InrError
from inr.exporting._numbers import short
from inr.exporting._program import Array, Kind, Program

MAX_INLINE = 4_096  # constants in the text of a shader; compilers take seconds of more
_MIN_APART = 64  # numbers of an array that is kept apart from the text where there are more than that
WIDTH = 2_048  # texels in a row of the texture: every WebGL 2 has textures of as many rows, too
MAX_APART = 4 * WIDTH * WIDTH
MAX_MEMORY = 2_048  # numbers in local arrays, for which WebGPU promises 8 KiB


@dataclass
class Placed:
    """Which constants lie in one long row beside the shader's text, and where.

    Attributes:
        apart: whether any does.
        offsets: where each of them begins, in numbers; a multiple of four.
        total: numbers so far.
    """

    apart: bool
    offsets: dict[Array, int] = field(default_factory=dict)
    total: int = 0

    def offset(self, array: Array) -> int | None:
        """Where an array begins, None for one that stands in the text."""
        if not self.apart or array.kind != "float" or array.data is None or array.size < _MIN_APART:
            return None
        if array not in self.offsets:
            self.offsets[array] = self.total
            self.total += -(-array.size // 4) * 4
        return self.offsets[array]

    def data(self, multiple: int) -> bytes:
        """The row as little-endian float32, filled up with zeros to a multiple of some numbers."""
        row = np.zeros(-(-self.total // multiple) * multiple, "<f4")
        for array, start in self.offsets.items():
            assert array.data is not None
            row[start : start + array.size] = array.data
        return row.tobytes()


def placed(program: Program, most_inline: int = MAX_INLINE) -> Placed:
    """Where the constants of a program go."""
    return Placed(program.constants > most_inline)


def check_size(found: Placed, memory: int, language: str) -> None:
    """Refuse a field that no shader can hold.

    Raises:
        InrError: too many constants, or numbers at a time.
    """
    if found.total > MAX_APART:
        raise InrError(
            f"the field has {found.total:,} numbers and a shader's texture at most {MAX_APART:,}: fit a smaller "
            "encoding, or take --to c, js or onnx"
        )
    if memory > MAX_MEMORY:
        raise InrError(
            f"the field keeps {memory:,} numbers at a time and a shader in {language} at most {MAX_MEMORY:,}: fit a "
            "narrower network or fewer features, or take --to c, js or onnx"
        )


def number(value: float, kind: Kind) -> str:
    """A constant as both languages write it; whole numbers wrap around in 32 bits."""
    if kind == "float":
        return short(value)
    return ("true" if value else "false") if kind == "bool" else str((int(value) + 2**31) % 2**32 - 2**31)


def element_of(found: Placed, cast: str, fetched: Callable[[str, int], str]) -> Callable[[Array, str, str], str | None]:
    """How an element of an array is read, given the array, its name and the place; None where it needs no form.

    Args:
        found: where constants lie.
        cast: the function that makes a real number of a whole one.
        fetched: reads a number that lies beside the text, by its place in the array and the array's offset.
    """

    def element(array: Array, name: str, place: str) -> str | None:
        offset = found.offset(array)
        if offset is None and array.step is None:
            return None
        plain = f"{cast}({name}[{place}])" if offset is None else fetched(place, offset)
        return plain if array.step in (None, 1) else f"({short(array.step)}*{plain})"

    return element


def named(body: Sequence[str], name: str, notes: Sequence[str]) -> bytes:
    """The text of a shader's function, in which all names begin with its own, below its notes."""
    text = "\n".join(body).replace("inr_(", f"{name}(").replace("inr_", f"{name}_")
    return "\n".join([*(f"// {note}" for note in notes), text, ""]).encode()
