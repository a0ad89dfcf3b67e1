"""Fields in the viewer napari: needs the extra `napari`.

Where inr is installed, napari opens .inr files of pictures, videos and volumes: `napari photo.inr`, or a file that is
dropped on it. In Python, `levels, options, _ = layer(field)` and `viewer.add_image(levels, **options)` do the same.
napari itself is not imported here.
"""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from inr._errors import InrError
from inr.engines import render
from inr.field import Field
from inr.io import load
from inr.signals import cast_samples

__all__ = ["get_reader", "layer"]

Layer = tuple[list["Level"], dict[str, Any], str]

_SMALL = 512  # samples along the longest side from which on there is no coarser level
_UNITS = {"px": "pixel", "s": "second", "mm": "millimeter", "m": "meter"}  # as napari knows them


def get_reader(path: str | list[str]) -> Callable[[Any], list[Layer]] | None:
    """What reads a file: napari asks for it, as `napari.yaml` tells.

    Args:
        path: of the file, or several, of which each is a layer.

    Returns:
        A function of the path, which gives layers; None for files that are not called .inr.
    """
    paths = [path] if isinstance(path, (str, os.PathLike)) else path
    if not all(str(each).endswith(".inr") for each in paths):
        return None
    return lambda _: [layer(load(each), Path(each).stem) for each in paths]


def layer(field: Field, name: str = "field", *, finer: int = 2) -> Layer:
    """A field as what napari makes a layer of: levels of resolution, each computed where it is looked at.

    Args:
        field: that was fitted to a picture, a video or a volume of two axes or more.
        name: of the layer.
        finer: how many times the resolution is doubled beyond the samples' own, which shows what lies between them.

    Returns:
        The levels, what `viewer.add_image` takes besides them, and "image". Places are in own units. Three and four
        channels of pictures and videos are colours, other channels are a first axis.

    Raises:
        InrError: a field of something else.

    >>> from inr.napari import layer
    >>> levels, options, _ = layer(inr.fit("photo.png", coding="samples"), finer=1)
    >>> [level.shape for level in levels], options["scale"], levels[0][10:14, :8].shape
    ([(48, 64, 3), (24, 32, 3)], (0.5, 0.5), (4, 8, 3))
    """
    domain = field.domain
    if domain.shape is None or domain.in_dim < 2 or domain.kind not in ("image", "video", "volume"):
        raise InrError(f"napari shows pictures, videos and volumes; this is a field of kind {domain.kind}")
    colours = domain.channels in (3, 4) and domain.kind != "volume"
    coarser = max(0, math.ceil(math.log2(max(domain.shape) / _SMALL)))
    levels = [Level(field, 2.0**power, colours) for power in range(finer, -coarser - 1, -1)]
    axes = domain.axes[::-1]
    steps = [(axis.high - axis.low) / size for axis, size in zip(axes, levels[0].sizes, strict=True)]
    starts = [axis.low + step / 2 for axis, step in zip(axes, steps, strict=True)]
    apart = domain.channels > 1 and not colours
    options: dict[str, Any] = {
        "name": name,
        "multiscale": True,
        "rgb": colours,
        "scale": (1.0,) * apart + tuple(steps),
        "translate": (0.0,) * apart + tuple(starts),
        "axis_labels": ("channel",) * apart + tuple(axis.name for axis in axes),
    }
    if all(axis.unit in _UNITS for axis in axes):
        options["units"] = ("pixel",) * apart + tuple(_UNITS[axis.unit] for axis in axes)
    if not colours:
        options["contrast_limits"] = (min(domain.values.low), max(domain.values.high))
    return levels, options, "image"


class Level:
    """A field at one resolution, as an array of which only what is indexed is computed, uint8 for colours.

    Args:
        field: on a grid.
        factor: samples along each axis in space for one of the signal's.
        colours: whether channels come behind the other axes; else they are the first.
    """

    def __init__(self, field: Field, factor: float, colours: bool) -> None:
        domain = field.domain
        assert domain.shape is not None
        self._field, self._colours = field, colours
        names = [axis.name for axis in reversed(domain.axes)]
        self.sizes = tuple(
            size if name == "t" else max(1, round(size * factor))
            for name, size in zip(names, domain.shape, strict=True)
        )
        self._first = 1 if domain.channels > 1 and not colours else 0
        self.shape = (domain.channels,) * self._first + self.sizes + (domain.channels,) * colours
        self.dtype = np.dtype("uint8" if colours else "float32" if domain.missing else domain.dtype)
        self.ndim, self.size = len(self.shape), math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[...], dtype)

    def __getitem__(self, key: Any) -> Shaped[np.ndarray, "*shape"]:
        """The values of a part, which are computed for the box that holds it."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if (given := next((place for place, each in enumerate(keys) if each is Ellipsis), None)) is not None:
            keys[given : given + 1] = [slice(None)] * (self.ndim - len(keys) + 1)
        keys += [slice(None)] * (self.ndim - len(keys))
        asked = [np.arange(size)[each] for each, size in zip(keys, self.shape, strict=True)]
        wanted = [size for each in asked for size in each.shape]
        if 0 in wanted:
            return np.zeros(wanted, self.dtype)
        ends = [(int(each.min()), int(each.max()) + 1) for each in asked]
        inside = [np.atleast_1d(each) - low for each, (low, _) in zip(asked, ends, strict=True)]
        # channels come all at once
        at = 0 if self._first else self.ndim - 1 if self._colours else None
        if at is not None:
            inside[at] += ends.pop(at)[0]
        return self._rendered(ends)[np.ix_(*inside)].reshape(wanted)

    def _rendered(self, ends: Sequence[tuple[int, int]]) -> Shaped[np.ndarray, "*shape"]:
        """All values between ends along each axis of the grid, channels where the level has them."""
        domain = self._field.domain
        box = [(2 * low / size - 1, 2 * high / size - 1) for (low, high), size in zip(ends, self.sizes, strict=True)]
        values = render(self._field, [high - low for low, high in ends], box[::-1])
        if self._colours:
            tones = np.nan_to_num(domain.values.normalise(values) / 2 + 0.5).clip(0, 1)
            return np.rint(tones * 255).astype(np.uint8)
        values = cast_samples(values, domain) if not domain.missing else values
        return np.moveaxis(values, -1, 0) if self._first else values[..., 0]
