"""What is lost where the weights of a fitted field are rounded to a quarter of their half floats."""

import statistics

from compressed import quantised
from compressed.markdown import table
from compressed.runs import Settings
from compressed.tables import Row, read


def write(settings: Settings) -> str:
    """The section; nothing where there are no runs."""
    rows = read(settings.quantised)
    groups: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        groups.setdefault((row["picture"], row["steps"], row["seed"]), {})[row["way"]] = row
    *cheap, on = quantised.WAYS
    complete = {key: group for key, group in groups.items() if set(group) >= set(cheap)}
    if not complete:
        return ""
    told, losses = [], []
    for (picture, steps, seed), group in complete.items():
        sizes = {way: int(row["bytes"]) for way, row in group.items()}
        decibels = {way: float(row["psnr"]) for way, row in group.items()}
        ours = "rounded while fitted"
        lost = [decibels[way] - decibels[ours] for way in ("float16", on) if way in group]
        losses.append([sizes["float16"] / sizes[ours], lost[0]])
        told.append(
            [
                picture, steps, seed, f"{2 * int(group['float16']['weights']):,}",
                *(f"{sizes[way]:,} ({decibels[way]:.2f})" if way in group else "" for way in quantised.WAYS[1:]),
                f"{losses[-1][0]:.2f}", *(f"{each:+.2f}" for each in lost), *[""] * (2 - len(lost)),
            ]
        )  # fmt: skip
    ratio, lost = (statistics.fmean(column) for column in zip(*losses, strict=True))
    told.append(["mean", *[""] * 7, f"{ratio:.2f}", f"{lost:+.2f}", ""])
    setup = quantised.SETUP
    lines = [
        "## Quantising a fitted field",
        "",
        f"`--quantised`. SIREN (`{setup.network}`, `{setup.activation}`, `{setup.encoding}`), fitted to each picture. "
        "Then its weights as float16, entropy-coded in the best of some obvious ways; and as integers that take at "
        "most a quarter of those bytes, once at once and once while fitting goes on for "
        f"{quantised.ON} times as many steps. As going on helps floats too, they are also fitted on for as many "
        "steps, by the same optimiser and rates. Bytes are of the weights, without a "
        "header; dB in brackets.",
        "",
    ]
    columns = ["", "steps", "seed", "2 bytes a weight", *quantised.WAYS[1:], "float16 by rounded, bytes"]
    return "\n".join([*lines, *table([*columns, "dB lost", "dB lost, both fitted on"], told)])
