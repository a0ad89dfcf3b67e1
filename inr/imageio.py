"""`imageio.v3` reads .inr files: `imread("photo.inr", shape=(1080, 1920))`, `improps`, `immeta`, `imiter`, `imopen`.

imageio finds plug-ins in a table of its own and offers no entry point, so it knows this one once `inr` has been
imported, before or after imageio. Without that, `imread("photo.inr", plugin=inr.imageio.FieldPlugin)` names it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from imageio.core.request import InitializationError, Request
from imageio.core.v3_plugin_api import ImageProperties, PluginV3

from inr._errors import InrError
from inr.engines import render
from inr.field import Field
from inr.io import load
from inr.signals import cast_samples

__all__ = ["FieldPlugin"]

_MAGIC = b"\x89INR"


class FieldPlugin(PluginV3):
    """Reads a field as the picture, the frames of a video or the volume that it was fitted to, of any size.

    Args:
        request: what imageio was asked to open.

    Raises:
        InitializationError: not an .inr file, which imageio takes as a sign to try its other plug-ins.
        InrError: an .inr file that cannot be read or is of a sound, or one that is to be written.

    >>> import imageio.v3 as iio
    >>> field = inr.fit(inr.open("photo.png"), steps=50)
    >>> field.save("photo.inr", force=True)
    >>> iio.imread("photo.inr", shape=(48, 64)).shape, iio.improps("photo.inr").shape
    ((48, 64, 3), (24, 32, 3))
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        try:
            self._field = _field(request)
        except InrError:
            request.finish()
            raise

    def read(self, *, index: Any = None, shape: Sequence[int] | None = None, engine: str = "auto") -> np.ndarray:
        """The samples of the field on a grid, in the type of the signal.

        Args:
            index: which frame of a video; None: all of what the field was fitted to; ... for a first axis of images.
            shape: samples per axis in array order, (H, W) for a picture and for the frames of a video; its own if None.
            engine: what evaluates the field, see `inr.render`.

        Returns:
            (H, W) or (H, W, C) for a picture, and so with a first axis T for a video; its axes for a volume.

        Raises:
            InrError: a shape that does not fit the field.
            IndexError: no such frame.
        """
        domain = self._field.domain
        wanted, box = self._grid(shape, index)
        samples = cast_samples(render(self._field, wanted, box, engine=engine), domain)
        samples = samples[..., 0] if domain.channels == 1 else samples
        if domain.kind == "video":
            return samples[0] if isinstance(index, int) else samples
        return samples[None] if index is ... else samples

    def iter(self, **options: Any) -> Iterator[np.ndarray]:
        """The frames of a video one by one, else the one picture or volume; `options` are as of `read`."""
        frames = self._grid(options.get("shape"), None)[0][0] if self._field.domain.kind == "video" else 1
        for index in range(frames):
            yield self.read(index=index, **options)

    def write(self, ndimage: Any, **options: Any) -> None:
        """Not possible: fields are fitted, by `inr.fit`."""
        raise InrError("an .inr file is fitted, not written: inr.fit(array).save(path)")

    def properties(self, index: Any = None, *, shape: Sequence[int] | None = None) -> ImageProperties:
        """The shape and type of what `read` gives for the same arguments, without evaluating the field."""
        domain = self._field.domain
        wanted, _ = self._grid(shape, index)
        full = wanted if domain.channels == 1 else (*wanted, domain.channels)
        video, one = domain.kind == "video", isinstance(index, int)
        if video and one:
            full = full[1:]
        elif index is ... and not video:
            full = (1, *full)
        batch = index is ... or (video and not one)
        return ImageProperties(full, np.dtype(domain.dtype), full[0] if batch else None, batch)

    def metadata(self, index: Any = None, exclude_applied: bool = True) -> dict[str, Any]:
        """What is known of the field: its domain, what was measured on it, and what it was fitted with."""
        return self._field.domain.to_json() | {
            "parts": self._field.config(),
            "metrics": dict(self._field.metrics),
            "fit": dict(self._field.fit),
        }

    def _grid(
        self, shape: Sequence[int] | None, index: Any
    ) -> tuple[tuple[int, ...], list[tuple[float, float]] | None]:
        """Samples per axis of what is to be read, and the box that they fill."""
        domain = self._field.domain
        own = domain.shape or ()
        wanted = own if shape is None else tuple(shape)
        if domain.kind == "video" and len(wanted) == 2:
            wanted = (own[0], *wanted)
        if not isinstance(index, int):
            return wanted, None
        frames = wanted[0] if domain.kind == "video" else 1
        if not -frames <= index < frames:
            raise IndexError(f"index {index} of {frames}")
        if domain.kind != "video":
            return wanted, None
        index %= frames
        return (1, *wanted[1:]), [(-1.0, 1.0), (-1.0, 1.0), (2 * index / frames - 1, 2 * (index + 1) / frames - 1)]


def _field(request: Request) -> Field:
    """The field in what imageio was asked to open."""
    if request.mode.io_mode == "w":
        if request.extension == ".inr":
            raise InrError("an .inr file is fitted, not written: inr.fit(array).save(path)")
        raise InitializationError("inr writes no other files than its own")
    file = request.get_file()
    if file.read(len(_MAGIC)) != _MAGIC:
        raise InitializationError("not an .inr file")
    file.seek(0)  # what is no file on disk is copied to one from here
    field = load(request.get_local_filename())
    if field.domain.kind not in ("image", "video", "volume"):
        raise InrError(f"the field is of kind {field.domain.kind}, which is no picture; inr.load reads it")
    return field
