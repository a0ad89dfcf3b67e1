"""SAPE's 1-D task: a chirp seen at 26 points; how well plain Fourier features and SAPE fill in between.

Both see the same 256 frequencies, drawn from the same seed. The error is the mean squared one on 3,000 points,
in the chirp's own units (recipe: Hertz et al. 2021, 2x32 ReLU, Adam 1e-5, 20,000 steps).

    python -m studies.sape_1d [--seeds 0 1 2] [--json]

It needs no data; a seed takes half a minute on one core.
"""

import argparse
import json

import numpy as np
import torch

import inr

FREQUENCIES = "fourier:kind=radial,frequencies=256,sigma=10"
# as in the released code: the centres of 25 cells of [-1, 1], and one sample near the fast end
SAMPLES = np.append((2 * np.arange(25) + 1) / 25 - 1, 0.99)


def chirp(x: np.ndarray) -> np.ndarray:
    """The signal: slow on the left, fast on the right."""
    return 0.5 * np.sin(0.01 * (2 * x + 4) ** 4.5)


def fitted(encoding: str, seed: int, steps: int) -> inr.Field:
    """A field of the recipe's network on the samples."""
    # with this box and range coordinates and values are the chirp's own: the recipe's numbers are for those
    signal = inr.Signal.from_samples(SAMPLES, chirp(SAMPLES), box=[(-1, 1)], value_range=(-1, 1))
    return inr.fit(
        signal, encoding=encoding, activation="relu", network="mlp:depth=2,width=32",
        learning_rate=1e-5, schedule="constant", steps=steps, seed=seed,
    )  # fmt: skip


def dense_error(field: inr.Field) -> float:
    """Mean squared error between the samples and at them."""
    x = np.linspace(-1, 1, 3000, dtype=np.float32)
    with torch.no_grad():
        estimate = field.in_units(field(torch.from_numpy(x[:, None])))[:, 0].numpy()
    return float(np.mean((estimate - chirp(x)) ** 2))


def run(seed: int, steps: int) -> dict[str, object]:
    """One row of the table."""
    plain = fitted(FREQUENCIES, seed, steps)
    sape = fitted(f"sape:over=({FREQUENCIES}),resolution=12,epsilon=1e-5", seed, steps)
    return {
        "seed": seed,
        "fourier": dense_error(plain),
        "sape": dense_error(sape),
        "same_frequencies": torch.equal(plain.encoding.frequencies, sape.encoding.over.frequencies),
        "opened": sape.encoding.spatial.opened.tolist(),
    }


def main() -> None:
    """Print one row a seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--json", action="store_true", help="one JSON document a line")
    options = parser.parse_args()
    torch.set_num_threads(1)  # batches of 26 samples
    for seed in options.seeds:
        row = run(seed, options.steps)
        if options.json:
            print(json.dumps(row), flush=True)
        else:
            ratio = row["fourier"] / row["sape"]
            print(
                f"seed {seed}: Fourier features {row['fourier']:.4f}  SAPE {row['sape']:.4f}  ({ratio:.1f}x)",
                flush=True,
            )


if __name__ == "__main__":
    main()
