"""What is lost where the weights of a fitted field are rounded to a quarter of their half floats."""

import statistics

from inr.bench.tables import Row, markdown, read
from studies.compression import quantised
from studies.compression.quantised import FITTED_ON as ON
from studies.compression.runs import Settings


def write(settings: Settings) -> str:
    """The section; nothing where there are no runs."""
    plain: dict[tuple[str, ...], dict[str, Row]] = {}
    fitted: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in read(settings.quantised):
        fit = tuple(row[name] for name in quantised.FIT)
        group = fitted.setdefault((*fit, row["on"]), {}) if row["way"] in ON else plain.setdefault(fit, {})
        group[row["way"]] = row
    told, losses = [], {}
    for key in sorted(fitted, key=lambda key: (key[0], int(key[-1]))):
        *fit, times = key
        picture, steps, seed = fit
        group = plain.get(tuple(fit), {}) | fitted[key]
        if not set(group) >= set(quantised.WAYS[:-1]):
            continue
        sizes = {way: int(row["bytes"]) for way, row in group.items()}
        decibels = {way: float(row["psnr"]) for way, row in group.items()}
        ours, floats = ON
        lost = [decibels[way] - decibels[ours] for way in ("float16", floats) if way in group]
        ratio = sizes["float16"] / sizes[ours]
        losses[tuple(fit)] = ratio, lost[0]
        told.append(
            [
                picture, steps, times, seed, f"{2 * int(group['float16']['weights']):,}",
                *(f"{sizes[way]:,} ({decibels[way]:.2f})" if way in group else "" for way in quantised.WAYS[1:]),
                f"{ratio:.2f}", *(f"{each:+.2f}" for each in lost), *[""] * (2 - len(lost)),
            ]
        )  # fmt: skip
    if not told:
        return ""
    ratio, lost = (statistics.fmean(column) for column in zip(*losses.values(), strict=True))
    told.append(["mean of the longest", *[""] * 8, f"{ratio:.2f}", f"{lost:+.2f}", ""])
    setup = quantised.SETUP
    lines = [
        "## Quantising a fitted field",
        "",
        f"`--quantised`. SIREN (`{setup.network}`, `{setup.activation}`, `{setup.encoding}`), fitted to each picture. "
        "Then its weights as float16, entropy-coded in the best of some obvious ways; and as integers that take at "
        "most a quarter of those bytes, once at once and once while fitting goes on for several times as many steps. "
        "As going on helps floats too, they are also fitted on for as many steps, by the same optimiser and rates. "
        "Bytes are of the weights, without a header; dB in brackets.",
        "",
    ]
    columns = ["", "steps", "times on", "seed", "2 bytes a weight", *quantised.WAYS[1:], "float16 by rounded, bytes"]
    return "\n".join([*lines, *markdown([*columns, "dB lost", "dB lost, both fitted on"], told)])
