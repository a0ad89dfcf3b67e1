"""Objectives on the engine triton beside eager in float64: losses, residuals and gradients."""

import itertools

import pytest

from inr.objectives import objectives
from tests.engines.losses import SPECS, Quartic, batch_of, built, compare, signal
from tests.tables import mostly_long

ENGINE = "triton:precision=float32"


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(
    ("weighted", "offset"),
    mostly_long([("values", True), ("none", False), ("samples", True), ("none", True), ("values", False)]),
)
def test_losses_agree_with_eager(spec, weighted, offset):
    source = signal(3)
    field = built(source, encoding="identity", activation="sine", network="mlp:depth=2,width=21")
    compare(field, objectives.build(spec, source), batch_of(source, weighted, offset), ENGINE)


OTHERS = [("huber:delta=0.3", (1, 1)), ("relative:epsilon=0.05", (5, 131))]
OTHERS += [each for each in itertools.product(SPECS, [(1, 1), (1, 64), (2, 25), (5, 131)]) if each not in OTHERS]


@pytest.mark.parametrize(("spec", "size"), mostly_long(OTHERS, 2))
def test_of_any_number_of_channels_and_samples(spec, size):
    channels, count = size
    source = signal(channels)
    parts = {"encoding": "hash:levels=3,log2_size=8,coarsest=4,finest=16", "activation": "tanh"}
    field = built(source, **parts, network="mlp:depth=1,width=16")
    compare(field, objectives.build(spec, source), batch_of(source, "samples", False, count), ENGINE)


@pytest.mark.parametrize("spec", SPECS[1:])
@pytest.mark.parametrize(("activation", "width"), [("gabor", 12), ("sine", 140)])
@pytest.mark.long
def test_complex_and_wide_networks(spec, activation, width):
    source = signal(2)
    field = built(source, encoding="identity", activation=activation, network=f"mlp:depth=2,width={width}")
    compare(field, objectives.build(spec, source), batch_of(source, "values", True), ENGINE)


def test_objectives_of_other_packages_get_kernels_from_their_formula():
    source = signal(3)
    field = built(source, encoding="identity", activation="sine", network="mlp:depth=1,width=16")
    compare(field, Quartic(source), batch_of(source, "samples", True), ENGINE)
