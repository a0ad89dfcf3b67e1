"""Pictures of the Netpbm family: PBM, PGM, PPM, PAM and PFM, in 8 or 16 bits or floats, binary or as text.

Pillow cuts colour of 16 bits to 8 and knows no PFM in colour. Sources: the manuals of Netpbm; for PFM pauldebevec.com.
"""

import re
from pathlib import Path

import numpy as np

from inr.signals._arrays import GridSamples, build_grid, grid_axes, real_array
from inr.signals._libraries import check_bytes, reading

SUFFIXES = (".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".pfm")
_SPACE = rb"(?:\s|#[^\n]*\n)+"  # white space and remarks
_BITS = re.compile(rb"P([14])%s(\d+)%s(\d+)\s" % (_SPACE, _SPACE))
_WHOLE = re.compile(rb"P([2356])%s(\d+)%s(\d+)%s(\d+)\s" % (_SPACE, _SPACE, _SPACE))
_FLOATS = re.compile(rb"P([Ff])\s+(\d+)\s+(\d+)\s+(-?[\d.eE+-]+)\s")
_ARBITRARY = re.compile(rb"P7\n(?:[^\n]*\n)*?ENDHDR\n")


def is_netpbm(head: bytes) -> bool:
    """Whether a file that begins with `head` is of this family."""
    return re.match(rb"P[1-7Ff]\s", head) is not None


def read(path: Path, max_bytes: int) -> GridSamples:
    """The image at `path`."""
    image = read_pixels(path, max_bytes)
    return build_grid(image, "image", grid_axes("image", image.shape[:2], {}), {}, source=str(path))


def read_pixels(path: Path, max_bytes: int) -> np.ndarray:
    """Pixels (H, W, C), uint8, uint16 or float32; those of one bit are 0 or 255, white being 255."""
    data = path.read_bytes()
    with reading(path, "Netpbm image"):
        kind, width, height, channels, dtype, start = _header(data)
        check_bytes(path, width * height * channels * dtype.itemsize, max_bytes, f"{width} x {height} pixels")
        pixels = _samples(data[start:], kind, width * channels, height, dtype).reshape(height, width, channels)
    if kind in b"14":
        pixels = (1 - pixels) * np.uint8(255)
    return real_array(pixels[::-1] if kind in b"Ff" else pixels, str(path))  # floats go from the bottom up


def _header(data: bytes) -> tuple[bytes, int, int, int, np.dtype, int]:
    """Kind, width, height, channels, type of samples, and where they begin."""
    if found := _FLOATS.match(data):
        order = "<" if float(found[4]) < 0 else ">"
        return found[1], int(found[2]), int(found[3]), 3 if found[1] == b"F" else 1, np.dtype(order + "f4"), found.end()
    if found := _ARBITRARY.match(data):
        said = dict(line.split(None, 1) for line in found[0].splitlines()[1:-1] if line[:1] != b"#")
        width, height, depth, most = (int(said[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
        return b"7", width, height, depth, _integers(most), found.end()
    if found := _BITS.match(data):
        return found[1], int(found[2]), int(found[3]), 1, np.dtype(np.uint8), found.end()
    if found := _WHOLE.match(data):
        channels = 3 if found[1] in b"36" else 1
        return found[1], int(found[2]), int(found[3]), channels, _integers(int(found[4])), found.end()
    raise ValueError("its header is not whole")


def _integers(most: int) -> np.dtype:
    if not 1 <= most <= 65535:
        raise ValueError(f"a largest sample of {most}")
    return np.dtype(np.uint8 if most < 256 else ">u2")


def _samples(data: bytes, kind: bytes, width: int, height: int, dtype: np.dtype) -> np.ndarray:
    if kind == b"4":
        rows = np.frombuffer(data, np.uint8, height * -(-width // 8)).reshape(height, -1)
        return np.unpackbits(rows, axis=1, count=width)
    if kind == b"1":
        text = re.sub(rb"#[^\n]*", b"", data).translate(None, b" \t\r\n\v\f")[: width * height]
        return np.frombuffer(text, np.uint8, width * height) - np.uint8(48)
    if kind in b"23":
        numbers = re.sub(rb"#[^\n]*", b"", data).split(None, width * height)[: width * height]
        return np.array(numbers, dtype=np.int64).astype(dtype)
    return np.frombuffer(data, dtype, width * height)
