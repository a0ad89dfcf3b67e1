"""The elementary functions of kernels, and activations made of them."""

import math

import pytest
import torch
import triton
import triton.language as tl

from inr.activations import FUNCTIONS, activations, partial
from inr.engines._formulas import Untranslatable
from inr.engines._triton import _maths
from inr.engines._triton._activations import functions


def translatable(name):
    try:
        functions(activations.build(name), 1)
    except Untranslatable:
        return False
    return True


EVERY = [
    (name, planes)
    for name in filter(translatable, activations.names())
    for planes in range(1, activations.build(name).planes + 1)
]


@triton.jit
def _each(x, y, n, FUNCTION: tl.constexpr, BLOCK: tl.constexpr):
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + places, FUNCTION(tl.load(x + places, mask=places < n, other=0.0)), mask=places < n)


@triton.jit
def _activate(
    numbers, out, constants, VALUE: tl.constexpr, LEARN: tl.constexpr, BACKWARD: tl.constexpr, BLOCK: tl.constexpr
):
    """Rows: planes, gradients of values in; values, values again, kept, gradients of planes out."""
    places = tl.arange(0, BLOCK)
    a, b = tl.load(numbers + places), tl.load(numbers + BLOCK + places)
    ga, gb = tl.load(numbers + 2 * BLOCK + places), tl.load(numbers + 3 * BLOCK + places)
    va, vb = VALUE(a, b, constants)
    wa, wb, ka, kb = LEARN(a, b, constants)
    da, db = BACKWARD(ka, kb, wa, wb, ga, gb, constants)
    tl.store(out + places, va)
    tl.store(out + BLOCK + places, vb)
    tl.store(out + 2 * BLOCK + places, wa)
    tl.store(out + 3 * BLOCK + places, wb)
    tl.store(out + 4 * BLOCK + places, da)
    tl.store(out + 5 * BLOCK + places, db)


@pytest.mark.parametrize(
    ("name", "reach", "bound"), [("sin", 3.0, 2.4e-7), ("cos", 3.0, 2.4e-7), ("sin", 1e5, 3e-7), ("cos", 1e5, 3e-7)]
)
def test_sine_and_cosine(name, reach, bound, device):
    """Two units in the last place of 1: the polynomial's error, its roundings and those of the reduction."""
    x = (torch.rand(5000, generator=torch.Generator().manual_seed(0)) * 2 - 1) * reach
    x[:3] = torch.tensor([0.0, reach, -reach])
    y = torch.empty_like(x, device=device)
    _each[(20,)](x.to(device), y, len(x), FUNCTION=getattr(_maths, name), BLOCK=256)
    exact = getattr(torch, name)(x.double())
    assert (y.cpu() - exact).abs().max() <= bound


@pytest.mark.parametrize(("least", "most"), [(1e-30, 1e-3), (1e-3, 1.0), (1.0, 10.0), (10.0, 1e38)])
def test_tangents(least, most, device):
    """Three units in the last place of the result."""
    steps = torch.linspace(math.log(least), math.log(most), 2048, dtype=torch.float64)
    x = torch.cat((steps.exp(), -steps.exp())).float()
    y = torch.empty_like(x, device=device)
    _each[(16,)](x.to(device), y, len(x), FUNCTION=_maths.tanh, BLOCK=256)
    assert (y.cpu() / x.double().tanh() - 1).abs().max() <= 3 * 2.0**-23


@pytest.mark.parametrize(
    ("name", "least", "most", "relative", "absolute"),
    [
        ("erf", -4.2, 4.2, 3 * 2.0**-23, 0.0), ("softplus", -80.0, 90.0, 3 * 2.0**-23, 0.0),
        *((f"sinc{order}", -30.0, 30.0, 0.0, 2 * 2.0**-23) for order in range(4)),
        *(pytest.param(f"sinc{order}", -2.2, 2.2, 0.0, 2 * 2.0**-23, marks=pytest.mark.long) for order in range(4)),
    ],
)  # fmt: skip
def test_functions_of_smooth_activations(name, least, most, relative, absolute, device):
    """Three units in the last place of the result, or two of 1."""
    x = torch.linspace(least, most, 2048)
    y = torch.empty_like(x, device=device)
    _each[(8,)](x.to(device), y, len(x), FUNCTION=getattr(_maths, name), BLOCK=256)
    if name.startswith("sinc"):
        exact = FUNCTIONS.sinc(x.double(), int(name[-1]))
    else:
        exact = getattr(FUNCTIONS, name)(x.double())
    torch.testing.assert_close(y.cpu().double(), exact, rtol=relative, atol=absolute)


def test_roots_and_reciprocals(device):
    x = torch.tensor([-4.0, 0.0, 0.25, 1e-20, torch.inf], device=device)
    y = torch.empty_like(x)
    for function, expected in (
        (_maths.root, [2, 0, 0.5, 1e-10, torch.inf]), (_maths.reciprocal, [-0.25, 0, 4, 1e20, 0]),
    ):  # fmt: skip
        _each[(1,)](x, y, 5, FUNCTION=function, BLOCK=8)
        torch.testing.assert_close(y.cpu(), torch.tensor(expected), rtol=1e-6, atol=0)


# numpy warns of infinity less infinity, which is not a number and is expected here, where an interpreter uses it
@pytest.mark.filterwarnings("ignore:invalid value encountered in subtract")
def test_what_is_not_a_number_stays_that(device):
    x = torch.tensor([torch.nan, torch.inf, -torch.inf], device=device)
    y = torch.zeros_like(x)
    _each[(1,)](x, y, 3, FUNCTION=_maths.tanh, BLOCK=4)
    assert y[0].isnan()
    assert y[1:].tolist() == [1.0, -1.0]
    for name in ("sin", "cos"):
        y = torch.zeros_like(x)
        _each[(1,)](x, y, 3, FUNCTION=getattr(_maths, name), BLOCK=4)
        assert y.isnan().all()
    y = torch.zeros_like(x)
    _each[(1,)](x, y, 3, FUNCTION=_maths.relu, BLOCK=4)
    assert y[0].isnan()
    assert y[1:].tolist() == [torch.inf, 0.0]


@pytest.mark.parametrize(
    ("name", "planes_in"),
    # whose formula takes seconds to differentiate
    [pytest.param(*each, marks=[pytest.mark.long] * (each == ("finer-gabor", 2))) for each in EVERY],
)
def test_activations_are_their_formula_and_its_gradient(name, planes_in, device):
    activation = activations.build(name)
    made = functions(activation, planes_in)
    constants = dict(activation.constants("hidden"))
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randn(4, 256, generator=generator) * 0.2
    out = torch.empty(6, 256, device=device)
    row = torch.tensor([*constants.values(), 0.0], device=device)
    _activate[(1,)](numbers.to(device), out, row, VALUE=made.value, LEARN=made.learn, BACKWARD=made.backward, BLOCK=256)
    planes = [plane.double().requires_grad_() for plane in numbers[:planes_in]]
    full = planes + [torch.zeros_like(planes[0])] * (activation.planes - planes_in)
    values = partial(activation)(*full, **constants)
    gradients = torch.autograd.grad(values, planes, [g.double() for g in numbers[2 : 2 + len(values)]])
    got = out.cpu()
    for index, value in enumerate(values):
        assert torch.equal(got[index], got[2 + index])  # learning computes what rendering does
        assert (got[index] - value).abs().max() <= 2e-6 * value.abs().max()
    for index, gradient in enumerate(gradients):
        assert (got[4 + index] - gradient).abs().max() <= 4e-6 * gradient.abs().max()


def test_functions_are_made_once():
    sine = activations.build("sine")
    assert functions(sine, 1) is functions(activations.build("sine:omega=30"), 1)
    assert functions(sine, 1).value is not functions(activations.build("relu"), 1).value
