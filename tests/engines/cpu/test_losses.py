"""Objectives on the engine cpu beside eager in float64: losses, residuals and gradients."""

import pytest

import inr
from inr.engines import plan
from inr.objectives import objectives
from tests.engines.losses import SPECS, Cauchy, Quartic, batch_of, built, compare, signal

ENGINE = "cpu:threads=2,tile=24"


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(
    ("weighted", "offset"), [("none", False), ("samples", True), ("values", True), ("none", True), ("values", False)]
)
def test_losses_agree_with_eager(spec, weighted, offset):
    source = signal(3)
    field = built(source, encoding="identity", activation="sine", network="mlp:depth=2,width=21")
    compare(field, objectives.build(spec, source), batch_of(source, weighted, offset), ENGINE)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(("channels", "count"), [(1, 1), (1, 64), (2, 25), (5, 131)])
def test_of_any_number_of_channels_and_samples(spec, channels, count):
    source = signal(channels)
    parts = {"encoding": "hash:levels=3,log2_size=8,coarsest=4,finest=16", "activation": "tanh"}
    field = built(source, **parts, network="mlp:depth=1,width=16")
    compare(field, objectives.build(spec, source), batch_of(source, "samples", False, count), ENGINE)


@pytest.mark.parametrize("spec", SPECS[1:])
def test_complex_networks_and_programs_of_several_blocks(spec):
    source = signal(2)
    field = built(source, encoding="identity", activation="gabor", network="mlp:depth=2,width=12")
    objective = objectives.build(spec, source)
    # a whole block and a part of one; gradients of biases are running sums, which of more points are rounded too often
    batch = batch_of(source, "values", True, plan(field, objective, "cpu:threads=2,tile=8")[1].block + 5)
    compare(field, objective, batch, "cpu:threads=2,tile=8")


def test_objectives_of_other_packages_get_kernels_from_their_formula():
    source = signal(3)
    field = built(source, encoding="identity", activation="sine", network="mlp:depth=1,width=16")
    compare(field, Quartic(source), batch_of(source, "samples", True), ENGINE)


def test_what_no_code_can_be_made_for_goes_to_eager_with_the_reason():
    source = signal(1)
    field = built(source, encoding="identity", activation="sine", network="mlp:depth=1,width=16")
    name, ready = plan(field, Cauchy(source))
    assert name == "eager"
    assert "objective Cauchy: its formula takes no symbols" in ready.notes[-1]
    with pytest.raises(inr.InrError, match="objective Cauchy"):
        plan(field, Cauchy(source), "cpu")
