"""Which module reads a picture: those that are exact first, imageio for the rest."""

import importlib
from pathlib import Path

import numpy as np

from inr._errors import InrError
from inr.signals import _codecs, _image, _imageio, _netpbm

SUFFIXES = (*_image.SUFFIXES, *_codecs.SUFFIXES, *_netpbm.SUFFIXES, *_imageio.SUFFIXES)


def picture_module(path: Path, head: bytes) -> str | None:
    """The module of this package that reads the picture at `path`, which begins with `head`; None for no picture."""
    if _codecs.find_codec(head):  # before JPEG, which JPEG-LS begins like
        return "_codecs"
    if _image.image_format(head):
        return "_image"
    if _netpbm.is_netpbm(head):
        return "_netpbm"
    return "_imageio" if _imageio.find_reader(path, head) else None


def read_pixels(path: Path, max_bytes: int) -> np.ndarray:
    """Pixels (H, W, C) of the picture at `path`, in the file's own sample type."""
    with path.open("rb") as file:
        module = picture_module(path, file.read(4096))
    if module is None:
        raise InrError(f"{path} is not a picture that inr reads, whatever its name says")
    pixels: np.ndarray = importlib.import_module(f"inr.signals.{module}").read_pixels(path, max_bytes)
    return pixels
