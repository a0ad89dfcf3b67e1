"""What reconstructions are given: pictures, masks, arrays of derivatives; and their refusals."""

import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from inr._errors import InrError
from inr.signals import Domain, GridSignal, as_signal, has_alpha


def read_picture(given: Any, what: str = "the picture") -> GridSignal:
    """A picture: a signal, the path of a file, or an array (h, w) or (h, w, c).

    Raises:
        InrError: anything else than a picture.
    """
    if isinstance(given, np.ndarray) and np.iscomplexobj(given):
        raise InrError(f"{what} holds complex numbers; pictures are real: give the magnitude, or use mri for k-space")
    signal = as_signal(given)
    if not isinstance(signal, GridSignal) or signal.in_dim != 2:
        raise InrError(f"{what} is no picture but {signal.domain.kind}, of {signal.in_dim} axes")
    return signal


def split_transparency(signal: GridSignal) -> tuple[np.ndarray, Domain, Bool[np.ndarray, "h w"]]:
    """The colours of a picture, float64 (h, w, c) in own units, their domain, and which pixels are there.

    Missing pixels are those that are transparent through and through, or missing in the signal (NaN, no data).
    """
    domain = replace(signal.domain, missing=b"")
    array = signal.array.astype(np.float64)
    known = np.ones(array.shape[:2], bool) if signal.missing is None else ~signal.missing
    if has_alpha(domain.channels, domain.meta):
        known &= array[..., -1] > 0
        array = array[..., :-1]
        low, high = domain.values.low, domain.values.high
        values = domain.values if len(low) == 1 else replace(domain.values, low=low[:-1], high=high[:-1])
        domain = replace(domain, channels=domain.channels - 1, values=values)
    return array, domain, known


def plain_picture(given: Any, what: str = "the picture") -> tuple[np.ndarray, Domain]:
    """The colours of a picture all of whose pixels are there, float64 (h, w, c) in own units, and their domain.

    Raises:
        InrError: no picture, or pixels that are missing.
    """
    array, domain, known = split_transparency(read_picture(given, what))
    if not known.all():
        raise InrError(f"{what} has {int((~known).sum()):,} missing pixels; fill them first with the task inpaint")
    return array, domain


def read_mask(given: Any, shape: Sequence[int]) -> Bool[np.ndarray, "h w"]:
    """A mask: true where the picture of the mask is brighter than half of its range, in any channel.

    Args:
        given: a picture, or an array (h, w) of bool.
        shape: of the picture that it is a mask of, (h, w).

    Raises:
        InrError: a mask of another size.
    """
    if isinstance(given, np.ndarray) and given.dtype == bool:
        marked = given if given.ndim == 2 else given.any(-1)
    else:
        array, domain, known = split_transparency(read_picture(given, "the mask"))
        marked = (domain.values.normalise(array) > 0).any(-1) & known
        if array.min() == array.max():
            top = {"uint8": 255, "uint16": 65535}.get(domain.dtype, 1)
            marked = (array > top / 2).any(-1) & known
    marked = np.asarray(marked)
    if marked.shape != tuple(shape):
        ours, theirs = (f"{each[1]} x {each[0]}" for each in (shape, marked.shape))
        raise InrError(f"the mask is {theirs} pixels and the picture {ours}: they must be of one size")
    return marked


def read_arrays(given: Any, wanted: Sequence[str]) -> dict[str, Float[np.ndarray, "..."]]:
    """Real arrays by name.

    Args:
        given: a mapping, or the path of an .npz file.
        wanted: names that must be there.

    Raises:
        InrError: names that are missing, complex numbers, or numbers that are not finite.
    """
    source = "the data" if isinstance(given, Mapping) else str(given)
    names = array_names(given) or set()
    absent = [name for name in wanted if name not in names]
    if absent:
        held = ", ".join(sorted(names)) or "nothing"
        raise InrError(f"{source} lacks {' and '.join(absent)}: it holds {held}")
    found = {}
    for name, array in load_arrays(given, wanted).items():
        check_real(array, f"{name} of {source}")
        found[name] = array.astype(np.float64)
    return found


def check_real(array: np.ndarray, what: str) -> None:
    """Refuse what is not real finite numbers.

    Args:
        array: of any shape and dtype.
        what: it is, for the message.

    Raises:
        InrError: complex numbers, no numbers, or some that are not finite.
    """
    if array.dtype.kind == "c":
        raise InrError(
            f"{what} holds complex numbers where real ones are meant; k-space is called kspace, for task mri"
        )
    if array.dtype.kind not in "fiub" or not array.size:
        raise InrError(f"{what} holds no real numbers ({array.dtype}, {array.size} of them)")
    if bad := int(array.size - np.isfinite(array).sum()):
        raise InrError(
            f"{what} has {bad:,} of {array.size:,} numbers that are not finite; mend or leave out what they are"
        )


def load_arrays(given: Any, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Arrays by name, of any kind.

    Args:
        given: a mapping, or the path of an .npz file.
        names: that are there, see `array_names`.

    Raises:
        InrError: a file that cannot be read.
    """
    if isinstance(given, Mapping):
        return {name: np.asarray(given[name]) for name in names}
    with _archive(Path(given)) as archive:
        return {name: archive[name] for name in names}


@contextmanager
def _archive(path: Path) -> Iterator[Any]:
    """An .npz file, and one clear line where it is none."""
    try:
        _check_sizes(path)
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except FileNotFoundError:
        raise InrError(f"{path} does not exist") from None
    except (ValueError, OSError, KeyError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InrError(f"{path} is no readable .npz file: {error}") from None


def _check_sizes(path: str | Path) -> None:
    """Refuse arrays of which the headers say more than there is, before memory is taken for them."""
    with zipfile.ZipFile(path) as archive:
        for each in archive.infolist():
            with archive.open(each) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(file)
            if math.prod(shape) * dtype.itemsize > each.file_size:
                raise ValueError(f"{each.filename} says that it is {shape}, and has {each.file_size:,} bytes")


def array_names(given: Any) -> set[str] | None:
    """The names of arrays; None for what holds none, as a picture.

    Args:
        given: anything; of a path that ends in .npz the file is looked into.
    """
    if isinstance(given, Mapping):
        return set(given)
    if isinstance(given, str | Path) and str(given).lower().endswith(".npz"):
        with _archive(Path(given)) as archive:
            return set(archive.files)
    return None


def from_unit(unit: np.ndarray, domain: Domain) -> np.ndarray:
    """Values from 0 to 1, which classical methods work on, in own units."""
    restored: np.ndarray = domain.values.restore(2 * unit - 1)
    return restored


def as_channels(array: np.ndarray, name: str) -> Float[np.ndarray, "h w c"]:
    """(h, w) or (h, w, c) as (h, w, c)."""
    if array.ndim not in (2, 3) or min(array.shape[:2]) < 2:
        raise InrError(f"{name} is (h, w) or (h, w, channels), at least 2 x 2, not {array.shape}")
    return array if array.ndim == 3 else array[..., None]
