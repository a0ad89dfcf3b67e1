"""An interrupted fit goes on bit for bit, with every optimiser, teacher, encoding and parametrisation there is."""

import numpy as np
import pytest
import torch

from inr import Budget, Signal
from inr.encodings import encodings
from inr.fitting import OPTIMISERS, Fitter, PlainWeights, Setup
from tests.tables import mostly_long
from tests.teaching.kinds import OF_SAMPLES

pytestmark = pytest.mark.quick

STEPS = 16
# parameters by which encodings are small enough for many fits, and what they cannot do without
SMALL = {
    "cp": "rank=3,resolution=6",
    "dense": "levels=2,coarsest=3,finest=7",
    "hash": "levels=3,log2_size=5,coarsest=2,finest=9",
    "per-axis": "t=(learned-fourier:frequencies=4),x=identity",
    "sape": "over=(fourier:frequencies=8),resolution=5,num_blocks=4",
    "triplane": "features=3,resolution=6",
    "kplanes": "features=2,resolution=3,scales=2",
    "vm": "rank=3,resolution=5",
}
MORE = ["concat:first=(sape:over=(fourier:frequencies=8),resolution=5,num_blocks=4),second=(hash:levels=2,log2_size=5)"]


@pytest.fixture(scope="module")
def signal():
    y, x = np.mgrid[0:15, 0:20] / 16
    return Signal.from_array((120 + 60 * np.sin(9 * x + 2 * y)).astype(np.uint8)[..., None].repeat(3, axis=2))


def fitter_of(signal, options=None, **parts):
    """What makes fitters of a small field, from what a checkpoint asks for."""
    setup = Setup(parts.pop("encoding", "identity"), "sine", "mlp:depth=2,width=16", batch=90, steps=STEPS, **parts)

    def make(**given):
        return Fitter(signal, setup, Budget(steps=STEPS), engine="eager", seed=1, **given, **(options or {}))

    return make


@pytest.mark.parametrize("encoding", mostly_long(["hash:levels=3,log2_size=5,coarsest=2,finest=9", "identity"]))
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_every_optimiser(signal, resumes_exactly, optimiser, encoding):
    """The cut is behind a turn of SOAP's bases."""
    resumes_exactly(fitter_of(signal, encoding=encoding, optimiser=optimiser), cut=8)


# teachers have tests of their own of this
@pytest.mark.parametrize("teacher", mostly_long(dict.fromkeys(["auto", "nint", *OF_SAMPLES]), 2))
def test_every_teacher(signal, resumes_exactly, teacher):
    resumes_exactly(fitter_of(signal, teacher=teacher), cut=7)


# SAPE's masks and tables are what encodings keep beside weights
@pytest.mark.parametrize("encoding", mostly_long(dict.fromkeys([*MORE, "sape", *encodings.names()]), 2))
def test_every_encoding(signal, resumes_exactly, encoding):
    try:
        encodings.build(_small(encoding), 2)
    except Exception as error:
        pytest.skip(f"not for pictures: {error}")
    resumes_exactly(fitter_of(signal, encoding=_small(encoding)), cut=9)


def _small(encoding):
    return f"{encoding}:{SMALL[encoding]}" if encoding in SMALL else encoding


class Strided(PlainWeights):
    """Keeps a mean of the gradients that does not have the layout a checkpoint gives it."""

    def bind(self, field, plan):
        super().bind(field, plan)
        self._mean = torch.zeros(16, 16).T

    def backward(self, grads):
        self._mean = (self._mean + grads["network.layers.1.weight"]).T.contiguous().T
        return grads

    def state(self):
        return {"mean": self._mean}

    def restore(self, state):
        self._mean = state["mean"]


def test_the_check_sees_another_layout(signal, resumes_exactly):
    with pytest.raises(AssertionError):
        resumes_exactly(lambda **given: fitter_of(signal, {"parametrisation": Strided()})(**given), cut=5)


def test_plain_weights(signal, resumes_exactly):
    resumes_exactly(lambda **given: fitter_of(signal, {"parametrisation": PlainWeights()})(**given), cut=5)
