"""What the tables of runs say: compression.md and its plots."""

import statistics
from collections.abc import Sequence

from inr.bench.tables import Row, markdown, number, origin, read
from inr.diagnostics import Series, Subplot, plot
from studies.compression import anchors, curves, latent, published, report_geo, report_latent, report_quantised
from studies.compression.published import RATES
from studies.compression.runs import Settings
from studies.compression.study import Study, average

_SIZE = 8.5, 5.2  # inches
_OURS = "#d9480f", "#89284b", "#391a6d", "#b78c79"
_ANCHORS = "#1d5bd6", "#02a1d9", "#0b788a", "#238636", "#473400", "#1c2028"
_PUBLISHED = "#9aa0a8", "#b78c79", "#c9a227", "#7a5234", "#d490b4", "#8f7fc4", "#5f9ea0", "#545c66"
_MAIN = "mlp"


def write(settings: Settings) -> str:
    """Write compression.md and its plots from the tables that are there; the text."""
    study = Study(read(settings.runs))
    parts = [_head(settings)]
    if study.pictures:
        parts += [_means(study), _check(study), _paired(study), _coin(study), _bd(study)]
        parts += [_images(study), _times(settings, study), _all_runs(study)]
        _draw_rates(study, settings)
    parts += [report_latent.write(settings), report_geo.write(settings), report_quantised.write(settings)]
    text = "\n".join(part for part in parts if part).rstrip() + "\n"
    (settings.results / "compression.md").write_text(text)
    return text


def _head(settings: Settings) -> str:
    machines = []
    for path in (settings.runs, latent.table(settings), settings.geo, settings.quantised):
        if path.exists():
            machines.append(f"{path.name}: {origin(path)}.")
    return "\n".join(
        [
            "# How small and how good",
            "",
            "`python -m studies.compression --data DIR`, from the tables of runs beside this file.",
            *machines,
            "",
            "Bytes are those of complete files, headers included; bpp are bits of the file by pixels. PSNR is that of "
            "decoded 8-bit pictures, clamped and rounded as they are, over all colours; means are of the pictures' "
            "own dB. Seconds are wall time of one run each, Pillow's too on one thread. Of published curves, *real* "
            "means files, *estimated* counts of parameters or entropies without a file; all are means over the 24 "
            "pictures of Kodak.",
            "",
        ]
    )


def _means(study: Study) -> str:
    lines = ["## Mean PSNR at a rate", ""]
    shown = ", ".join(study.pictures)
    lines += [
        f"Pillow's codecs over {len(study.pictures)} pictures ({shown}), their settings' mean points interpolated by "
        "PCHIP over log2 bpp, as the published ones; ours where they were asked for that rate, which they meet from "
        "below.",
        "",
    ]
    rows = []
    for codec in study.codecs:
        steps = study.usual_steps(codec)
        found = [study.rows(codec, steps, f"{rate:g}") for rate in RATES]
        counts = sorted({len({row["picture"] for row in each}) for each in found if each})
        kind = f"real, {'/'.join(map(str, counts))} pictures, {steps:,} steps"
        rows.append([f"**{codec}**", kind, *(number(average(each, "psnr") if each else None) for each in found)])
    for name in study.anchors:
        points = study.mean(name, study.pictures)
        rows.append([name, "real, Pillow", *(number(curves.quality_at(points, rate)) for rate in RATES)])
    for curve in published.CURVES.values():
        values = (number(curves.quality_at(curve.points, rate)) for rate in RATES)
        rows.append([curve.name, f"{curve.kind}, published", *values])
    lines += markdown(["", "kind", *(f"{rate:g} bpp" for rate in RATES)], rows)
    return "\n".join([*lines, "![Kodak](compression_kodak.png)", ""])


def _check(study: Study) -> str:
    """Pillow's codecs here beside what was measured of them over all pictures."""
    rows = []
    for name, expected in published.MEASURED.items():
        if name in study.anchors:
            points = study.mean(name, study.pictures)
            found = [curves.quality_at(points, rate) for rate in RATES]
            told = (
                f"{number(here)} ({there:.2f}, {number(None if here is None else here - there, '+.2f')})"
                for here, there in zip(found, expected, strict=True)
            )
            rows.append([name, *told])
    lines = [
        "## Pillow's codecs, and the same over all 24 pictures",
        "",
        f"dB here, over {len(study.pictures)} pictures; in brackets those over 24, measured apart from this, and the "
        "difference: how much easier or harder the chosen pictures are, where there are fewer.",
        "",
    ]
    return "\n".join([*lines, *markdown(["", *(f"{rate:g} bpp" for rate in RATES)], rows)])


def _paired(study: Study) -> str:
    if not study.codecs:
        return ""
    lines = [
        "## Ours above Pillow's at equal bytes",
        "",
        "dB above a codec at the very size of our file, picture by picture, then the mean; empty where a picture has "
        "no files of the codec around that size.",
        "",
    ]
    rows = []
    for codec in study.codecs:
        steps = study.usual_steps(codec)
        for target in study.targets(codec, steps):
            runs = study.rows(codec, steps, target)
            above = (number(study.beside(runs, name), "+.2f") for name in study.anchors)
            rows.append([codec, target, f"{average(runs, 'bpp'):.4f}", f"{average(runs, 'psnr'):.2f}", *above])
    return "\n".join([*lines, *markdown(["codec", "asked for, bpp", "bpp", "dB", *study.anchors], rows)])


def _coin(study: Study) -> str:
    rows = []
    for rate, decibels in published.COIN.items():
        goal = decibels + published.ABOVE_COIN
        found = study.rows(_MAIN, study.usual_steps(_MAIN), f"{rate:g}") if _MAIN in study.codecs else []
        ours = average(found, "psnr") if found else None
        rows.append(
            [
                f"{rate:g}", f"{decibels:.1f}", f"{goal:.1f}", number(ours),
                number(None if ours is None else ours - goal, "+.2f"), str(len({row["picture"] for row in found})),
            ]
        )  # fmt: skip
    lines = [
        f"## COIN and {published.ABOVE_COIN:g} dB more",
        "",
        "COIN's are published means over 24 pictures, of 16-bit weights without a header; ours are files.",
        "",
    ]
    columns = ["bpp", "COIN, dB", "goal, dB", f"{_MAIN}, dB", "above the goal", "pictures"]
    return "\n".join([*lines, *markdown(columns, rows)])


def _bd(study: Study) -> str:
    if not study.codecs:
        return ""
    rows = []
    for codec in study.codecs:
        steps = study.usual_steps(codec)
        pictures = sorted({row["picture"] for row in study.rows(codec, steps)})
        ours = study.mean(codec, pictures, steps)
        against = [study.mean(name, pictures) for name in study.anchors]
        against += [published.CURVES[name].points for name in published.DRAWN]
        rates = (None if len(ours) < 2 else curves.bd_rate(each, ours) for each in against)
        rows.append(
            [codec, str(len(pictures)), *(number(None if each is None else 100 * each, "+.0f") for each in rates)]
        )
    lines = [
        "## BD-rate in %",
        "",
        "Larger files at equal quality, where both curves have it; below zero ours are smaller. Pillow's over the same "
        "pictures as ours, published ones over 24.",
        "",
    ]
    return "\n".join([*lines, *markdown(["", "pictures", *study.anchors, *published.DRAWN], rows)])


def _images(study: Study) -> str:
    lines = ["## Picture by picture", "", "dB; Pillow's interpolated on each picture's own curve.", ""]
    for rate in RATES:
        rows = []
        for codec in study.codecs:
            steps = study.usual_steps(codec)
            found = study.rows(codec, steps, f"{rate:g}")
            if found:
                own = {
                    name: statistics.fmean(float(row["psnr"]) for row in found if row["picture"] == name)
                    for name in {row["picture"] for row in found}
                }
                rows.append(_by_picture(f"**{codec}**", [own.get(name) for name in study.pictures]))
        for anchor in study.anchors:
            own = [curves.quality_at(study.own(anchor, name), rate) for name in study.pictures]
            rows.append(_by_picture(anchor, own))
        lines += markdown([f"{rate:g} bpp", *study.pictures, "mean"], rows)
    return "\n".join(lines)


def _by_picture(name: str, values: Sequence[float | None]) -> list[str]:
    found = [value for value in values if value is not None]
    mean = statistics.fmean(found) if len(found) == len(values) else None
    return [name, *map(number, values), number(mean)]


def _times(settings: Settings, study: Study) -> str:
    """PSNR over encoding time of the main codec, by runs with several numbers of steps."""
    if _MAIN not in study.codecs:
        return ""
    lines, rows, drawn = [f"## PSNR over encoding time, {_MAIN}", ""], [], []
    for index, target in enumerate(study.targets(_MAIN)):
        by_steps = {steps: study.rows(_MAIN, steps, target) for steps in study.steps(_MAIN)}
        by_steps = {steps: runs for steps, runs in by_steps.items() if runs}
        if len(by_steps) < 2:
            continue
        shared = set.intersection(*({row["picture"] for row in runs} for runs in by_steps.values()))
        points = []
        for steps, runs in by_steps.items():
            kept = [row for row in runs if row["picture"] in shared]
            if kept:
                points.append((average(kept, "encode_s"), average(kept, "psnr")))
                rows.append([target, f"{steps:,}", f"{points[-1][0]:.1f}", f"{points[-1][1]:.2f}", str(len(shared))])
        if points:
            drawn.append(_series(f"{target} bpp", points, _OURS[index % len(_OURS)], 2.2))
    if not drawn:
        return ""
    path = settings.results / "compression_time.png"
    plot([Subplot("", drawn)], path, x_label="encoding, s", y_label="PSNR, dB", size=_SIZE, force=True)
    lines += markdown(["asked for, bpp", "steps", "encoding, s", "dB", "pictures"], rows)
    return "\n".join([*lines, "![PSNR over encoding time](compression_time.png)", ""])


def _all_runs(study: Study) -> str:
    rows = []
    for codec in (*study.codecs, *study.anchors):
        for steps in study.steps(codec) if codec in study.codecs else [None]:
            for target in study.targets(codec, steps):
                rows.append(_mean_row(codec, steps, target, study.rows(codec, steps, target)))
    lines = [
        "## All settings",
        "",
        "Means over pictures. SSIM with its Gaussian window, by scikit-image; MS-SSIM of five scales; both of colours' "
        "own.",
        "",
    ]
    columns = ["codec", "setting", "steps", "pictures", "bytes", "bpp", "dB", "SSIM", "MS-SSIM", "encoding, s"]
    return "\n".join([*lines, *markdown([*columns, "decoding, s"], rows)])


def _mean_row(codec: str, steps: int | None, target: str, runs: Sequence[Row]) -> list[str]:
    scales = average(runs, "ms_ssim") if all(row["ms_ssim"] for row in runs) else None
    return [
        codec, target, number(steps, ","), str(len({row["picture"] for row in runs})),
        f"{average(runs, 'bytes'):,.0f}", f"{average(runs, 'bpp'):.4f}", f"{average(runs, 'psnr'):.2f}",
        f"{average(runs, 'ssim'):.4f}", number(scales, ".4f"), f"{average(runs, 'encode_s'):.3g}",
        f"{average(runs, 'decode_s'):.3g}",
    ]  # fmt: skip


def _draw_rates(study: Study, settings: Settings) -> None:
    """Rate-distortion curves of our codecs, of the anchors and of what was published, whose estimates are dashed."""
    drawn = []
    for index, codec in enumerate(study.codecs):
        steps = study.usual_steps(codec)
        points = study.mean(codec, sorted({row["picture"] for row in study.rows(codec, steps)}), steps)
        drawn.append(_series(codec, points, _OURS[index % len(_OURS)], 2.8))
    for name in study.anchors:
        colour = _ANCHORS[list(anchors.ANCHORS).index(name)]
        drawn.append(_series(f"{name}, Pillow", study.mean(name, study.pictures), colour, 1.6))
    for colour, name in zip(_PUBLISHED, published.DRAWN, strict=True):
        curve = published.CURVES[name]
        told = f"{name}, {curve.kind}, 24 pictures"
        drawn.append(_series(told, curve.points, colour, 1, dashed=curve.kind != "real"))
    subplot = Subplot("", [series for series in drawn if len(series.x)], x_limits=(0, 1.3), y_limits=(22, 40))
    path = settings.results / "compression_kodak.png"
    plot([subplot], path, x_label="bits per pixel", y_label="PSNR, dB", size=_SIZE, force=True)


def _series(label: str, points: curves.Points, colour: str, width: float, *, dashed: bool = False) -> Series:
    xs, ys = zip(*points, strict=True) if points else ((), ())
    return Series(label, xs, ys, "dashed" if dashed else "line", colour, width)
