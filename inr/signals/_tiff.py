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
from inr.signals import _colour, _pillow
from inr.signals._libraries import check_bytes, optional, quiet_logger, reading, silent_stderr
from inr.signals._picture import Picture, described, unpacked

_ORIENTATION, _ICC, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 274, 34675, 282, 283, 296
_UNITS_AN_INCH = {2: 1.0, 3: 2.54}  # of inches and centimetres
_DESCRIPTION, _EXIF_IFDS = 270, (0x8769, 0x8825)
_TOLD_BY_EXIF = (_DESCRIPTION, 271, 272, 306, 315, 33432, *_EXIF_IFDS)  # make, model, time, artist, copyright
_WRITERS_OWN = ("{", "ImageJ=", "<?xml", "<OME")  # what programs write about their files into a description
_GEOTIFF = {
    33550: "ModelPixelScale", 33922: "ModelTiepoint", 34264: "ModelTransformation", 34735: "GeoKeyDirectory",
    34736: "GeoDoubleParams", 34737: "GeoAsciiParams", 42112: "GDAL_METADATA",
}  # fmt: skip
_CONVERTED = ("SEPARATED", "CIELAB")  # to sRGB: the profile was of what is gone
_ASSOCIATED, _UNASSOCIATED = 1, 2  # extra samples that are alpha
_COLOURS = {"RGB": 3, "YCBCR": 3, "CIELAB": 3, "SEPARATED": 4, "LINEAR_RAW": 3}
_GREYS = ("MINISBLACK", "MINISWHITE", "PALETTE", "MASK")
_JPEG, _OLD_JPEG = (7, 33007, 34892), 6
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
        meta = _meta(path, page, pixels.shape[2], turned=orientation != 1)
        return Picture(pixels, meta, None if missing is None else _pillow.turned(missing, orientation))


def write(path: Path, image: np.ndarray, meta: Mapping[str, Any]) -> None:
    """Write (H, W, C) of any type and number of channels, and what `meta` says, see `Picture`."""
    import tifffile

    channels = image.shape[2]
    layout = _usual_layout(channels) | meta.get("tiff", {})
    planar = bool(layout.get("planar")) and channels > 1
    data = np.moveaxis(image, -1, 0) if planar else image if channels > 1 else image[..., 0]
    exif = _exif(meta)
    options: dict[str, Any] = {}
    if channels > 1:
        options = {"planarconfig": "separate" if planar else "contig", "extrasamples": layout["extrasamples"]}
    if "dpi" in meta:
        options |= {"resolution": tuple(meta["dpi"]), "resolutionunit": "INCH"}
    if "icc" in meta:
        options["iccprofile"] = unpacked(meta["icc"])
    tags = [*_geo_tags(meta.get("geotiff", {})), *_exif_tags(exif)]
    tifffile.imwrite(
        path, data, photometric=layout["photometric"], metadata=None, software=False, extratags=tags, **options
    )
    _append_exif(path, exif)


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
    subsampled = page.is_subsampled and page.compression not in _JPEG
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
    lost = [code for code in _entries(page) if code in _NEEDED and code not in page.tags]
    if lost or max(ends, default=0) > page.parent.filehandle.size:
        raise EOFError


def _entries(page: Any) -> list[int]:
    """The tags of a page's directory in order, those that cannot be read among them."""
    file, form = page.parent.filehandle, page.parent.tiff
    file.seek(page.offset)
    count = int.from_bytes(file.read(form.tagnosize), "little" if form.byteorder == "<" else "big")
    entries = np.frombuffer(file.read(count * form.tagsize), np.uint8).reshape(count, form.tagsize)
    return np.ascontiguousarray(entries[:, :2]).view(form.byteorder + "u2")[:, 0].tolist()


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
    codes = _codes(page, meaning, others.shape[2])
    bits, top = page.bitspersample, 1.0
    if samples.dtype.kind in "ub":
        top = 2.0 ** min(bits if isinstance(bits, int) else 8 * samples.dtype.itemsize, 64) - 1
    if meaning == "PALETTE":
        colour = _looked_up(colour[..., 0], page.colormap)
        others = _to_8_bits(others, top)
    elif top < 255 and samples.dtype.kind in "ub":
        colour, others, top = _to_8_bits(colour, top), _to_8_bits(others, top), 255.0
    if _ASSOCIATED in codes:
        alpha = others[..., codes.index(_ASSOCIATED)]
        colour = _straight(colour, alpha[..., None], top)
    if meaning == "MINISWHITE":
        colour = _negative(colour, round(math.log2(top + 1)))
    elif meaning == "SEPARATED":
        colour = _colour.cmyk_to_rgb(colour, page.tags.valueof(_ICC), top)
    elif meaning == "YCBCR" and page.compression not in _JPEG:
        colour = _colour.ycbcr_to_rgb(colour)
    elif meaning == "CIELAB":
        colour = _from_lab(colour, path)
    return np.concatenate([colour, others], axis=-1) if others.shape[2] else colour


def _codes(page: Any, meaning: str, others: int) -> tuple[int, ...]:
    """What the samples after the colour are: 0 unspecified, 1 associated alpha, 2 unassociated alpha."""
    codes = tuple(int(code) for code in page.extrasamples)[:others]
    if not codes and others == 1 and meaning == "RGB":
        return (_UNASSOCIATED,)  # as all viewers take it
    return codes + (0,) * (others - len(codes))


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


def _from_lab(colour: np.ndarray, path: Path) -> np.ndarray:
    from PIL import Image

    if colour.dtype.itemsize != 1:
        raise InrError(f"{path} holds CIELAB of {colour.dtype}; convert it to RGB first")
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


# What the file says besides


def _meta(path: Path, page: Any, channels: int, *, turned: bool) -> dict[str, Any]:
    icc = None if page.photometric.name in _CONVERTED else page.tags.valueof(_ICC)
    meta = described(channels, icc=icc, exif=_read_exif(path), dpi=_dpi(page, turned=turned))
    layout = _layout(page, channels)
    if layout:
        meta["tiff"] = layout
    geo = {} if turned else {name: value for code, name in _GEOTIFF.items() if (value := _geo_value(page, code))}
    return meta | ({"geotiff": geo} if geo else {})


def _layout(page: Any, channels: int) -> dict[str, Any]:
    """Photometric, extra samples and planes where they are not as usual for so many channels."""
    meaning = "rgb" if page.photometric.name in (*_COLOURS, "PALETTE") and channels >= 3 else "minisblack"
    others = channels - (3 if meaning == "rgb" else 1)
    codes = [_UNASSOCIATED if code == _ASSOCIATED else code for code in _codes(page, meaning.upper(), others)]
    layout = {"photometric": meaning, "extrasamples": codes}
    layout = {} if layout == _usual_layout(channels) else layout
    planar = page.planarconfig == 2 and channels > 1
    return layout | ({"planar": True} if planar else {})


def _usual_layout(channels: int) -> dict[str, Any]:
    if channels in (3, 4):
        return {"photometric": "rgb", "extrasamples": [_UNASSOCIATED] * (channels - 3)}
    return {"photometric": "minisblack", "extrasamples": [_UNASSOCIATED] if channels == 2 else [0] * (channels - 1)}


def _dpi(page: Any, *, turned: bool) -> tuple[float, float] | None:
    unit = _UNITS_AN_INCH.get(int(page.tags.valueof(_RESOLUTION_UNIT, 2)))
    x, y = page.tags.valueof(_X_RESOLUTION), page.tags.valueof(_Y_RESOLUTION)
    if unit is None or x is None or y is None or not (x[1] and y[1]):
        return None
    found = x[0] / x[1] * unit, y[0] / y[1] * unit
    return found[::-1] if turned and int(page.tags.valueof(_ORIENTATION, 1)) >= 5 else found


def _geo_value(page: Any, code: int) -> Any:
    value = page.tags.valueof(code)
    if value is None or isinstance(value, str):
        return value
    numbers = np.atleast_1d(np.asarray(value))
    return numbers.tolist() if numbers.dtype.kind in "iuf" and np.isfinite(numbers).all() else None


def _geo_tags(geo: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Tags as tifffile takes them: code, type, count, value, whether for the first page alone."""
    codes = {name: code for code, name in _GEOTIFF.items()}
    return [
        (codes[name], "s", 0, value.encode(), True)
        if isinstance(value, str)
        else (codes[name], "H" if name == "GeoKeyDirectory" else "d", len(value), value, True)
        for name, value in geo.items()
    ]


def _read_exif(path: Path) -> Any:
    """Who made the picture, when and with what, by the file's first directory."""
    from PIL import Image

    exif = Image.Exif()
    try:
        with path.open("rb") as file:
            exif.load_from_fp(file)
            found = {tag: exif[tag] for tag in _TOLD_BY_EXIF if tag in exif and tag not in _EXIF_IFDS}
            directories = {tag: each for tag in _EXIF_IFDS if (each := exif.get_ifd(tag))}
    except Exception:  # BigTIFF, or damaged: no reason to refuse the pixels
        return None
    if str(found.get(_DESCRIPTION, "")).lstrip().startswith(_WRITERS_OWN):
        del found[_DESCRIPTION]
    kept = Image.Exif()
    kept.update(found | directories)
    return kept


def _exif(meta: Mapping[str, Any]) -> Any:
    from PIL import Image

    exif = Image.Exif()
    if "exif" in meta:
        exif.load(unpacked(meta["exif"]))
    return exif


def _exif_tags(exif: Any) -> list[tuple[Any, ...]]:
    """The texts of EXIF's first directory, and places for the others, under numbers that tifffile leaves alone."""
    texts = [(tag, "s", 0, exif[tag].encode(), True) for tag in _TOLD_BY_EXIF if isinstance(exif.get(tag), str)]
    return texts + [(tag - 1, "I", 1, 0, True) for tag in _EXIF_IFDS if exif.get_ifd(tag)]


def _append_exif(path: Path, exif: Any) -> None:
    """Write EXIF's further directories, which tifffile does not, at the end of the file, and where they are."""
    import tifffile
    from PIL import TiffImagePlugin

    for tag in _EXIF_IFDS:
        if not (values := exif.get_ifd(tag)):
            continue
        with tifffile.TiffFile(path) as written, quiet_logger("tifffile"):
            page, form = written.pages[0], written.tiff
            entry = page.offset + form.tagnosize + _entries(page).index(tag - 1) * form.tagsize
        order: Any = "little" if form.byteorder == "<" else "big"
        with path.open("r+b") as file:
            start = file.seek(0, 2) + file.tell() % 2
            directory = TiffImagePlugin.ImageFileDirectory_v2(
                b"II*\0\0\0\0\0" if order == "little" else b"MM\0*\0\0\0\0"
            )
            for each, value in values.items():
                directory[each] = value
            file.write(bytes(start - file.tell()) + directory.tobytes(start))
            file.seek(entry)
            file.write(tag.to_bytes(2, order))
            file.seek(entry + form.tagsize - form.offsetsize)
            file.write(start.to_bytes(4, order))
