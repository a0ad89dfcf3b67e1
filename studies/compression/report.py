"""What the tables of runs say: compression.md and its plots."""

import math
import statistics
from collections.abc import Sequence

from inr.bench.tables import Row, markdown, number, origin, read
from studies import plots
from studies.compression import anchors, curves, published, report_geo, report_quantised
from studies.compression.published import RATES
from studies.compression.runs import Settings
from studies.compression.study import Study, average

_SIZE = (760, 560)
_MAIN = "mlp"


def write(settings: Settings) -> str:
    """Write compression.md and its plots from the tables that are there; the text."""
    study = Study(read(settings.runs))
    parts = [_head(settings)]
    if study.pictures:
        parts += [_means(study), _check(study), _paired(study), _coin(study), _bd(study)]
        parts += [_images(study), _times(settings, study), _all_runs(study)]
        _rates_plot(study).save(settings.results / "compression_kodak.png")
    parts += [report_geo.write(settings), report_quantised.write(settings)]
    text = "\n".join(part for part in parts if part).rstrip() + "\n"
    (settings.results / "compression.md").write_text(text)
    return text


def _head(settings: Settings) -> str:
    machines = []
    for path in (settings.runs, settings.geo, settings.quantised):
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
            drawn.append(plots.Line(f"{target} bpp", points, plots.OURS[index % len(plots.OURS)], 2.4))
    if not drawn:
        return ""
    seconds = [x for line in drawn for x, _ in line.points]
    decibels = [y for line in drawn for _, y in line.points]
    spans = (0.0, 1.05 * max(seconds)), (math.floor(min(decibels)), math.ceil(max(decibels)))
    plots.draw(drawn, _SIZE, *spans, x_unit="s", y_unit="dB").save(settings.results / "compression_time.png")
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


def _rates_plot(study: Study) -> plots.Image.Image:
    lines = []
    for index, codec in enumerate(study.codecs):
        steps = study.usual_steps(codec)
        points = study.mean(codec, sorted({row["picture"] for row in study.rows(codec, steps)}), steps)
        if points:
            lines.append(plots.Line(codec, points, plots.OURS[index % len(plots.OURS)], 3))
    for name in study.anchors:
        colour = plots.ANCHORS[list(anchors.ANCHORS).index(name)]
        lines.append(plots.Line(f"{name}, Pillow", study.mean(name, study.pictures), colour, 1.8))
    for colour, name in zip(plots.PUBLISHED, published.DRAWN, strict=True):
        curve = published.CURVES[name]
        told = f"{name.replace('ü', 'ue')}, {curve.kind}, 24 pictures"  # the font has no ü
        lines.append(plots.Line(told, curve.points, colour, 1, dashed=curve.kind != "real"))
    return plots.draw([line for line in lines if line.points], _SIZE, (0, 1.3), (22, 40), x_unit="bpp", y_unit="dB")
