"""What the table of codec `latent` says, beside Pillow's codecs and published ones."""

import statistics
from collections.abc import Sequence
from typing import Any

from inr.bench.tables import Row, markdown, number, read
from inr.diagnostics import Series, Subplot, plot
from studies.compression import curves, latent, published
from studies.compression.runs import Settings
from studies.compression.study import Study, average

_AVIF = "avif 4:4:4"
_BESIDE = _AVIF, "jpeg 2000", "webp", "jpeg 4:2:0"
_SIZE = 8.5, 5.2  # inches
_OURS = {"fast": "#e8890c", "default": "#d9480f", "best": "#89284b"}
_COLOURS = "#1d5bd6", "#0b788a", "#238636", "#1c2028"
_PUBLISHED = {"Cool-Chic 5.0": "#8f7fc4", "VTM": "#9aa0a8"}


def write(settings: Settings) -> str:
    """The section, with its plot; nothing where there are no runs."""
    rows = read(latent.table(settings))
    if not rows:
        return ""
    beside = read(settings.runs)
    study = Study([*beside, *map(_as_run, rows)])
    presets = [preset for preset in latent.PRESETS if study.rows(_name(preset))]
    fewest = min(presets, key=lambda preset: len(_runs_of(rows, preset)))
    shared = [row for row in rows if (row["picture"], row["quality"]) in _runs_of(rows, fewest)]
    narrow = Study([*beside, *map(_as_run, shared)]) if len(shared) < len(rows) else None
    lines = [
        "## Codec latent",
        "",
        "`python -m studies.compression latent --preset PRESET --data DIR`.",
        "",
        "Qualities stand for weights of the rate, as in the published files; so bytes are as each picture needs them. "
        "BD-rate is by the pictures' own curves, of PSNR over bits a pixel, against AVIF of Pillow at speed 4 "
        "without subsampled colours: below zero our files are smaller at equal dB.",
        "",
        *_rates(study, presets, narrow, fewest),
        *_settings(rows, presets),
    ]
    _draw([study] if narrow is None else [study, narrow], presets, settings)
    return "\n".join([*lines, "![codec latent](compression_latent.png)", ""])


def _runs_of(rows: Sequence[Row], preset: str) -> set[tuple[str, str]]:
    """Pictures and qualities that a preset was run at."""
    return {(row["picture"], row["quality"]) for row in rows if row["preset"] == preset}


def _as_run(row: Row) -> Row:
    return row | {"codec": _name(row["preset"]), "target": row["quality"], "steps": ""}


def _name(preset: str) -> str:
    return f"latent, {preset}"


def _rates(study: Study, presets: Sequence[str], narrow: Study | None, fewest: str) -> list[str]:
    """BD-rates by picture, and their means beside published ones; again over what the preset with fewest runs has."""
    told = [[f"**{preset}**", *_rates_of(study, preset)] for preset in presets]
    if narrow is not None:
        rest = [preset for preset in presets if preset != fewest]
        told += [[f"{preset}, runs that {fewest} has too", *_rates_of(narrow, preset)] for preset in rest]
    columns = ["BD-rate, %", *study.pictures, "mean", *(f"mean against {name}" for name in _BESIDE[1:])]
    lines = markdown(columns, told)
    lines += [
        "Published ones against the same AVIF, over all 24 pictures of Kodak, of the mean curves: "
        + ", ".join(f"{name} {rate:+.0f} %" for name, rate in published.AGAINST_AVIF.items())
        + ".",
        "",
    ]
    return lines


def _rates_of(study: Study, preset: str) -> list[str]:
    """A preset's BD-rate by picture, their mean, and the means against other codecs."""
    pictures = sorted({row["picture"] for row in study.rows(_name(preset))})
    found = {name: _bd(study, preset, name, _AVIF) for name in study.pictures if name in pictures}
    others = [_mean([_bd(study, preset, name, other) for name in pictures]) for other in _BESIDE[1:]]
    own = [found.get(name) for name in study.pictures]
    known = [rate for rate in found.values() if rate is not None]
    return [*map(_percent, own), _percent(_mean(known)), *map(_percent, others)]


def _bd(study: Study, preset: str, picture: str, other: str) -> float | None:
    ours, theirs = study.own(_name(preset), picture), study.own(other, picture)
    return curves.bd_rate(theirs, ours) if len(ours) > 1 and len(theirs) > 1 else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def _percent(value: float | None) -> str:
    return number(None if value is None else 100 * value, "+.1f")


def _settings(rows: Sequence[Row], presets: Sequence[str]) -> list[str]:
    """Means over pictures of every preset and quality."""
    told = []
    for preset in presets:
        qualities = sorted({row["quality"] for row in rows if row["preset"] == preset}, key=float)
        for quality in qualities:
            runs = [row for row in rows if (row["preset"], row["quality"]) == (preset, quality)]
            scales = average(runs, "ms_ssim") if all(row["ms_ssim"] for row in runs) else None
            told.append(
                [
                    preset, quality, str(len({row["picture"] for row in runs})), f"{average(runs, 'bytes'):,.0f}",
                    f"{average(runs, 'networks'):,.0f}", f"{average(runs, 'bpp'):.4f}", f"{average(runs, 'psnr'):.2f}",
                    f"{average(runs, 'ssim'):.4f}", number(scales, ".4f"), f"{average(runs, 'steps'):,.0f}",
                    number(_timed(runs, "encode_s"), ".0f"), number(_timed(runs, "decode_s")),
                ]
            )  # fmt: skip
    columns = ["preset", "quality", "pictures", "bytes", "of networks", "bpp", "dB", "SSIM", "MS-SSIM", "steps"]
    return markdown([*columns, "encoding, s", "decoding, s"], told)


def _timed(rows: Sequence[Row], column: str) -> float | None:
    """The mean of times, over the runs that were timed."""
    timed = [row for row in rows if row[column]]
    return average(timed, column) if timed else None


def _draw(studies: Sequence[Study], presets: Sequence[str], settings: Settings) -> None:
    """Mean curves over equal pictures: over all of them, with published ones, and over those that every preset has."""
    subplots = []
    for index, study in enumerate(studies):
        pictures = sorted({row["picture"] for row in study.rows(_name(presets[0]))})
        drawn = [
            _series(f"latent, {preset}", study.mean(_name(preset), pictures), _OURS[preset], 2.6) for preset in presets
        ]
        for name, colour in zip(_BESIDE, _COLOURS, strict=True):
            drawn.append(_series(f"{name}, Pillow", study.mean(name, pictures), colour, 1.5))
        if index == 0:
            for name, colour in _PUBLISHED.items():
                drawn.append(_series(f"{name}, 24 pictures", published.CURVES[name].points, colour, 1.2))
        series = [each for each in drawn if len(each.x)]
        limits: dict[str, Any] = {"x_limits": (0, 1.5), "y_limits": (24, 42)}
        subplots.append(Subplot(f"{len(pictures)} pictures: {', '.join(pictures)}", series, **limits))
    path = settings.results / "compression_latent.png"
    plot(subplots, path, columns=1, x_label="bits per pixel", y_label="PSNR, dB", size=_SIZE, force=True)


def _series(label: str, points: curves.Points, colour: str, width: float) -> Series:
    xs, ys = zip(*points, strict=True) if points else ((), ())
    return Series(label, xs, ys, "line", colour, width)
