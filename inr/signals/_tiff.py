"""TIFF: of any packing, depth, number and meaning of channels, made into the pixels that a viewer would show.

Follows "TIFF Revision 6.0", Adobe, 1992, and its Technical Note 3 (predictors of floats). Strips and tiles are
unpacked by tifffile with imagecodecs, the extra `images`. Without it, what packs bytes alone is unpacked here, and
the rest by pillow where it keeps all bits.
"""

import importlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError, MissingExtra
from inr.signals import _colour, _pillow, _tiff_tags
from inr.signals._libraries import check_bytes, optional, quiet_logger, reading, silent_stderr
from inr.signals._picture import Picture, unpacked

_ORIENTATION, _ICC = 274, 34675
_MAX_CLASSIC = 2**32 - 2**25  # bytes of pixels that tifffile writes as a TIFF of 32-bit places
_COLOURS = {"RGB": 3, "YCBCR": 3, "CIELAB": 3, "SEPARATED": 4, "LINEAR_RAW": 3}
_AS_STORED = ("MINISBLACK", "MASK", "RGB", "LINEAR_RAW")
_GREYS = ("MINISBLACK", "MINISWHITE", "PALETTE", "MASK")
_TO_RGB, _OLD_JPEG = (7, 33007, 34892, 34927, 50001, 50002, 52546), 6  # JPEG, WebP and JPEG XL decode to RGB
# tags without which pixels are others: sizes, depth, packing, meaning, places, predictor, palette, tiles, types
_NEEDED = {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339, 347}
_ZSTD = (34926, 50000)
_WHOLE_BITS = (1, 8, 16, 32, 64)  # of samples that need no unpacking beyond numpy's
# CCITT, LZW, JPEG, deflate, PackBits, LZMA and ZSTD, which libtiff unpacks
_BY_PILLOW = (2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000)


def read(path: Path, max_bytes: int) -> Picture:
    """The one picture at `path`; thumbnails and overviews are none, a mask says where pixels are missing."""
    tifffile: Any = importlib.import_module("tifffile")
    with reading(path, "TIFF image"), quiet_logger("tifffile"), tifffile.TiffFile(path) as file:
        page = _picture_page(file, path)
        check_bytes(path, math.prod(page.shaped) * page.dtype.itemsize, max_bytes, f"an array of shape {page.shape}")
        orientation = int(page.tags.valueof(_ORIENTATION, 1))
        samples = _samples(page)
        if samples is None:
            with silent_stderr():
                pixels = _by_pillow(path, page, max_bytes)
        else:
            pixels = _pillow.turned(_plain(samples, page, path), orientation)
        missing = _missing(file, page)
        meta = _tiff_tags.meta_of(path, page, pixels.shape[2], turned=orientation != 1)
        return Picture(pixels, meta, None if missing is None else _pillow.turned(missing, orientation))


def write(path: Path, image: np.ndarray, meta: Mapping[str, Any]) -> None:
    """Write (H, W, C) of any type and number of channels, and what `meta` says, see `Picture`."""
    import tifffile

    channels = image.shape[2]
    layout = _tiff_tags.usual_layout(channels) | meta.get("tiff", {})
    planar = bool(layout.get("planar")) and channels > 1
    data = np.moveaxis(image, -1, 0) if planar else image if channels > 1 else image[..., 0]
    exif = _tiff_tags.exif_of(meta if image.nbytes < _MAX_CLASSIC else {})
    options: dict[str, Any] = {}
    if channels > 1:
        options = {"planarconfig": "separate" if planar else "contig", "extrasamples": layout["extrasamples"]}
    if "dpi" in meta:
        options |= {"resolution": tuple(meta["dpi"]), "resolutionunit": "INCH"}
    if "icc" in meta:
        options["iccprofile"] = unpacked(meta["icc"])
    geo = _tiff_tags.geo_tags(meta.get("geotiff", {}))
    tags = [*geo, *_tiff_tags.nodata_tags(meta, image), *_tiff_tags.exif_tags(exif)]
    tifffile.imwrite(
        path, data, photometric=layout["photometric"], metadata=None, software=False, extratags=tags, **options
    )
    _tiff_tags.append_exif(path, exif)


def _picture_page(file: Any, path: Path) -> Any:
    series = [each for each in file.series if not (each.keyframe.is_reduced or each.keyframe.is_mask)]
    if not series:
        raise InrError(f"{path} shows a thumbnail only, as raw files of cameras do; develop it to a TIFF or PNG first")
    page = series[0].keyframe
    if len(series) > 1 or len(series[0].pages) > 1 or series[0].size != page.size or page.imagedepth > 1:
        pages = sum(max(len(each.pages), each.size // each.keyframe.size) for each in series)
        raise InrError(
            f"{path} holds {pages} pages; save one as an image, or the stack as .npy: "
            "numpy.save('stack.npy', tifffile.imread(…))"
        )
    if page.dtype is None:
        raise InrError(f"{path} has samples of {page.bitspersample} bits, format {page.sampleformat}, which none reads")
    return page


# Samples as they were stored


def _samples(page: Any) -> np.ndarray | None:
    """The stored samples (H, W, C), not interpreted; None for what is left to pillow."""
    import tifffile

    _check_whole(page)
    subsampled = page.is_subsampled and page.compression not in _TO_RGB
    if subsampled or page.compression == _OLD_JPEG or page.compression not in tifffile.TIFF.DECOMPRESSORS:
        return None
    alone = optional("imagecodecs") is None
    if alone and page.compression in _ZSTD and optional("compression.zstd") is None:
        return None
    packed_bits = page.dtype.kind in "iu" and page.bitspersample not in _WHOLE_BITS
    if alone and (packed_bits or page.predictor not in tifffile.TIFF.UNPREDICTORS):
        stored = _unpacked_here(page, tifffile.TIFF.DECOMPRESSORS[page.compression])
    else:
        stored = page.asarray(squeeze=False)
    # (planes, 1, H, W, samples), where one of planes and samples is 1
    return np.moveaxis(stored[:, 0], 0, -2).reshape(*stored.shape[2:4], -1)


def _check_whole(page: Any) -> None:
    """Raise EOFError where tags, strips or tiles end after the file: tifffile makes do with what there is."""
    ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    lost = [code for code in _tiff_tags.entries(page) if code in _NEEDED and code not in page.tags]
    if lost or max(ends, default=0) > page.parent.filehandle.size:
        raise EOFError


def _unpacked_here(page: Any, unpack: Any) -> np.ndarray:
    """Strips or tiles of floats with a predictor, or of packed integers."""
    if page.fillorder != 1 or page.predictor not in (1, 3) or (page.predictor == 3) != (page.dtype.kind == "f"):
        raise MissingExtra("imagecodecs", "images", f"undoing predictor {page.predictor} of {page.bitspersample} bits")
    planes, _, height, width, samples = page.shaped
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, height), width)
    down, across = -(-height // rows), -(-width // columns)
    found = np.zeros(page.shaped, page.dtype)
    for data, index in page.parent.filehandle.read_segments(page.dataoffsets, page.databytecounts):
        plane, place = divmod(index, down * across)
        top, left = place // across * rows, place % across * columns
        if data is None or plane >= planes:
            continue
        count = rows if page.is_tiled else min(rows, height - top)
        undo = _floats if page.predictor == 3 else _integers
        block = undo(np.frombuffer(unpack(data), np.uint8), page, count, columns * samples).reshape(count, columns, -1)
        found[plane, 0, top : top + count, left : left + columns] = block[: height - top, : width - left]
    return found


def _floats(data: np.ndarray, page: Any, rows: int, numbers: int) -> np.ndarray:
    """Predictor 3: differences of the bytes of a row, which are sorted by significance."""
    size, distance = page.dtype.itemsize, page.shaped[-1]
    planes = data[: rows * numbers * size].reshape(rows, -1, distance).cumsum(axis=1, dtype=np.uint8)
    values = planes.reshape(rows, size, numbers).swapaxes(1, 2)
    return np.ascontiguousarray(values).view(page.dtype.newbyteorder(">"))


def _integers(data: np.ndarray, page: Any, rows: int, numbers: int) -> np.ndarray:
    """Integers of any number of bits, the highest first; every row begins with a byte."""
    bits = page.bitspersample
    row = -(-numbers * bits // 8)
    single = np.unpackbits(data[: rows * row].reshape(rows, row), axis=1)[:, : numbers * bits]
    found = np.zeros((rows, numbers), page.dtype)
    for place in range(bits):
        found = (found << 1) | single[:, place::bits].astype(page.dtype)
    return found


def _by_pillow(path: Path, page: Any, max_bytes: int) -> np.ndarray:
    """Pixels of what pillow unpacks with every bit; raises MissingExtra for all else."""
    from PIL import TiffImagePlugin

    bits, codes = page.bitspersample, tuple(page.extrasamples)
    channels = page.samplesperpixel
    known = (b"II", page.photometric, (page.sampleformat,), page.fillorder, (bits,) * channels, codes)
    wide = bits != 1 and (not isinstance(bits, int) or bits > 8)
    kept = page.compression in _BY_PILLOW and known in TiffImagePlugin.OPEN_INFO and codes in ((), (1,), (2,))
    if not kept or (wide and (channels > 1 or page.parent.byteorder == ">")):
        packing = getattr(page.compression, "name", page.compression)
        raise MissingExtra("imagecodecs", "images", f"reading a TIFF of {page.dtype} packed with {packing}")
    pixels = _pillow.decode(path, "TIFF", max_bytes).pixels
    if not wide and page.dtype.kind != "i":
        return pixels
    same_size = pixels.dtype.itemsize == page.dtype.itemsize
    pixels = pixels.view(page.dtype) if same_size else pixels.astype(page.dtype)
    return _negative(pixels, bits) if page.photometric.name == "MINISWHITE" else pixels


# What the samples mean


def _plain(samples: np.ndarray, page: Any, path: Path) -> np.ndarray:
    """Grey or RGB, then alpha, straight, and whatever other channels there are."""
    meaning = getattr(page.photometric, "name", str(page.photometric))
    count = _COLOURS.get(meaning, 1)
    if meaning == "SEPARATED" and samples.shape[2] - len(page.extrasamples) != 4:
        count, meaning = samples.shape[2] - len(page.extrasamples), "MINISBLACK"  # inks with no usual colours
    elif meaning not in _GREYS and meaning not in _COLOURS:
        raise InrError(f"{path} holds {meaning}, which needs developing or converting to RGB or grey first")
    if samples.shape[2] < count:
        raise InrError(f"{path} is damaged: {meaning} of {samples.shape[2]} channels")
    colour, others = samples[..., :count], samples[..., count:]
    codes = _tiff_tags.extra_codes(page, meaning, others.shape[2])
    bits, top = page.bitspersample, 1.0  # what is opaque and white, and the largest of unsigned samples
    if samples.dtype.kind in "ub":
        top = 2.0 ** min(bits if isinstance(bits, int) else 8 * samples.dtype.itemsize, 64) - 1
    if meaning in _AS_STORED and (top >= 255 or samples.dtype.kind in "if") and _tiff_tags.ASSOCIATED not in codes:
        return samples
    if meaning == "PALETTE":
        colour = _looked_up(colour[..., 0], page.colormap)
        others = _to_8_bits(others, top)
    elif top < 255 and samples.dtype.kind in "ub":
        colour, others, top = _to_8_bits(colour, top), _to_8_bits(others, top), 255.0
    if _tiff_tags.ASSOCIATED in codes:
        alpha = others[..., codes.index(_tiff_tags.ASSOCIATED)]
        colour = _straight(colour, alpha[..., None], top)
    if meaning == "MINISWHITE":
        colour = _negative(colour, round(math.log2(top + 1)))
    elif meaning == "SEPARATED":
        colour = _colour.cmyk_to_rgb(colour, page.tags.valueof(_ICC), top)
    elif meaning == "CIELAB" or (meaning == "YCBCR" and page.compression not in _TO_RGB):
        if colour.dtype.itemsize != 1:
            raise InrError(f"{path} holds {meaning} of {colour.dtype}; convert it to RGB first")
        colour = _from_lab(colour) if meaning == "CIELAB" else _colour.ycbcr_to_rgb(colour)
    return np.concatenate([colour, others], axis=-1) if others.shape[2] else colour


def _to_8_bits(samples: np.ndarray, top: float) -> np.ndarray:
    if samples.dtype == np.uint8 and top == 255:
        return samples
    return np.rint(samples * (255 / top)).astype(np.uint8)


def _looked_up(places: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """The colours (3, n) of 16 bits at places of a palette; 8 bits, as some write, are taken as they are."""
    palette = (colours >> 8 if colours.max(initial=0) > 255 else colours).astype(np.uint8)
    return palette.T[places.astype(np.intp)]


def _straight(colour: np.ndarray, alpha: np.ndarray, top: float) -> np.ndarray:
    """Colour that is no longer multiplied by alpha; what is wholly transparent stays as it is."""
    found = colour * (top / np.where(alpha > 0, alpha, top).astype(np.float64))
    return (found if colour.dtype.kind == "f" else np.rint(found).clip(max=top)).astype(colour.dtype)


def _negative(samples: np.ndarray, bits: int) -> np.ndarray:
    """White for black: floats are taken as from 0 to 1."""
    if samples.dtype.kind == "f":
        return 1 - samples
    return ~samples if samples.dtype.kind == "i" else samples.dtype.type(2**bits - 1) - samples


def _from_lab(colour: np.ndarray) -> np.ndarray:
    from PIL import Image

    lab = Image.frombytes("LAB", colour.shape[1::-1], np.ascontiguousarray(colour).tobytes())
    return np.asarray(_colour.lab_to_rgb(lab))


def _missing(file: Any, page: Any) -> np.ndarray | None:
    """Where the mask beside a picture is 0, bool (H, W); None where there is no such place, or no mask."""
    masks = [each.keyframe for each in file.series if each.keyframe.is_mask and not each.keyframe.is_reduced]
    mask = next((each for each in masks if each.shaped[2:4] == page.shaped[2:4]), None)
    if mask is None:
        return None
    samples = _samples(mask)
    if samples is None:
        raise MissingExtra("imagecodecs", "images", "reading the mask of a TIFF")
    missing = samples[..., 0] == 0
    return missing if missing.any() else None
