"""Pillow's codecs, at the settings that the literature's figures were checked with."""

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Anchor:
    """A codec and the settings it is run at.

    Attributes:
        form: Pillow's name of the format; options: what `save` is given at every setting.
        knob: the option that sets the rate; settings: its values, from small files to large ones.
    """

    form: str
    options: Mapping[str, Any]
    knob: str
    settings: Sequence[float]

    def given(self, setting: float) -> dict[str, Any]:
        """What `save` is given at a setting."""
        return {**self.options, self.knob: [setting] if self.knob == "quality_layers" else setting}


# bits a pixel, which quality_layers wants as the ratio to 24
_JP2_BPP = (0.1, 0.15, 0.2, 0.3, 0.6, 1.2, 2.0)
# one thread, as ours; the files are the same
_AVIF = {"speed": 4, "max_threads": 1}
_AVIF_QUALITIES = (10, 20, 30, 40, 50, 60, 70)

ANCHORS = {
    # without `optimize`, files are a third larger at low rates: the curve that most papers show
    "jpeg 4:2:0": Anchor(
        "JPEG", {"optimize": True, "subsampling": "4:2:0"}, "quality", (2, 5, 10, 15, 20, 30, 50, 70, 80, 90)
    ),
    "jpeg 4:4:4": Anchor("JPEG", {"optimize": True, "subsampling": "4:4:4"}, "quality", (2, 5, 10, 20, 40, 60, 75, 90)),
    "jpeg 2000": Anchor(
        "JPEG2000", {"quality_mode": "rates", "irreversible": True, "mct": 1}, "quality_layers",
        tuple(24 / bpp for bpp in _JP2_BPP),
    ),
    "webp": Anchor("WEBP", {"method": 6}, "quality", (0, 5, 10, 20, 40, 60, 75, 85, 90)),
    "avif 4:4:4": Anchor("AVIF", {**_AVIF, "subsampling": "4:4:4"}, "quality", _AVIF_QUALITIES),
    "avif 4:2:0": Anchor("AVIF", {**_AVIF, "subsampling": "4:2:0"}, "quality", _AVIF_QUALITIES),
}  # fmt: skip


@dataclass(frozen=True)
class Coded:
    """A picture's file, what it decodes to, and the seconds that took."""

    data: bytes
    pixels: np.ndarray
    encode_seconds: float
    decode_seconds: float


def code(pixels: np.ndarray, form: str, **options: Any) -> Coded:
    """Save pixels as Pillow does, and read them again; in memory, so that no disk is measured."""
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    start = time.perf_counter()
    image.save(file, form, **options)
    encoded = time.perf_counter()
    data = file.getvalue()
    decoding = time.perf_counter()
    with Image.open(io.BytesIO(data)) as found:
        decoded = np.asarray(found.convert("RGB") if pixels.ndim == 3 else found)
    return Coded(data, decoded, encoded - start, time.perf_counter() - decoding)
