"""Every encoding with every activation: each pair fits a picture, and none gets worse unnoticed.

The floors are a stored run (`expected/pairs.json`) less 1.5 dB; `python tests/test_pairs.py` writes that file anew.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import inr
from inr.activations import activations
from inr.encodings import encodings

EXPECTED = Path(__file__).parent / "expected" / "pairs.json"
PICTURE = Path(__file__).parents[1] / "examples" / "chelsea.png"
STEPS = 250

# spellings of parts that are worth a row of their own, or have few enough blocks to open in 250 steps
VARIANTS = {
    "fourier": ["fourier:kind=basic", "fourier:kind=positional", "fourier:kind=gaussian"],
    "sape": ["sape:num_blocks=16,resolution=32"],
    "hash": ["hash:levels=8,log2_size=9,coarsest=4,finest=64"],
    "dense": ["dense:levels=5,coarsest=4,finest=32"],
}
PAIRS = [
    (spec, activation)
    for encoding in encodings.names()
    for spec in VARIANTS.get(encoding, [encoding])
    for activation in activations.names()
]


def crop() -> inr.Signal:
    """64 x 64 pixels of a face: fur and whiskers on broad shading, so that even raw coordinates have what to fit."""
    picture = inr.open(PICTURE).array
    return inr.Signal.from_array(np.ascontiguousarray(picture[112:176, 200:264]), kind="image")


def fitted_psnr(encoding: str, activation: str) -> float:
    field = inr.fit(
        crop(), encoding=encoding, activation=activation, network="mlp:depth=3,width=64", steps=STEPS, seed=0
    )
    return field.metrics["psnr"]


def psnr_of_the_mean() -> float:
    values = crop().array.astype(float)
    return 10 * np.log10(255**2 / values.var(axis=(0, 1)).mean())


@pytest.mark.parametrize(
    ("encoding", "activation"),
    [
        # SAPE's fits are the longest
        pytest.param(*pair, marks=[pytest.mark.long] * (pair[0].startswith("sape") and pair[1] != "sine"))
        for pair in PAIRS
    ],
)
def test_pair_fits_a_picture(encoding, activation):
    stored = json.loads(EXPECTED.read_text())
    psnr = fitted_psnr(encoding, activation)
    assert psnr > psnr_of_the_mean() + 6
    assert psnr > stored[f"{encoding} {activation}"] - 1.5


def test_the_stored_run_is_complete():
    stored = json.loads(EXPECTED.read_text())
    assert sorted(stored) == sorted(f"{encoding} {activation}" for encoding, activation in PAIRS)
    assert min(stored.values()) > psnr_of_the_mean() + 6


if __name__ == "__main__":
    print(f"predicting the mean: {psnr_of_the_mean():.2f} dB")
    table = {}
    for encoding, activation in PAIRS:
        table[f"{encoding} {activation}"] = round(fitted_psnr(encoding, activation), 2)
        print(f"{encoding:44} {activation:10} {table[f'{encoding} {activation}']:6.2f} dB", flush=True)
    EXPECTED.parent.mkdir(exist_ok=True)
    EXPECTED.write_text(json.dumps(table, indent=1) + "\n")
