"""Encodings with activations: each pair fits a picture, and none gets worse unnoticed.

Every encoding is fitted with four activations that differ most, and every activation on three encodings that do.
The floors are a stored run (`expected/pairs.json`) less 1.5 dB; `python tests/test_pairs.py` adds the pairs that are
missing in that file, and `python tests/test_pairs.py PATTERN …` writes those anew whose names match one ("* sine").
"""

import fnmatch
import functools
import json
import sys
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
    "learned-fourier": ["learned-fourier:frequencies=64,sigma=5"],
    "shifted": ["shifted:features=128", "shifted:features=128,basis=triangle", "shifted:features=128,basis=rff"],
    "integer-fourier": ["integer-fourier:frequencies=64,low=6,high=28"],
    "oneblob": ["oneblob:bins=32"],
    "chebyshev": ["chebyshev:order=30"],
    "cafe": ["cafe:over=(concat:first=(fourier:frequencies=32,sigma=10),second=(chebyshev:order=12)),width=64"],
    "spherical": ["spherical:degree=8"],
    "triplane": ["triplane:features=8,resolution=32"],
    "kplanes": ["kplanes:features=4,resolution=8"],
    "cp": ["cp:rank=32,resolution=48"],
    "vm": ["vm:rank=8,resolution=32"],
    "concat": [
        "concat:first=(hash:levels=6,log2_size=9,coarsest=4,finest=64),second=(fourier:frequencies=32)",
    ],
    "per-axis": ["per-axis:x=(dense:levels=4,coarsest=4,finest=64),y=(fourier:kind=positional,frequencies=32)"],
}
EVERYWHERE = ("gabor", "gaussian", "relu", "sine")
WITH_ALL = ("identity", "fourier:kind=gaussian", *VARIANTS["hash"])


def pairs() -> list[tuple[str, str]]:
    specs = [spec for encoding in encodings.names() for spec in VARIANTS.get(encoding, [encoding])]
    return [
        (spec, activation)
        for spec in specs
        for activation in activations.names()
        if activation in EVERYWHERE or (spec in WITH_ALL and activation != "linear")  # a linear map, by design
    ]


PAIRS = pairs()
# Those that are told apart in every run; the other pairs are for make test-all. Parts do not know each other, and
# contracts of encodings, activations and engines hold them one by one.
SHOWN = {
    ("identity", "sine"),
    (*VARIANTS["hash"], "relu"),
}
# from here on nothing is left of 8 bits to learn, and roundings decide
EXACT = 60.0


def is_long(encoding: str, activation: str) -> bool:
    return (encoding, activation) not in SHOWN and (encoding.partition(":")[0], activation) not in SHOWN


def crop() -> inr.Signal:
    """64 x 64 pixels of a face: fur and whiskers on broad shading, so that even raw coordinates have what to fit."""
    picture = inr.open(PICTURE).array
    return inr.Signal.from_array(np.ascontiguousarray(picture[112:176, 200:264]), kind="image")


def fitted_psnr(encoding: str, activation: str) -> float:
    """On the lattice alone, by published rates, in float32: parts are told apart, not what chooses rates for them.

    Between the samples many of these pairs have no chance: their frequencies are those of the lattice and above.
    """
    options: dict = {"encoding": encoding, "activation": activation, "network": "mlp:depth=3,width=64", "seed": 0}
    options |= {"steps": STEPS, "learning_rate": "paper", "lattice_only": True}
    try:
        field = inr.fit(crop(), engine="cpu:backward=float32,threads=1", **options)
    except inr.InrError:  # an activation without kernels
        field = inr.fit(crop(), engine="eager", **options)
    return field.metrics["psnr"]


@functools.cache
def psnr_of_the_mean() -> float:
    values = crop().array.astype(float)
    return 10 * np.log10(255**2 / values.var(axis=(0, 1)).mean())


def least_psnr(encoding: str, activation: str) -> float:
    """What tells a fit from none; less where bare coordinates leave a blurred picture, as `needs_encoding` says."""
    blurred = encoding in ("identity", "sphere") and activations.info(activation).cls.needs_encoding
    return psnr_of_the_mean() + (1 if blurred else 6)


@pytest.mark.parametrize(
    ("encoding", "activation"),
    [pytest.param(*pair, marks=[pytest.mark.long] * is_long(*pair)) for pair in PAIRS],
)
def test_pair_fits_a_picture(encoding, activation):
    stored = json.loads(EXPECTED.read_text())
    psnr = fitted_psnr(encoding, activation)
    assert psnr > least_psnr(encoding, activation)
    assert psnr > min(stored[f"{encoding} {activation}"], EXACT) - 1.5


def test_the_stored_run_is_complete():
    stored = json.loads(EXPECTED.read_text())
    assert sorted(stored) == sorted(f"{encoding} {activation}" for encoding, activation in PAIRS)
    assert all(stored[f"{encoding} {activation}"] > least_psnr(encoding, activation) for encoding, activation in PAIRS)


def test_activations_that_need_an_encoding_do():
    """They gain 8 dB from one, and others, that gain as well, are above all of them without."""
    stored = json.loads(EXPECTED.read_text())
    bare = {activation: stored[f"identity {activation}"] for encoding, activation in PAIRS if encoding == "identity"}
    needy = {name for name in bare if activations.info(name).cls.needs_encoding}
    assert all(stored[f"fourier:kind=gaussian {name}"] > bare[name] + 8 for name in needy)
    assert max(bare[name] for name in needy) < min(bare[name] for name in bare if name not in needy)


def main(patterns: list[str]) -> None:
    print(f"predicting the mean: {psnr_of_the_mean():.2f} dB")
    stored = json.loads(EXPECTED.read_text())
    table = {}
    for encoding, activation in PAIRS:
        name = f"{encoding} {activation}"
        if name in stored and not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            table[name] = stored[name]
            continue
        table[name] = round(fitted_psnr(encoding, activation), 2)
        print(f"{encoding:44} {activation:14} {table[name]:6.2f} dB", flush=True)
    EXPECTED.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
