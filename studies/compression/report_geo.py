"""Bytes of maps at equal quality, beside JPEG 2000."""

import math
import statistics

from inr.bench.tables import Row, markdown, number, read
from inr.diagnostics import Series, Subplot, plot
from studies.compression import curves, geo
from studies.compression.curves import Points
from studies.compression.runs import Settings

_LEVELS = (34.0, 35.0, 36.0)
_SIZE = 4.2, 3.2  # inches, of a plot
_SHOWN = (28, 40)  # dB


def write(settings: Settings) -> str:
    """The section, and a plot of each signal; nothing where there are no runs."""
    rows = read(settings.geo)
    names = [name for name in geo.SIGNALS if any(row["signal"] == name for row in rows)]
    if not names:
        return ""
    _draw(rows, names, settings)
    lines = [
        "## Maps",
        "",
        "`--geo`. Temperatures of ERA5, 2 m above ground, on 46 x 90 points (COIN++'s test maps; modified Copernicus "
        "Climate Change Service information); `era5_all` is five of them as one field, stacked for JPEG 2000; "
        "`jacksboro` is an elevation model of 344 x 403. dB against the values in float32, the peak being 1: "
        "COIN++'s range of temperatures, the heights' own.",
        "",
        "JPEG 2000 is a codestream without a container, irreversible, from 16 bits, scanned over its rates. `trimmed` "
        "ones lack the encoder's comment (39 bytes) and have 3 to 6 resolutions, whichever is best: what "
        "one can do about the header without another encoder. Bytes are interpolated by their logarithm between the "
        "files on the lower hull of sizes; ratios are of the smaller of ours, below 1 where they are smaller.",
        "",
    ]
    lines += [f"`latent` is fitted as by `--preset {geo.LATENT_PRESET}`, and has no steps of its own.", ""]
    for level in _LEVELS:
        lines += _level(rows, names, level)
    lines += ["Headers, in bytes:", "", *_headers(rows, names), "Our files:", "", *_ours(rows)]
    return "\n".join([*lines, "![Maps](compression_geo.png)", ""])


def _points(rows: list[Row], name: str, codec: str) -> Points:
    """Bytes and dB, the best of several seeds and steps not picked out: means of each target and number of steps."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if (row["signal"], row["codec"]) == (name, codec):
            found.setdefault((row["target"], row["steps"]), []).append(row)
    steps = max((int(key[1]) for key in found if key[1]), default=None)
    return [
        (statistics.fmean(float(row["bytes"]) for row in each), statistics.fmean(float(row["psnr"]) for row in each))
        for key, each in found.items()
        if steps is None or key[1] == str(steps)  # of our codecs the longest fits
    ]


def _level(rows: list[Row], names: list[str], level: float) -> list[str]:
    told, ratios = [], []
    for name in names:
        mlp, latent, *theirs = (
            curves.size_at(_points(rows, name, codec), level)
            for codec in (geo.codec(name), geo.LATENT, geo.JP2, geo.TRIMMED)
        )
        ours = min((each for each in (mlp, latent) if each is not None), default=None)
        quotients = [None if ours is None or each is None else ours / each for each in theirs]
        if name in geo.MAPS and None not in quotients:
            ratios.append(quotients)
        sizes = (number(each, ",.0f") for each in (mlp, latent, *theirs))
        told.append([name, *sizes, *(number(each) for each in quotients)])
    if ratios:
        means = (f"{math.exp(statistics.fmean(map(math.log, column))):.2f}" for column in zip(*ratios, strict=True))
        told.append([f"geometric mean of {len(ratios)} maps", "", "", "", "", *means])
    columns = [f"bytes at {level:g} dB", "mlp", geo.LATENT, geo.JP2, geo.TRIMMED, "ratio", "ratio to trimmed"]
    return markdown(columns, told)


def _headers(rows: list[Row], names: list[str]) -> list[str]:
    told = []
    for name in names:
        sizes = []
        for codec in (geo.codec(name), geo.LATENT, geo.JP2, geo.TRIMMED):
            found = sorted({int(row["header"]) for row in rows if (row["signal"], row["codec"]) == (name, codec)})
            sizes.append("" if not found else f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}")
        told.append([name, *sizes])
    return markdown(["", "mlp", geo.LATENT, geo.JP2, geo.TRIMMED], told)


def _ours(rows: list[Row]) -> list[str]:
    columns = ("signal", "codec", "target", "bytes", "header", "psnr", "encode_s", "decode_s", "steps", "seed")
    return markdown(
        [
            "signal",
            "codec",
            "asked for",
            "bytes",
            "of these header",
            "dB",
            "encoding, s",
            "decoding, s",
            "steps",
            "seed",
        ],
        ([row[column] for column in columns] for row in rows if row["steps"]),
    )


def _draw(rows: list[Row], names: list[str], settings: Settings) -> None:
    """A plot a signal, two in a row."""
    subplots = []
    for name in names:
        codecs = ("mlp", geo.codec(name)), (geo.LATENT, geo.LATENT), ("JPEG 2000", geo.JP2), ("trimmed", geo.TRIMMED)
        points = {label: _hull(_points(rows, name, codec)) for label, codec in codecs}
        shown = [size for hull in points.values() for size, psnr in hull if _SHOWN[0] <= psnr <= _SHOWN[1]]
        drawn = [
            Series(label, *zip(*sorted(hull), strict=True), width=2.2 if label in ("mlp", geo.LATENT) else 1.4)
            for label, hull in points.items()
            if hull
        ]
        subplots.append(Subplot(name, drawn, x_limits=(0, max(shown, default=1.0)), y_limits=_SHOWN))
    path = settings.results / "compression_geo.png"
    plot(subplots, path, x_label="bytes of the file", y_label="PSNR, dB", columns=2, size=_SIZE, force=True)


def _hull(points: Points) -> Points:
    """Without points that are no better than a smaller one."""
    kept: list[tuple[float, float]] = []
    for size, decibels in sorted(points):
        if not kept or decibels > kept[-1][1]:
            kept.append((size, decibels))
    return kept
