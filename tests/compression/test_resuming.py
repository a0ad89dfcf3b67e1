"""Fits of every parametrisation of the encoders go on bit for bit after an interruption."""

import numpy as np
import pytest
import torch

from inr import Budget, Signal
from inr.compression.bitstream.slimmable import Slimmable
from inr.compression.encoder.coded_weights import CodedWeights
from inr.compression.encoder.hypernetwork import Code, GeneratedWeights
from inr.compression.encoder.latent.parametrisation import LatentWeights
from inr.compression.encoder.least_loss import LeastLoss
from inr.compression.encoder.qat import RoundedWeights
from inr.compression.encoder.slimmable_weights import SlimmableWeights
from inr.field import Field
from inr.fitting import BoundedWeights, Fitter, Parametrisation, PlainWeights, Setup
from tests.tables import mostly_long

STEPS, DEPTH = 40, 2
PARTS = {"encoding": "identity", "activation": "sine"}


@pytest.fixture(scope="module")
def signal():
    y, x = np.mgrid[0:15, 0:20] / 16
    return Signal.from_array((120 + 60 * np.sin(9 * x + 2 * y)).astype(np.uint8)[..., None].repeat(3, axis=2))


def field_of(signal, width):
    torch.manual_seed(width)
    return Field.build(signal.domain, **PARTS, network=f"mlp:depth={DEPTH},width={width}")


def rounded(signal, width=8):
    weights = dict(field_of(signal, width).named_parameters())
    return RoundedWeights(
        weights, lambda tensors: 1e-3 + float(tensors["network.layers.1.weight"].detach().square().sum()), 160
    )


def slimmable(signal, rounding=None):
    widths = Slimmable((3, 5, 8), DEPTH, 2, 3)
    return SlimmableWeights(signal, widths, [field_of(signal, width) for width in (3, 5)], rounding=rounding)


def rounded_slimmable(signal):
    leaves = Slimmable((3, 5, 8), DEPTH, 2, 3).tensors(field_of(signal, 8).state_dict())
    return slimmable(signal, RoundedWeights(leaves, lambda tensors: 1.0, 200, rate=0.0))


def generated(signal):
    return GeneratedWeights(Code(60, 1, 40), seed=1)


def least_loss(signal):
    return LeastLoss(whole=False)


def bounded(signal):
    return BoundedWeights(0.5)


@pytest.mark.parametrize("optimiser", mostly_long(["adam", "soap"]))
@pytest.mark.parametrize(
    "make",
    [rounded, pytest.param(slimmable, marks=pytest.mark.long), rounded_slimmable, generated, least_loss, bounded],
)
def test_every_parametrisation(signal, resumes_exactly, make, optimiser):
    setup = Setup(*PARTS.values(), f"mlp:depth={DEPTH},width=8", batch=90, steps=STEPS, optimiser=optimiser)

    def fitter(**given):
        return Fitter(signal, setup, Budget(steps=STEPS), engine="eager", seed=1, parametrisation=make(signal), **given)

    resumes_exactly(fitter, cut=27)


def test_there_are_no_others():
    found, new = set(), {Parametrisation}
    while new:
        new = {cls for parent in new for cls in parent.__subclasses__()}
        found |= {cls for cls in new if cls.__module__.startswith("inr.")}
    assert found - {PlainWeights} >= {RoundedWeights, SlimmableWeights, GeneratedWeights, LeastLoss}
    # coded weights are resumed in tests/compression/test_coding.py, latents in tests/compression/latent/test_fit.py
    known = (
        RoundedWeights, SlimmableWeights, GeneratedWeights, CodedWeights, LatentWeights, LeastLoss, BoundedWeights
    )  # fmt: skip
    # solving an equation keeps no checkpoint that its numbers could be resumed from
    # what learns priors is resumed in tests/priors/test_learning.py
    found = {cls for cls in found if not cls.__module__.startswith(("inr.equations.", "inr.priors."))}
    assert all(cls is PlainWeights or issubclass(cls, known) for cls in found)
