"""What signals of one sort teach: steps to a quality from shared layers, three steps of MAML, and codes by their size.

    python -m studies.priors --shared DIR [--only starts|maml|reptile|codes] [--threads 2]

- `starts`: steps of Adam until a held-out signal is at 30 and at 35 dB, from random weights and from the trunk, with
  the rate and the frequency of the sines swept for both; the best of each are what is compared. `learning` are the
  processor's seconds that the trunk took, without compiling; `psnr` is that after 10 steps.
- `maml`, `reptile`: PSNR of held-out faces after one to three, or twelve, steps of gradient descent.
- `codes`: PSNR of held-out faces by method modulated with so many latents, and by as many principal components.

Faces are the 100 of scikit-image's `lfw_subset`, 25 x 25 grey, of which 20 are held out. Crops are of 48 x 48 pixels in
colour: four of each of Kodak's first 16 pictures are learned from, and one of each of the other 8, and of 6 of DIV2K,
is held out, so that no picture is on both sides. All fields are sine networks of 3 x 64.

Each row of results/priors.tsv is kept as it ends and not made again; results/priors.md is written from all. Takes ten
minutes of two processor cores.
"""

import argparse
import functools
import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch

import inr
from inr.bench import machine
from inr.bench.tables import Ledger, Row, markdown, origin, read
from inr.field import Field
from inr.fitting import Group, make_optimiser
from inr.priors import Base, Collection, Learning, collect
from inr.priors._inner import adam, errors, values_of
from studies import RESULTS

TABLE = RESULTS / "priors.tsv"
COLUMNS = ["part", "data", "start", "omega", "rate", "steps_30", "steps_35", "psnr", "learning", "at_least"]
NETWORK = "mlp:depth=3,width=64"
OMEGAS = (30, 45, 60)
RATES = (3e-4, 5e-4, 7e-4, 1e-3, 1.4e-3, 2e-3, 2.8e-3)
MOST_STEPS = 60
MAML_STEPS = (100, 300)
LATENTS = (4, 8, 16, 32, 64, 128)
Data = tuple[Collection, Collection]


def faces() -> Data:
    """80 to learn from and 20 that are held out."""
    found = importlib.util.find_spec("skimage")
    assert found is not None
    assert found.origin is not None
    images = np.load(Path(found.origin).parent / "data" / "lfw_subset.npy")[:100].astype(np.float32)
    everything = collect(list(images))
    return everything.part(range(80)), everything.part(range(80, 100))


def crops(shared: Path) -> Data:
    """64 to learn from, and 14 of other pictures."""
    draw = np.random.default_rng(0)

    def cut(path: Path, count: int) -> list[np.ndarray]:
        picture = inr.open(path).array
        places = [draw.integers(0, np.array(picture.shape[:2]) - 48) for _ in range(count)]
        return [picture[y : y + 48, x : x + 48] for y, x in places]

    kodak = sorted((shared / "kodak").glob("*.png"))
    others = [*kodak[16:], *sorted((shared / "div2k_512").glob("*.png"))[:6]]
    learned = [crop for path in kodak[:16] for crop in cut(path, 4)]
    return collect(learned), collect([crop for path in others for crop in cut(path, 1)])


def steps_to(field: Field, own: dict[str, torch.Tensor], held: Collection, rate: float) -> Row:
    """Mean steps of Adam until each signal is at 30 and at 35 dB, all signals at once, each by itself."""
    coords = held.signal(0).coords(torch.arange(held.targets.shape[1]))
    own = {name: each.detach().clone() for name, each in own.items()}
    optimiser = make_optimiser([Group("network", own, rate)])
    levels = []
    for step in range(MOST_STEPS + 1):
        given = {name: each.detach().requires_grad_(True) for name, each in own.items()}
        loss = errors(values_of(field, {}, given, coords), held.targets)
        levels.append(10 * torch.log10(4 / loss.detach()))
        if step >= 10 and bool((torch.stack(levels).amax(0) >= 35).all()):
            break
        if step < MOST_STEPS:
            optimiser.step(dict(zip(own, torch.autograd.grad(loss.sum(), list(given.values())), strict=True)))
    reached = torch.stack(levels)

    def mean_steps(level: float) -> str:
        first = torch.where((reached >= level).any(0), (reached >= level).int().argmax(0), MOST_STEPS)
        return f"{first.float().mean():.2f}"

    return {"steps_30": mean_steps(30), "steps_35": mean_steps(35), "psnr": f"{reached[10].mean():.2f}"}


def from_random(held: Collection, omega: int, rate: float) -> Row:
    """From weights drawn for each signal."""
    fields = []
    for seed in range(len(held)):
        torch.manual_seed(seed)
        fields.append(Field.build(held.domain, activation=f"sine:omega={omega}", network=NETWORK))
    states = [each.state_dict() for each in fields]
    return steps_to(fields[0], {name: torch.stack([each[name] for each in states]) for name in states[0]}, held, rate)


def trunk_of(signals: Collection, omega: int, engine: str) -> tuple[Base, float]:
    """The layers that signals share, and the seconds that they took."""
    learning = _learning(signals, "trunk", engine, activation=f"sine:omega={omega}")
    seconds = _run(learning)
    return learning.base(), seconds


def from_trunk(trunk: Callable[[], tuple[Base, float]], held: Collection, rate: float) -> Row:
    """From shared layers, with the last one in closed form."""
    base, seconds = trunk()
    states = [base.start(held.signal(place)) for place in range(len(held))]
    own = {name: torch.stack([each[name] for each in states]) for name in states[0]}
    return steps_to(base.field(held.domain), own, held, rate) | {"learning": f"{seconds:.2f}"}


def by_inner_steps(data: Data, method: str, steps: int, counts: tuple[int, ...], **options: object) -> Row:
    """PSNR after some numbers of inner steps."""
    learning = _learning(data[0], method, "eager", steps=steps, **options)
    seconds = _run(learning)
    base, held = learning.base(), data[1]
    levels = []
    for count in counts:
        found = [base.adapt(held.signal(place), count).metrics["psnr"] for place in range(len(held))]
        levels.append(f"{np.mean(found):.2f}")
    return {"psnr": " / ".join(levels), "learning": f"{seconds:.1f}"}


def by_components(data: Data, count: int) -> Row:
    """PSNR by the mean of what is learned from and its first principal components."""
    learned, held = (each.targets.flatten(1).double() for each in data)
    mean = learned.mean(0)
    basis = torch.linalg.svd(learned - mean, full_matrices=False).Vh[:count]
    missed = (held - mean) - (held - mean) @ basis.T @ basis
    return {"psnr": f"{(10 * torch.log10(4 / missed.square().mean(1))).mean():.2f}"}


def _learning(signals: Collection, method: str, engine: str, **options: object) -> Learning:
    given = [signals.signal(place) for place in range(len(signals))]
    return Learning(given, method=method, held_out=0, network=NETWORK, engine=engine, **options)  # type: ignore[arg-type]


def _run(learning: Learning) -> float:
    """Learn; the processor's seconds, without compiling."""
    learning.fitter.prepare()
    begin = process_time()
    for _ in learning.run():
        pass
    return process_time() - begin


def report(rows: list[Row], machines: str) -> str:
    """All rows, and the best rate and frequency of each start."""
    text = [f"{machines}.", ""]
    starts = [row for row in rows if row["part"] == "starts"]
    for data in dict.fromkeys(row["data"] for row in starts):
        best = {}
        for start in ("random", "trunk"):
            own = [row for row in starts if (row["data"], row["start"]) == (data, start)]
            if own:
                best[start] = min(own, key=lambda row: float(row["steps_30"]))
        if len(best) == 2:
            gain = float(best["random"]["steps_30"]) / float(best["trunk"]["steps_30"])
            told = "; ".join(
                f"{start} {row['steps_30']} (ω {row['omega']}, rate {row['rate']})" for start, row in best.items()
            )
            text += [
                f"Steps to 30 dB, {data}, at the best rate and frequency of each: {told}: {gain:.2f} times fewer.",
                "",
            ]
    head = [name.replace("_", " ") for name in COLUMNS]
    return "\n".join([*text, *markdown(head, [[row.get(name, "") for name in COLUMNS] for row in rows]), ""])


def picture(data: Data, engine: str, path: Path) -> None:
    """A held-out face by steps: from random weights and from the trunk by Adam, and by MAML's own steps."""
    import matplotlib.pyplot as plt

    learned, held = data[0], data[1].part([11])
    signal, coords = held.signal(0), held.signal(0).coords(torch.arange(held.targets.shape[1]))
    trunk, _ = trunk_of(learned, 60, engine)
    learning = _learning(learned, "maml", "eager")
    _run(learning)
    maml = learning.base()
    torch.manual_seed(0)
    drawn = Field.build(held.domain, activation="sine:omega=30", network=NETWORK)

    def by_adam(field: Field, state: dict[str, torch.Tensor], rate: float, count: int) -> dict[str, torch.Tensor]:
        own = {name: each[None] for name, each in state.items()}
        return adam(lambda weights: values_of(field, {}, weights, coords), own, rate, held.targets, count)

    field, start = trunk.field(held.domain), trunk.start(signal)
    rows: dict[str, tuple[Field, Callable[[int], Any]]] = {
        "random weights,\nAdam 2e-3": (drawn, lambda count: by_adam(drawn, drawn.state_dict(), 2e-3, count)),
        "trunk,\nAdam 5e-4": (field, lambda count: by_adam(field, start, 5e-4, count)),
        "MAML,\nits own steps": (
            maml.field(held.domain),
            lambda count: {name: each[None] for name, each in maml.adapt(signal, count).state_dict().items()},
        ),
    }
    counts = (0, 1, 2, 3, 5, 10, 20)
    figure, axes = plt.subplots(len(rows), len(counts) + 1, figsize=(8.6, 4.0), layout="constrained")
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.set_frame_on(False)
        axis.set_box_aspect(1)  # those without a picture, too
    for row, (name, (network, weights)) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
        for axis, count in zip(row, counts, strict=False):
            if name.startswith("MAML") and count > 3:
                continue
            values = values_of(network, {}, weights(count), coords)
            level = 10 * torch.log10(4 / errors(values, held.targets)[0])
            axis.imshow(values.detach().reshape(25, 25), cmap="gray", vmin=-1, vmax=1)
            axis.set_title(f"{level:.1f} dB", fontsize=7, pad=2)
        row[-1].imshow(held.targets.reshape(25, 25), cmap="gray", vmin=-1, vmax=1)
    for axis, label in zip(
        axes[-1], [*(f"{count} step{'s' * (count != 1)}" for count in counts), "signal"], strict=True
    ):
        axis.set_xlabel(label, fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["starts", "maml", "reptile", "codes"])
    parser.add_argument("--picture", type=Path, help="draw held-out faces by steps to this file, and nothing else")
    parser.add_argument("--data", choices=["faces", "crops"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", type=Path, required=True, help="folder that holds kodak and div2k_512")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    engine = f"cpu:threads={options.threads}"
    of_faces = faces()
    if options.picture is not None:
        picture(of_faces, engine, options.picture)
        return
    sets = {"faces": of_faces, "crops": crops(options.shared)}
    ledger = Ledger(TABLE, COLUMNS, ["part", "data", "start", "omega", "rate"], machine.describe())

    def once(part: str, data: str, start: str, make: Callable[[], Row], omega: object = "", rate: object = "") -> None:
        if options.only in (None, part) and options.data in (None, data):
            key = {"part": part, "data": data, "start": start, "omega": str(omega), "rate": str(rate)}
            ledger.once(key, make)

    for data, found in sets.items():
        for omega in OMEGAS:
            trunk = functools.cache(partial(trunk_of, found[0], omega, engine))
            for rate in RATES:
                once("starts", data, "random", partial(from_random, found[1], omega, rate), omega, rate)
                once("starts", data, "trunk", partial(from_trunk, trunk, found[1], rate), omega, rate)
    for name, found in sets.items():
        for steps in MAML_STEPS:
            maml = partial(by_inner_steps, found, "maml", steps, (1, 2, 3))
            least = {"at_least": "32"} if name == "faces" else {}
            once("maml", name, f"{steps} outer steps", lambda maml=maml, least=least: maml() | least)  # type: ignore[misc]
    once("reptile", "faces", "300 outer steps", partial(by_inner_steps, of_faces, "reptile", 300, (3, 12)))
    for count in LATENTS:
        method = f"modulated:latents={count}"
        once("codes", "faces", f"{count} latents", partial(by_inner_steps, of_faces, method, 300, (3,)))
        if count <= 64:
            once("codes", "faces", f"{count} components", partial(by_components, of_faces, count))
    text = report(read(TABLE), origin(TABLE))
    TABLE.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
