"""Bytes of the networks of codec latent at what they cost otherwise, by method.

    python -m studies.latent.network_bytes --data DIR [--pictures kodim01 …] [--steps 2500] [--weight 1e-3]

DIR holds the folder kodak. A crop of 192x192 of each picture is fitted by preset hop, kept in DIR/latent_fits, and its
networks are quantised by each method. Costs are those of a picture of 768x512 of the crop's kind: what error and rate
grow by, in bytes of equal worth, for 393,216 pixels. It writes results/latent_network_bytes.tsv.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from inr.bench import machine
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.parameters import QuantisedParameters
from inr.compression.encoder.latent.fit import Fitted, fit_component
from inr.compression.encoder.latent.network_coding import NetworkSearch, encode_parameters
from inr.compression.encoder.latent.rate import Goal
from inr.compression.encoder.latent.steps import EagerStep
from studies import RESULTS

PIXELS, SIDE, TOP, LEFT = 768 * 512, 192, 160, 320
# Cool-Chic's modules, by the beginnings of our tensors' names.
MODULES = (("entropy",), ("features",), ("prefilter", "upsampling"), ("synthesis",))
EXPONENTS = range(2, 14)

Rate = Callable[[np.ndarray], float]


def main() -> None:
    """Parse the command line, fit what has not been, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", nargs="+", default=["kodim01", "kodim14", "kodim23"])
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--weight", type=float, default=1e-3)
    arguments = parser.parse_args()
    torch.set_flush_denormal(True)
    rows = [f"# {machine.describe()}", "picture\tmethod\tnetwork_bytes\tlost_bytes\ttogether"]
    for name in arguments.pictures:
        fitted, crop = fit(arguments.data, name, arguments.steps, arguments.weight)
        for method, size, lost in methods(fitted, crop):
            rows.append(f"{name}\t{method}\t{size:.0f}\t{lost:.0f}\t{size + lost:.0f}")
            print(rows[-1], flush=True)
    (RESULTS / "latent_network_bytes.tsv").write_text("\n".join(rows) + "\n")


def fit(data: Path, name: str, steps: int, weight: float) -> tuple[Fitted, np.ndarray]:
    """A crop's fit, and the crop, float32 (3, 192, 192)."""
    from PIL import Image

    with Image.open(data / "kodak" / f"{name}.png") as image:
        whole = np.asarray(image.convert("RGB"), np.float32) / 255
    crop = np.ascontiguousarray(whole[TOP : TOP + SIDE, LEFT : LEFT + SIDE].transpose(2, 0, 1))
    path = data / "latent_fits" / f"{name}_{steps}_{weight:g}.npz"
    if not path.exists():
        found = fit_component(crop, None, "hop", Goal(weight=weight), steps=steps)
        path.parent.mkdir(exist_ok=True)
        np.savez(path, latents=found.latents, parameters=found.parameters, gain=found.gain)
    kept = np.load(path)
    layout = Layout(SIDE, SIDE, 3, "hop")
    return Fitted(layout, kept["latents"], kept["parameters"], weight, float(kept["gain"])), crop


def methods(fitted: Fitted, crop: np.ndarray) -> Iterator[tuple[str, float, float]]:
    """Methods, the bytes of their networks, and the bytes that the loss grows by."""
    step = EagerStep(fitted.layout, crop)
    step.latents.copy_(torch.from_numpy(fitted.latents.astype(np.float32)))
    search = NetworkSearch(step, fitted, lambda: False, PIXELS)
    values = fitted.parameters.astype(np.float64)
    before = search.cost(values).sum()
    for label, rate in (("steps by module, exp-Golomb", _exp_golomb), ("steps by module, Laplace", _laplace)):
        rounded, bits = by_module(fitted.layout, values, search, rate)
        yield label, bits / 8, (search.cost(rounded).sum() - before) / 8
    alone = search.exponents(0, alone=True)
    for finer in (0, 1):
        q = search.integers(values, alone + finer)
        lost = (search.cost(q.values().astype(np.float64)).sum() - before) / 8
        label = "" if finer == 0 else ", half as large"
        yield f"steps by tensor's curvature{label}, Laplace", _tensors_laplace(q) / 8, lost
        yield f"steps by tensor's curvature{label}, adaptive models", len(encode_parameters(q)), lost
    q, lost, bits = search.round_in_turns(alone)
    yield "the same, rounded in turns", bits / 8, lost / 8
    for finer, label in ((1, ", half as large"), (0, ""), (-1, ", twice as large")):
        q, lost, bits = search.round_in_turns(search.exponents(finer))
        yield f"steps by what is left of curvature{label}, rounded in turns", bits / 8, lost / 8


def by_module(layout: Layout, values: np.ndarray, search: NetworkSearch, rate: Rate) -> tuple[np.ndarray, float]:
    """Cool-Chic's search: one step for a module's weights and one for its biases, in turn; values and bits."""
    values, total = values.copy(), 0.0
    for module in MODULES:
        names = [name for name in layout.tensors if name.startswith(module)]
        groups = [
            np.concatenate([np.arange(layout.parameters)[layout.slices[name]] for name in names if matches(name)])
            for matches in (lambda name: not name.endswith("bias"), lambda name: name.endswith("bias"))
            if any(matches(name) for name in names)
        ]
        part = 0 if module[0] in ("entropy", "features") else 1
        exact, exponents = values.copy(), [max(EXPONENTS)] * len(groups)
        for _ in range(2):
            for which in range(len(groups)):
                tried = []
                for exponent in EXPONENTS:
                    now = [exponent if at == which else kept for at, kept in enumerate(exponents)]
                    rounded, bits = exact.copy(), 0.0
                    for group, each in zip(groups, now, strict=True):
                        integers = np.rint(np.ldexp(exact[group], each))
                        rounded[group], bits = np.ldexp(integers, -each), bits + rate(integers)
                    tried.append((search.cost(rounded)[part] + bits, exponent, bits, rounded))
                _, exponents[which], bits, values = min(tried, key=lambda each: each[0])
        total += bits
    return values, total


def _exp_golomb(integers: np.ndarray) -> float:
    """Bits by the best of exp-Golomb's codes."""
    unsigned = np.where(integers > 0, 2 * integers - 1, -2 * integers).astype(np.int64)
    return min(float((2 * np.floor(np.log2((unsigned >> k) + 1)) + 1 + k).sum()) for k in range(13))


def _laplace(integers: np.ndarray) -> float:
    """Bits under Laplace's model of the mean magnitude, which takes a byte."""
    magnitudes = np.abs(integers)
    mean = max(float(magnitudes.mean()), 0.02)
    ratio = (np.sqrt(1 + mean**2) - 1) / mean
    return 8 - float((np.log2((1 - ratio) / (1 + ratio)) + magnitudes * np.log2(ratio)).sum())


def _tensors_laplace(q: QuantisedParameters) -> float:
    """Bits with a model for each tensor, and 4 for each exponent."""
    from inr.compression.bitstream.latent.parameters import initial_integers

    return sum(
        4 + _laplace(each - initial_integers(q.layout, name, q.exponents[name])) for name, each in q.integers.items()
    )


if __name__ == "__main__":
    main()
