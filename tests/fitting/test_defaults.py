"""What goes with the parts that a user names."""

import math

import numpy as np
import pytest
import torch

import inr
from inr._parts import parse_spec
from inr.fitting import make_fitter
from inr.fitting._defaults import (
    LARGE_BATCH,
    LEAST_BATCH,
    default_setup,
    suited_batch,
    suited_steps,
)


def setup(signal=None, **given):
    signal = signal or inr.Signal.from_array(np.zeros((64, 64, 3), np.uint8), kind="image")
    return default_setup(signal).with_parts(signal, **given)


@pytest.mark.parametrize(
    ("activation", "network"),
    [
        ("sine", "mlp:depth=4,width=256"), ("finer", "mlp:depth=4,width=256"), ("snake", "mlp:depth=4,width=256"),
        ("gabor", "mlp:depth=3,width=181"), ("finer-gabor", "mlp:depth=3,width=181"),
        ("real-gabor", "mlp:depth=3,width=181"), ("gabor-2d", "mlp:depth=3,width=128"),
    ],
)  # fmt: skip
def test_activations_that_stand_alone_get_bare_coordinates_and_a_network_of_equal_cost(activation, network):
    found = setup(activation=activation)
    assert found.encoding == {"name": "identity"}
    assert found.network == parse_spec(network)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "softplus", "tanh"])
def test_activations_that_need_an_encoding_keep_the_kinds_own(activation):
    found, plain = setup(activation=activation), setup()
    assert found.encoding == plain.encoding
    assert found.network == plain.network
    assert found.activation["name"] == activation


@pytest.mark.parametrize("activation", ["sine", "finer", "hosc"])
def test_sounds_have_a_fast_first_layer(activation):
    sound = inr.Signal.from_array(np.zeros(800, np.float32), kind="audio", sample_rate=8000)
    assert setup(sound, activation=activation).activation == {"name": activation, "first_omega": 3000.0}
    assert setup(sound, activation=f"{activation}:first_omega=50").activation["first_omega"] == 50


PICTURE = inr.Signal.from_array(np.zeros((256, 256, 3), np.uint8), kind="image")


def fitter(**settings):
    return make_fitter(PICTURE, budget=settings.pop("budget", inr.Budget()), engine="cpu", **settings)


def test_batches_suit_the_time_there_is_and_the_parts():
    alone = fitter(activation="sine")
    small, large = (fitter(encoding=f"hash:levels=8,finest=4096,log2_size={size}") for size in (12, 19))

    def found(fitter, *samples):
        return [suited_batch(fitter.setup, fitter.field, fitter.plan.device, each) for each in samples]

    assert found(alone, 0, 4_000_000, 10**8) == [LEAST_BATCH, 2_048, LARGE_BATCH]
    assert found(small, 0, 4_000_000, 16_000_000, 10**8) == [4_096, 4_096, 8_192, LARGE_BATCH]
    assert found(large, 0, 10**8) == [LARGE_BATCH, LARGE_BATCH]  # moving the table is most of a step
    looking = fitter(teacher="soft")  # looks at more than it learns from
    assert found(looking, 0) == [LARGE_BATCH]
    assert suited_batch(alone.setup, alone.field, torch.device("cuda"), 0) == LARGE_BATCH


def test_steps_that_are_given_are_large():
    assert fitter(activation="sine", budget=inr.Budget(steps=9)).batch == LARGE_BATCH


def test_a_budget_in_seconds_decides_the_batch(monkeypatch):
    def affordable(samples):
        found = fitter(encoding="identity", learning_rate="paper", budget=inr.Budget(seconds=1.0))
        monkeypatch.setattr(type(found), "_measure_horizon", lambda self: (samples // self.batch, 1e-3))
        monkeypatch.setattr(type(found), "_timed_step", lambda self: math.nan)
        list(found.run())
        return found.batch, found.steps

    assert affordable(10**6) == (LEAST_BATCH, 10**6 // LEAST_BATCH)
    assert affordable(10**8) == (LARGE_BATCH, 10**8 // LARGE_BATCH)


def test_a_batch_that_is_given_is_used_and_told():
    found = fitter(batch=300)
    assert found.batch == found.choices()["batch"] == 300


def test_as_many_samples_are_seen_whatever_the_batch():
    seen = {batch: suited_steps(PICTURE, batch) * batch for batch in (1_024, 4_096, 16_384)}
    assert len(set(seen.values())) == 1
    whole = suited_steps(PICTURE, PICTURE.size)
    assert whole == suited_steps(PICTURE, 16_384)  # so large batches make no fewer steps
    small = inr.Signal.from_array(np.zeros((30, 40, 3), np.uint8), kind="image")
    assert suited_steps(small, 4_096) == suited_steps(small, 1_200) == 600


def test_a_resumed_fit_keeps_the_batch_that_was_chosen(tmp_path, monkeypatch):
    parts = {"activation": "sine", "network": "mlp:depth=1,width=8", "checkpoint": tmp_path / "fit.checkpoint"}
    begun = fitter(budget=inr.Budget(steps=6), **parts)
    for event in begun.run():
        if event.step == 2:
            begun.stop()
    monkeypatch.setattr("inr.fitting._fitter.suited_batch", lambda *_: 64)
    resumed = fitter(budget=inr.Budget(steps=6), resume=True, **parts)
    assert resumed.batch == LARGE_BATCH
    *_, end = resumed.run()
    assert end.step == 6
