"""Whether the rates that a fit finds by itself are as good as the best of a sweep.

Fits of crops of pictures, a second of speech and a slice of a brain, of 16,384 samples each, by combinations of
encodings and activations that cover all kinds, with layers of 64 and of 256 units (of complex or two-fold ones as many
as have the same weights). Each combination is fitted with the rates that its parts declare (which are today's
published ones) times 1/4, 1/2, 1, 2, 4 and 8, and with those that `auto` finds: 300 steps of 2,048 samples, one thread.

- `behind`: the best of the six less `auto`, in dB. The aim: at most 0.5 on 90 % of the combinations.
- `ahead`: `auto` less the declared rates.
- `probe`: the share of a fit's seconds that `auto` spent on finding its rates. It is bounded in samples; small
  networks, whose steps cost little more than starting them, spend a larger share of their fraction of a second.

    python -m studies.learning_rates --shared DIR [--only auto]

DIR is a folder with `kodak/`, `div2k_512/`, `audio/` and `volume/` in it. Appends to results/learning_rates.tsv, one
row a fit; fits that are there are not made again. It takes half an hour on one core. The seconds of the rows at hand
are those of a machine that did other things besides.
"""

import argparse
import math
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

import inr
from inr.activations import activations
from inr.bench import machine, tables
from inr.fitting import default_learning_rates, evaluate, make_fitter
from studies import RESULTS

TABLE = RESULTS / "learning_rates.tsv"
CELL = ["encoding", "activation", "width", "signal", "rule"]
COLUMNS = [*CELL, "network", "psnr", "seconds", "probing", "engine", "end"]
STEPS, BATCH = 300, 2_048
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
GAUSSIAN = "fourier:kind=gaussian,sigma=10"
SIDE = 128

# encoding, activation, units a layer, signal
Combination = tuple[str, str, int, str]
COMBINATIONS: list[Combination] = [
    ("identity", "sine", 64, "kodim23"),
    ("identity", "sine", 64, "kodim01"),
    ("identity", "sine", 256, "kodim08"),
    ("identity", "sine", 256, "cat"),
    ("identity", "gabor", 64, "speech"),
    ("identity", "gabor", 64, "brain"),
    ("identity", "gabor", 256, "kodim01"),
    ("identity", "gabor", 256, "div2k"),
    ("identity", "gaussian", 64, "cat"),
    ("identity", "gaussian", 64, "kodim23"),
    ("identity", "gaussian", 256, "brain"),
    ("identity", "gaussian", 256, "kodim08"),
    ("identity", "finer", 64, "div2k"),
    ("identity", "finer", 256, "kodim23"),
    ("identity", "real-gabor", 64, "kodim08"),
    ("identity", "h-siren", 256, "kodim01"),
    ("identity", "laplacian", 64, "cat"),
    ("identity", "sinc", 64, "brain"),
    ("identity", "snake", 64, "div2k"),
    ("identity", "spder", 256, "kodim23"),
    ("identity", "quadratic", 64, "kodim08"),
    ("identity", "hosc", 256, "speech"),
    ("identity", "expsin", 64, "kodim01"),
    ("identity", "multiquadric", 256, "cat"),
    ("identity", "finer-gaussian", 64, "brain"),
    ("identity", "relu", 256, "brain"),
    (GAUSSIAN, "relu", 64, "div2k"),
    (GAUSSIAN, "relu", 256, "kodim23"),
    (GAUSSIAN, "tanh", 64, "div2k"),
    (GAUSSIAN, "gelu", 64, "kodim01"),
    (GAUSSIAN, "sine", 64, "kodim01"),
    ("fourier:kind=gaussian,sigma=5", "gaussian", 256, "kodim08"),
    ("fourier", "softplus", 64, "cat"),
    ("learned-fourier", "relu", 64, "kodim08"),
    ("oneblob", "relu", 256, "speech"),
    ("shifted", "relu", 64, "kodim23"),
    ("hash", "relu", 64, "kodim08"),
    ("hash", "relu", 256, "speech"),
    ("hash", "silu", 256, "kodim23"),
    ("hash", "sine", 256, "div2k"),
    ("hash", "gelu", 64, "speech"),
    ("dense", "relu", 64, "cat"),
    ("dense", "gaussian", 256, "brain"),
    ("triplane", "relu", 256, "cat"),
    ("cp", "relu", 64, "brain"),
    ("vm", "relu", 256, "kodim01"),
]


def signals(shared: Path) -> dict[str, inr.Signal]:
    """The signals by name."""
    pictures = {
        "kodim01": (shared / "kodak" / "kodim01.png", 180, 200),
        "kodim08": (shared / "kodak" / "kodim08.png", 180, 300),
        "kodim23": (shared / "kodak" / "kodim23.png", 120, 180),
        "div2k": (shared / "div2k_512" / "03.png", 200, 200),
        "cat": (Path(__file__).resolve().parents[1] / "examples" / "chelsea.png", 60, 120),
    }
    found = {name: _crop(*place) for name, place in pictures.items()}
    speech = inr.open(shared / "audio" / "librispeech_3s.wav").array[16_000 : 16_000 + SIDE**2]
    found["speech"] = inr.Signal.from_array(speech.copy(), kind="audio", sample_rate=16_000)
    brain = inr.open(shared / "volume" / "mni_icbm152_t1.nii.gz").array[..., 0]
    middle = brain[40 : 40 + SIDE, 40 : 40 + SIDE, brain.shape[2] // 2].astype(np.float32)
    found["brain"] = inr.Signal.from_array(middle / brain.max(), kind="image")
    return found


def _crop(path: Path, row: int, column: int) -> inr.Signal:
    picture = inr.open(path).array[row : row + SIDE, column : column + SIDE]
    return inr.Signal.from_array(picture.copy(), kind="image")


def fitted(signal: inr.Signal, combination: Combination, rule: float | str) -> dict[str, object]:
    """The row of a fit: with a factor of the declared rates, or by the name of a rule."""
    encoding, activation, width, name = combination
    cls = activations.info(activation).cls
    parts = {
        "encoding": encoding,
        "activation": activation,
        "network": f"mlp:depth=3,width={int(width / math.sqrt(cls.planes * cls.maps))}",
    }
    rates: str | Mapping[str, float] = "auto"
    if not isinstance(rule, str):
        with torch.random.fork_rng():
            built = make_fitter(signal, budget=inr.Budget(steps=STEPS), batch=BATCH, **parts).field
        rates = {part: rule * rate for part, rate in default_learning_rates(built).items()}
    fitter = make_fitter(signal, budget=inr.Budget(steps=STEPS), batch=BATCH, learning_rate=rates, **parts)
    *_, end = fitter.run()
    psnr = evaluate(fitter.field, signal, execute=fitter.execute, block=fitter.plan.block)["psnr"]
    network = fitter.choices()["rates"]["network"]
    return {
        "encoding": encoding, "activation": activation, "width": width, "signal": name,
        "rule": rule if isinstance(rule, str) else f"x{rule:g}", "network": f"{network:.3g}", "psnr": f"{psnr:.2f}",
        "seconds": f"{fitter.seconds:.2f}", "probing": f"{end.probing:.3f}", "engine": fitter.engine,
        "end": end.reason,
    }  # fmt: skip


def summary(rows: list[tables.Row]) -> str:
    """What the table comes to."""
    by: dict[tuple[str, ...], dict[str, tables.Row]] = {}
    for row in rows:
        by.setdefault((row["encoding"], row["activation"], row["width"], row["signal"]), {})[row["rule"]] = row
    lines, behind, ahead, spent = [], [], [], []
    for key, found in by.items():
        swept = [float(row["psnr"]) for rule, row in found.items() if rule != "auto"]
        if "auto" not in found or len(swept) < len(FACTORS):
            continue
        auto = found["auto"]
        behind.append(max(swept) - float(auto["psnr"]))
        ahead.append((key[1], float(auto["psnr"]) - float(found["x1"]["psnr"])))
        spent.append((float(auto["probing"]), float(auto["seconds"])))
        lines.append(f"{' '.join(key):62} {auto['psnr']} dB, behind {behind[-1]:+.2f}, ahead {ahead[-1][1]:+.2f}")
    if not behind:
        return "nothing to compare yet"
    three = [gain for activation, gain in ahead if activation in ("sine", "gabor", "gaussian")]
    within = {limit: sum(each <= limit for each in behind) / len(behind) for limit in (0.5, 1.0)}
    long = [probing / seconds for probing, seconds in spent if seconds >= 2]
    lines += [
        f"{len(behind)} combinations: within 0.5 dB {within[0.5]:.0%}, within 1 dB {within[1.0]:.0%}; "
        f"mean behind {statistics.fmean(behind):+.2f}, worst {max(behind):+.2f}",
        f"ahead of the declared rates: {statistics.fmean(gain for _, gain in ahead):+.2f} dB in the mean, "
        f"sine, gabor and gaussian {statistics.fmean(three):+.2f}",
        f"probe: {sum(each for each, _ in spent) / sum(each for _, each in spent):.1%} of all seconds, "
        f"{statistics.median(long):.1%} of fits of 2 s and more (median)",
        f"ended otherwise than by their steps: {sum(row['end'] != 'steps' for row in rows if row['rule'] == 'auto')}",
    ]
    return "\n".join(lines)


def main() -> None:
    """Make what is missing, and say what it comes to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="folder of the data")
    parser.add_argument("--only", choices=("auto", "sweep"), help="fits with found rates, or with factors, alone")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("I", "N"), help="every Nth combination")
    options = parser.parse_args()
    torch.set_num_threads(1)
    there = {tuple(row[column] for column in CELL) for row in tables.read(TABLE)}
    data = signals(options.shared)
    rules: list[float | str] = [] if options.only == "auto" else list(FACTORS)
    rules += [] if options.only == "sweep" else ["auto"]
    begin = time.perf_counter()
    for combination in COMBINATIONS[options.part[0] :: options.part[1]]:
        for rule in rules:
            spelled = rule if isinstance(rule, str) else f"x{rule:g}"
            if (*map(str, combination), spelled) in there:
                continue
            row = fitted(data[combination[3]], combination, rule)
            tables.append(TABLE, COLUMNS, row, machine.describe())
            print(f"{time.perf_counter() - begin:6.0f} s", *row.values(), flush=True)
    print(summary(tables.read(TABLE)))


if __name__ == "__main__":
    main()
