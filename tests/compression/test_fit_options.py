"""What a fit is asked for, and what follows from it."""

import numpy as np
import pytest

import inr
from inr._errors import InrError
from inr.compression import FitOptions
from inr.signals import LosslessSize, from_array, lossless_size

SMALL = {"encoding": "identity", "activation": "sine", "network": "mlp:depth=1,width=8", "engine": "eager"}


def noise(size: int = 12) -> inr.Signal:
    return from_array(np.random.default_rng(0).integers(0, 255, (size, size, 3), dtype=np.uint8))


def test_a_fitter_has_all_that_was_asked_for():
    options = FitOptions(**SMALL, steps=7, batch=32, schedule="constant", learning_rate=0.01, seed=3, optimiser="soap")
    fitter = options.fitter(noise(), options.keeping().suited(noise()))
    chosen = fitter.choices()
    assert (fitter.steps, fitter.batch, chosen["seed"], chosen["optimiser"]) == (7, 32, 3, "soap")
    assert (chosen["schedule"], chosen["rates"]["network"]) == ("constant", 0.01)


@pytest.mark.parametrize(
    ("options", "learned"),
    [
        ({}, False),
        ({"seconds": 3.0}, False),
        ({"steps": 3}, True),
        ({"preset": "siren"}, True),
        ({"engine": "eager"}, True),
        ({"lattice_only": True}, True),
        ({"optimiser": "adam"}, True),
        ({"objective": "l1"}, True),
    ],
)
def test_a_network_is_wanted_where_something_of_it_or_of_its_fit_is(options, learned):
    assert FitOptions(**options).keeping().learned is learned
    assert FitOptions(**options).keeping(learned=True).learned


def test_what_a_signal_takes_without_loss_need_not_be_measured_again():
    known = LosslessSize(1234, "PNG")
    assert lossless_size(noise(), known) is known
    options = FitOptions(coding="coded")
    assert options.keeping().suited(noise(), known).most_bytes(noise(), known) == int(0.9 * 1234)


def test_a_fit_may_begin_with_a_closed_form():
    options = FitOptions(optimiser="closed-form", steps=2)
    signal = noise()
    solved = options.solved(signal)
    fitter = options.fitter(signal, options.keeping().suited(signal), start=solved)
    for name, tensor in solved.state_dict().items():
        assert np.array_equal(fitter.field.state_dict()[name], tensor)
    assert options.takes_steps
    assert not FitOptions(optimiser="closed-form").takes_steps


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimiser": "newton"}, "unknown solver 'newton'; known: adam, soap, muon, closed-form"),
        ({"optimiser": "closed-form", "activation": "sine"}, "with activation linear; leave out --activation"),
        ({"optimiser": "closed-form", "preset": "siren"}, "a preset is learned in steps"),
        ({"optimiser": "closed-form", "batch": 9}, "--batch is about steps"),
        ({"optimiser": "closed-form", "max_error": 1.0}, "a closed form knows no largest error"),
        ({"optimiser": "closed-form", "coding": "coded"}, "keeps its weights as floats"),
        ({"steps": 0}, "a budget of 0 steps"),
        ({"coding": "half", "bytes": 100}, "a number of bytes is kept by coding weights"),
    ],
)
def test_what_contradicts_itself_is_refused(options, words):
    with pytest.raises(InrError, match=words.replace("(", r"\(")):
        FitOptions(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"network": "mlp:depth=64,width=8192"}, "parameters takes"),
        ({"encoding": "hash:levels=99"}, "levels"),
        ({"network": "bacon", "activation": "relu"}, "multiplies and has no activation"),
        ({"schedule": "steep"}, "unknown schedule 'steep'"),
        ({"batch": 0}, "a batch needs at least 1 sample"),
        ({"seed": 2**32}, "a seed lies between 0"),
    ],
)
def test_what_cannot_be_built_is_refused_without_building_it(options, words):
    with pytest.raises(InrError, match=words):
        FitOptions(**options).check(noise())


def test_what_can_be_built_passes():
    FitOptions().check(noise())
    FitOptions(preset="wire", seconds=3.0).check(noise())
