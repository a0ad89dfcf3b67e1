"""Pillow's codecs on a picture: at one setting, or at the best one whose file takes no more than so many bytes."""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt
from PIL import Image, features

from inr._errors import InrError

# Bits a pixel that JPEG 2000 is asked for: 3 % apart, from what no picture needs to more than the pixels themselves.
_JP2_RATES = np.geomspace(0.01, 24, 260)
_PIXEL_BITS = 24


@dataclass(frozen=True)
class Peer:
    """A codec of Pillow's and the settings that it can be run at.

    Attributes:
        form: Pillow's name of the format.
        options: what `save` is given at every setting.
        knob: the option that sets the rate.
        settings: values of the knob, from small files to large ones.
        needs: Pillow's name of the feature that it may be built without; "" where it has it always.
    """

    form: str
    options: Mapping[str, Any]
    knob: str
    settings: Sequence[float]
    needs: str = ""

    @property
    def available(self) -> bool:
        """Whether this Pillow has it."""
        return not self.needs or bool(features.check(self.needs))

    def given(self, setting: float) -> dict[str, Any]:
        """What `save` is given at a setting."""
        return {**self.options, self.knob: [setting] if self.knob == "quality_layers" else setting}


PEERS = {
    "AVIF": Peer("AVIF", {"speed": 4, "subsampling": "4:4:4"}, "quality", range(101), "avif"),
    "JPEG 2000": Peer(
        "JPEG2000", {"quality_mode": "rates", "irreversible": True, "mct": 1}, "quality_layers",
        tuple(_PIXEL_BITS / _JP2_RATES), "jpg_2000",
    ),
    "WebP": Peer("WEBP", {"method": 6}, "quality", range(101), "webp"),
    "JPEG": Peer("JPEG", {"optimize": True, "progressive": True}, "quality", range(1, 96)),
}  # fmt: skip


@dataclass(frozen=True)
class Coded:
    """A picture's file, what it decodes to, and the seconds that took."""

    data: bytes
    pixels: UInt[np.ndarray, "h w *c"]
    encode_seconds: float
    decode_seconds: float


def find_peer(name: str) -> tuple[str, Peer]:
    """A peer and its name by a name in any case, with or without spaces and hyphens.

    Raises:
        InrError: there is none of that name, or this Pillow was built without it.

    >>> from inr.compression.peers import find_peer
    >>> find_peer("jpeg-2000")[0]
    'JPEG 2000'
    """
    plain = _plain(name)
    for known, peer in PEERS.items():
        if plain in (_plain(known), _plain(peer.form)):
            if not peer.available:
                raise InrError(f"this Pillow was built without {known}; pip install -U pillow brings it")
            return known, peer
    raise InrError(f"no codec '{name}' to compare with; there are {', '.join(PEERS)}")


def code(pixels: UInt[np.ndarray, "h w *c"], form: str, **options: Any) -> Coded:
    """Save pixels as Pillow does, and read them again; in memory, so that no disk is measured.

    Args:
        pixels: (h, w) grey or (h, w, 3); JPEG 2000 takes 16 bits of grey, too.
        form: Pillow's name of the format.
        options: of Pillow's `save`.
    """
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    start = time.perf_counter()
    image.save(file, form, **options)
    encoded = time.perf_counter()
    data = file.getvalue()
    decoding = time.perf_counter()
    with Image.open(io.BytesIO(data)) as found:
        same = found if pixels.dtype != np.uint8 else found.convert("RGB" if pixels.ndim == 3 else "L")
        decoded = np.asarray(same)
    return Coded(data, decoded, encoded - start, time.perf_counter() - decoding)


def largest_within(
    peer: Peer,
    pixels: UInt[np.ndarray, "h w *c"],
    max_bytes: int,
    on_setting: Callable[[float], None] | None = None,
) -> tuple[Coded, float]:
    """The file of the best setting that takes at most so many bytes, found by bisection over the settings.

    Args:
        peer: the codec.
        pixels: (h, w) grey or (h, w, 3).
        max_bytes: that the whole file may take.
        on_setting: called with every setting before it is tried.

    Returns:
        The file with what it decodes to, and its setting. Where even the smallest takes more bytes, it is that.
    """

    def coded(index: int) -> Coded:
        setting = peer.settings[index]
        if on_setting is not None:
            on_setting(setting)
        return code(pixels, peer.form, **peer.given(setting))

    fits, best = 0, coded(0)
    beyond = len(peer.settings)
    while len(best.data) <= max_bytes and beyond - fits > 1:
        middle = (fits + beyond) // 2
        found = coded(middle)
        if len(found.data) <= max_bytes:
            fits, best = middle, found
        else:
            beyond = middle
    return best, peer.settings[fits]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
