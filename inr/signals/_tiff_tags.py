"""What a TIFF says besides its pixels, as the meta of a picture, and back: layout, resolution, EXIF, GeoTIFF."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from inr.signals._libraries import quiet_logger
from inr.signals._missing import nan_samples
from inr.signals._picture import described, unpacked

_ORIENTATION, _ICC, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 274, 34675, 282, 283, 296
_UNITS_AN_INCH = {2: 1.0, 3: 2.54}  # of inches and centimetres
_DESCRIPTION, _EXIF_IFDS = 270, (0x8769, 0x8825)
_TOLD_BY_EXIF = (_DESCRIPTION, 271, 272, 306, 315, 33432, *_EXIF_IFDS)  # make, model, time, artist, copyright
_WRITERS_OWN = ("{", "ImageJ=", "<?xml", "<OME")  # what programs write about their files into a description
_GEOTIFF = {
    33550: "ModelPixelScale", 33922: "ModelTiepoint", 34264: "ModelTransformation", 34735: "GeoKeyDirectory",
    34736: "GeoDoubleParams", 34737: "GeoAsciiParams", 42112: "GDAL_METADATA",
}  # fmt: skip
_NODATA = 42113  # GDAL's
_MAX_GEO = 1 << 16  # bytes of one of them; a header has no room for more
_CONVERTED = ("SEPARATED", "CIELAB")  # to sRGB: the profile was of what is gone
_OF_COLOURS = ("RGB", "YCBCR", "LINEAR_RAW", "PALETTE", *_CONVERTED)
ASSOCIATED, UNASSOCIATED = 1, 2  # extra samples that are alpha


def extra_codes(page: Any, meaning: str, others: int) -> tuple[int, ...]:
    """What the samples after the colour are: 0 unspecified, 1 associated alpha, 2 unassociated alpha."""
    codes = tuple(int(code) for code in page.extrasamples)[:others]
    if not codes and others == 1 and meaning == "RGB":
        return (UNASSOCIATED,)  # as all viewers take it
    return codes + (0,) * (others - len(codes))


def entries(page: Any) -> list[int]:
    """The tags of a page's directory in order, those that cannot be read among them."""
    file, form = page.parent.filehandle, page.parent.tiff
    file.seek(page.offset)
    count = int.from_bytes(file.read(form.tagnosize), "little" if form.byteorder == "<" else "big")
    entries = np.frombuffer(file.read(count * form.tagsize), np.uint8).reshape(count, form.tagsize)
    return np.ascontiguousarray(entries[:, :2]).view(form.byteorder + "u2")[:, 0].tolist()


def meta_of(path: Path, page: Any, channels: int, *, turned: bool) -> dict[str, Any]:
    """The meta of a picture of so many channels; a place on Earth is that of pixels which were not turned."""
    icc = None if page.photometric.name in _CONVERTED else page.tags.valueof(_ICC)
    meta = described(channels, icc=icc, exif=_read_exif(path), dpi=_dpi(page, turned=turned))
    layout = _layout(page, channels)
    if layout:
        meta["tiff"] = layout
    if (nodata := _nodata(page.tags.valueof(_NODATA))) is not None:
        meta["nodata"] = nodata
    geo = {} if turned else {name: value for code, name in _GEOTIFF.items() if (value := _geo_value(page, code))}
    return meta | ({"geotiff": geo} if geo else {})


def _layout(page: Any, channels: int) -> dict[str, Any]:
    """Photometric, extra samples and planes where they are not as usual for so many channels."""
    meaning = "rgb" if page.photometric.name in _OF_COLOURS and channels >= 3 else "minisblack"
    others = channels - (3 if meaning == "rgb" else 1)
    codes = [UNASSOCIATED if code == ASSOCIATED else code for code in extra_codes(page, meaning.upper(), others)]
    layout = {"photometric": meaning, "extrasamples": codes}
    layout = {} if layout == usual_layout(channels) else layout
    planar = page.planarconfig == 2 and channels > 1
    return layout | ({"planar": True} if planar else {})


def usual_layout(channels: int) -> dict[str, Any]:
    """How a picture of so many channels is written where its meta says nothing else."""
    if channels in (3, 4):
        return {"photometric": "rgb", "extrasamples": [UNASSOCIATED] * (channels - 3)}
    return {"photometric": "minisblack", "extrasamples": [UNASSOCIATED] if channels == 2 else [0] * (channels - 1)}


def _dpi(page: Any, *, turned: bool) -> tuple[float, float] | None:
    unit = _UNITS_AN_INCH.get(int(page.tags.valueof(_RESOLUTION_UNIT, 2)))
    x, y = page.tags.valueof(_X_RESOLUTION), page.tags.valueof(_Y_RESOLUTION)
    fractions = all(isinstance(each, tuple) and len(each) == 2 and each[1] for each in (x, y))
    if unit is None or not fractions:
        return None
    found = x[0] / x[1] * unit, y[0] / y[1] * unit
    return found[::-1] if turned and int(page.tags.valueof(_ORIENTATION, 1)) >= 5 else found


def _geo_value(page: Any, code: int) -> Any:
    value = page.tags.valueof(code)
    if value is None or isinstance(value, str):
        return value if len(value or "") <= _MAX_GEO else None
    numbers = np.atleast_1d(np.asarray(value))
    kept = numbers.dtype.kind in "iuf" and numbers.nbytes <= _MAX_GEO and np.isfinite(numbers).all()
    return numbers.tolist() if kept else None


def _nodata(text: Any) -> float | None:
    """What stands for missing samples, as GDAL writes it; None where nothing does, or NaN, which always does."""
    try:
        value = float(str(text).strip().rstrip("\0"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def nodata_tags(meta: Mapping[str, Any], image: np.ndarray) -> list[tuple[Any, ...]]:
    """The tag that says what stands for missing samples of an image (H, W, C), if something does."""
    value = meta.get("nodata", None if nan_samples(image) is None else math.nan)
    if value is None:
        return []
    return [(_NODATA, "s", 0, f"{value:.17g}" if value != value or value % 1 else f"{value:.0f}", True)]


def geo_tags(geo: Mapping[str, Any]) -> list[tuple[Any, ...]]:
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


def exif_of(meta: Mapping[str, Any]) -> Any:
    from PIL import Image

    exif = Image.Exif()
    if "exif" in meta:
        exif.load(unpacked(meta["exif"]))
    return exif


def exif_tags(exif: Any) -> list[tuple[Any, ...]]:
    """The texts of EXIF's first directory, and places for the others, under numbers that tifffile leaves alone."""
    texts = [
        (tag, "s", 0, exif[tag].encode("latin-1"), True) for tag in _TOLD_BY_EXIF if isinstance(exif.get(tag), str)
    ]
    return texts + [(tag - 1, "I", 1, 0, True) for tag in _EXIF_IFDS if exif.get_ifd(tag)]


def append_exif(path: Path, exif: Any) -> None:
    """Write EXIF's further directories, which tifffile does not, at the end of the file, and where they are."""
    import tifffile
    from PIL import TiffImagePlugin

    for tag in _EXIF_IFDS:
        if not (values := exif.get_ifd(tag)):
            continue
        with tifffile.TiffFile(path) as written, quiet_logger("tifffile"):
            page, form = written.pages[0], written.tiff
            entry = page.offset + form.tagnosize + entries(page).index(tag - 1) * form.tagsize
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
