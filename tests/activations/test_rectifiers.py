"""Smooth rectifiers and tanh beside torch's own, far out as well."""

import pytest
import torch
from torch.nn import functional as F

from inr.activations import GELU, ReLU, SiLU, Softplus, Tanh, activations, partial

FAR = torch.tensor([-1e4, -100.0, -30.0, -3.0, -1e-8, 0.0, 1e-8, 0.5, 3.0, 30.0, 100.0, 1e4], dtype=torch.float64)
PAIRS = [
    (GELU(), F.gelu), (SiLU(), F.silu), (Softplus(), lambda z: F.softplus(z, threshold=1000)), (Tanh(), torch.tanh),
    (Softplus(beta=100.0), lambda z: F.softplus(z, beta=100, threshold=1000)),
]  # fmt: skip


@pytest.mark.parametrize(("activation", "theirs"), PAIRS)
def test_values_and_derivatives_are_torchs(activation, theirs):
    torch.testing.assert_close(activation((FAR,))[0], theirs(FAR), rtol=1e-12, atol=1e-14)
    z = FAR.clone().requires_grad_()
    value = theirs(z)
    for order in (1, 2):
        (value,) = torch.autograd.grad(value.sum(), z, create_graph=True)
        (found,) = partial(activation, *[0] * order)(FAR, **activation.constants("hidden"))
        torch.testing.assert_close(found, value.detach(), rtol=1e-9, atol=1e-12)


def test_the_slope_of_softplus_at_0_is_a_half():
    zero = torch.zeros(1, requires_grad=True)
    assert torch.autograd.grad(Softplus()((zero,))[0], zero)[0].item() == 0.5
    assert partial(Softplus(), 0, 0)(torch.zeros(1), beta=1.0)[0].item() == 0.25


def test_all_become_the_rectifier():
    z = torch.tensor([-50.0, 50.0], dtype=torch.float64)
    for activation in (GELU(), SiLU(), Softplus()):
        torch.testing.assert_close(activation((z,))[0], ReLU()((z,))[0], rtol=0, atol=1e-12)


def test_which_need_an_encoding():
    blurred = {name for name in activations.names() if activations.info(name).cls.needs_encoding}
    assert blurred == {"gelu", "linear", "relu", "silu", "softplus", "tanh"}
