"""What a view is drawn from: a field's file, or the canonical array of a signal, and what is known of it beforehand."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inr.serving.views._errors import BadRequest

_LETTERS = "xyzt"


@dataclass(frozen=True)
class SignalImage:
    """The samples of a signal.

    Attributes:
        path: the `.npy` file of its array, (…, C), or (N, C) of scattered samples.
        sha256: of that file, hexadecimal.
        domain: `Domain.to_json` of it.
    """

    path: Path
    sha256: str
    domain: Mapping[str, Any]

    def key_of(self, quality: str) -> str:
        """Hexadecimal; what is drawn of two images in a quality is equal where this is."""
        told = self.sha256 + json.dumps(dict(self.domain), sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; `image_from_json` is the way back."""
        return {"path": str(self.path), "sha256": self.sha256, "domain": dict(self.domain)}


@dataclass(frozen=True)
class FieldImage:
    """A fitted field.

    Attributes:
        path: its `.inr` file.
        sha256: of that file, hexadecimal.
        signal: what it was fitted to, where that is still there; only by it the quality `error` can be had.
    """

    path: Path
    sha256: str
    signal: SignalImage | None = None

    def key_of(self, quality: str) -> str:
        """See `SignalImage.key_of`; the quality `error` depends on the signal, too."""
        return f"{self.sha256}{self.signal.key_of(quality) if quality == 'error' and self.signal else ''}"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; `image_from_json` is the way back."""
        signal = self.signal.to_json() if self.signal else None
        return {"path": str(self.path), "sha256": self.sha256, "signal": signal}


def image_from_json(found: Mapping[str, Any]) -> SignalImage | FieldImage:
    """The image that `to_json` described."""
    if "domain" in found:
        return SignalImage(Path(found["path"]), found["sha256"], found["domain"])
    signal = found["signal"]
    original = SignalImage(Path(signal["path"]), signal["sha256"], signal["domain"]) if signal else None
    return FieldImage(Path(found["path"]), found["sha256"], original)


def pyramid_name(image: SignalImage | FieldImage, slices: Mapping[str, float], quality: str) -> str:
    """The name of the file that keeps a picture at smaller sizes.

    Args:
        image: what it shows.
        slices: of which slice.
        quality: error and slope have their own; all others share one.
    """
    kept = quality if quality in ("error", "slope") else "values"
    told = f"{image.key_of(quality)} {sorted(slices.items())} {kept}"
    return f"{hashlib.sha256(told.encode()).hexdigest()}.npy"


@dataclass(frozen=True)
class Canvas:
    """What an image can show.

    Attributes:
        sizes: samples along x, y(, z)(, t).
        video: whether the third axis is time.
        channels: of its pixels: 1 grey, 2 grey and transparency, 3 colour, 4 colour and transparency.
        qualities: of "error" and "slope", those that it has.
        cost: multiplications for one point.
    """

    sizes: tuple[int, ...]
    video: bool
    channels: int
    qualities: tuple[str, ...] = ()
    cost: float = 1.0

    @property
    def letters(self) -> str:
        """The names of its axes in slices: x, y, then z of a volume or t of a video, then t."""
        return "xyt" if self.video else _LETTERS[: len(self.sizes)]

    @property
    def colour(self) -> bool:
        """Whether its pixels have colours."""
        return self.channels >= 3

    @property
    def transparent(self) -> bool:
        """Whether some of its pixels may be transparent."""
        return self.channels in (2, 4)

    def fixed(self, slices: Mapping[str, float]) -> dict[int, float]:
        """Where a slice stands: axis to a place from 0 to 1; the last axes stand in the middle unless it is told.

        Args:
            slices: letter of an axis to a place from 0 to 1, the whole axis.

        Raises:
            BadRequest: an axis that there is not, or more of them than leave a plane.
        """
        unknown = [letter for letter in slices if letter not in self.letters]
        spare = len(self.sizes) - 2
        if unknown:
            raise BadRequest(f"there is no axis {unknown[0]}; axes are {', '.join(self.letters)}")
        if len(slices) > spare:
            raise BadRequest(f"a picture has two axes: of {', '.join(self.letters)}, {spare} can stand still")
        fixed = {self.letters.index(letter): place for letter, place in slices.items()}
        for axis in reversed(range(len(self.sizes))):
            if len(fixed) < spare:
                fixed.setdefault(axis, 0.5)
        return fixed

    def plane(self, slices: Mapping[str, float]) -> tuple[int, int]:
        """Width and height of a slice in samples; the axes of a picture that remain, the first one across."""
        fixed = self.fixed(slices)
        width, height = (size for axis, size in enumerate(self.sizes) if axis not in fixed)
        return width, height

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; `canvas_from_json` is the way back."""
        return asdict(self)


def canvas_from_json(found: Mapping[str, Any]) -> Canvas:
    """The canvas that `Canvas.to_json` described."""
    return Canvas(**{**found, "sizes": tuple(found["sizes"]), "qualities": tuple(found["qualities"])})
