"""Elementary functions and generated loops, beside float64 and the formulas."""

import functools
import math

import numpy as np
import pytest
import sympy
import torch
from scipy import special

from inr.activations import FUNCTIONS, activations, partial
from inr.engines import _formulas
from inr.engines._cpu import _activations
from inr.jit import F1, F2, Call, Stage, inline, lane_maths, run
from inr.jit import maths as _maths
from inr.jit.lanes import load, store
from inr.jit.vector import LANES

EPS = 2.0**-23  # a unit in the last place of 1


@functools.cache
def loop_of(function):
    """A loop that is compiled once for all tests of a function."""

    @inline
    def loop(given, results):
        for i in range(len(given)):
            results[i] = function(given[i])

    return loop


def applied(function, numbers):
    numbers = np.asarray(numbers, np.float32)
    results = np.empty_like(numbers)
    loop_of(function)(numbers, results)
    return results


def in_lanes(function, numbers):
    @inline
    def loop(given, results):
        for i in range(0, len(given), LANES):
            store(function(load(given.ctypes.data + 4 * i)), results.ctypes.data + 4 * i)

    results = np.empty_like(numbers)
    loop(numbers, results)
    return results


@pytest.mark.parametrize("reach", [1, 30, 3_000, 100_000])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sines_are_right_to_two_units_of_one(name, reach):
    x = np.random.default_rng(0).uniform(-reach, reach, 20_001).astype(np.float32)
    exact = getattr(np, name)(x.astype(np.float64))
    assert np.abs(applied(getattr(_maths, name), x) - exact).max() <= 2 * EPS


def test_exponentials_are_right_to_two_units_of_the_result():
    x = np.random.default_rng(0).uniform(-87.3, 88.7, 20_001).astype(np.float32)
    assert np.abs(applied(_maths.exp, x) / np.exp(x.astype(np.float64)) - 1).max() <= 2 * EPS


@pytest.mark.parametrize(("least", "most"), [(1e-30, 1e-3), (1e-3, 0.3), (0.3, 1), (1, 10), (10, 88)])
def test_exponentials_less_one_are_right_to_three_units_of_the_result(least, most):
    x = np.exp(np.random.default_rng(0).uniform(np.log(least), np.log(most), 20_001)).astype(np.float32)
    for signed in (x, -x):
        assert np.abs(applied(_maths.expm1, signed) / np.expm1(signed.astype(np.float64)) - 1).max() <= 3 * EPS


@pytest.mark.parametrize("reach", [1e-6, 1e-3, 0.5, 87])
def test_logarithms_are_right_to_two_units_of_the_result(reach):
    x = np.exp(np.random.default_rng(0).uniform(-reach, reach, 20_001)).astype(np.float32)
    exact = np.log2(x.astype(np.float64))
    found = applied(_maths.log2, x)
    assert (found[exact == 0] == 0).all()
    assert np.abs(found[exact != 0] / exact[exact != 0] - 1).max() <= 2 * EPS
    np.testing.assert_array_equal(applied(_maths.log2, 2.0 ** np.arange(-126, 128)), np.arange(-126, 128))


@pytest.mark.parametrize(("least", "most"), [(1e-30, 1e-3), (1e-3, 0.3), (0.3, 1), (1, 10), (10, 1e38)])
def test_tangents_are_right_to_three_units_of_the_result(least, most):
    x = np.exp(np.random.default_rng(0).uniform(np.log(least), np.log(most), 20_001)).astype(np.float32)
    for signed in (x, -x):
        found = applied(_maths.tanh, signed)
        assert np.abs(found / np.tanh(signed.astype(np.float64)) - 1).max() <= 3 * EPS
        assert np.abs(found).max() <= 1


def test_roots_and_reciprocals():
    x = np.random.default_rng(0).normal(size=1001).astype(np.float32)
    np.testing.assert_allclose(applied(_maths.root, x), np.sqrt(np.abs(x.astype(np.float64))), rtol=EPS)
    np.testing.assert_allclose(applied(_maths.reciprocal, x), 1 / x.astype(np.float64), rtol=EPS)
    np.testing.assert_equal(applied(_maths.root, [0, -0.0, math.inf]), [0, 0, math.inf])
    np.testing.assert_equal(applied(_maths.reciprocal, [0, -0.0, math.inf, -math.inf]), [0, 0, 0, 0])


@pytest.mark.parametrize(("least", "most"), [(1e-30, 1e-3), (1e-3, 0.3), (0.3, 1), (1, 3.95), (3.95, 1e38)])
def test_error_functions_are_right_to_three_units_of_the_result(least, most):
    x = np.exp(np.random.default_rng(0).uniform(np.log(least), np.log(most), 20_001)).astype(np.float32)
    found = applied(_maths.erf, x)
    assert np.abs(found / special.erf(x.astype(np.float64)) - 1).max() <= 3 * EPS
    assert found.max() <= 1
    np.testing.assert_array_equal(applied(_maths.erf, -x), -found)
    assert (found[x >= 3.95] == 1).all()


@pytest.mark.parametrize(("least", "most"), [(-87, -10), (-10, -1), (-1, 1), (1, 1e3), (1e3, 1e38)])
def test_softplus_is_right_to_three_units_of_the_result(least, most):
    x = np.random.default_rng(0).uniform(least, most, 20_001).astype(np.float32)
    assert np.abs(applied(_maths.softplus, x) / np.logaddexp(x.astype(np.float64), 0) - 1).max() <= 3 * EPS


@pytest.mark.parametrize("reach", [1e-20, 1, 2.2, 30, 100_000])
@pytest.mark.parametrize("order", range(4))
def test_derivatives_of_sinc_are_right_to_two_units_of_one(order, reach):
    u = np.random.default_rng(0).uniform(-reach, reach, 20_001).astype(np.float32)
    exact = FUNCTIONS.sinc(torch.from_numpy(u).double(), order).numpy()
    assert np.abs(applied(getattr(_maths, f"sinc{order}"), u) - exact).max() <= 2 * EPS


def test_functions_of_vectors_are_those_of_numbers():
    """The functions of `lane_maths`, to two units of the larger of 1 and the result."""
    x = np.random.default_rng(0).uniform(-9, 9, 64 * LANES).astype(np.float32)
    x[: 2 * LANES] = np.resize([0.0, -0.0, math.nan, math.inf, -math.inf, 2.0, -2.0, 3.92, -95.0, 95.0], 2 * LANES)
    for name in ("softplus", "erf", "sinc0", "sinc1", "sinc2", "sinc3"):
        alone = applied(getattr(_maths, name), x)
        np.testing.assert_allclose(in_lanes(getattr(lane_maths, name), x), alone, rtol=2 * EPS, atol=2 * EPS)


def test_what_is_beyond_or_no_number():
    special = [math.nan, math.inf, -math.inf, 89.0, -88.0, 88.72, -0.0]
    np.testing.assert_allclose(
        applied(_maths.exp, special), [math.nan, math.inf, 0, math.inf, 0, np.exp(np.float32(88.72)), 1], rtol=1e-6
    )
    np.testing.assert_allclose(
        applied(_maths.expm1, special), [math.nan, math.inf, -1, math.inf, -1, np.exp(np.float32(88.72)), 0], rtol=1e-6
    )
    assert np.isnan(applied(_maths.log2, [math.nan])).all()
    np.testing.assert_equal(applied(_maths.relu, special), [math.nan, math.inf, 0, 89.0, 0, np.float32(88.72), 0])
    np.testing.assert_equal(applied(_maths.tanh, special), [math.nan, 1, -1, 1, -1, 1, 0])
    assert np.isnan(applied(_maths.root, [math.nan])).all()
    assert np.isnan(applied(_maths.sin, special[:3])).all()
    np.testing.assert_equal(applied(_maths.step, [-1, 0, 1e-30]), [0, 0, 1])
    beyond = [math.nan, math.inf, -math.inf, 89.0, -0.0]
    np.testing.assert_equal(applied(_maths.erf, beyond), [math.nan, 1, -1, 1, 0])
    np.testing.assert_equal(applied(_maths.softplus, beyond[:4]), [math.nan, math.inf, 0, 89])
    for order, at_nothing in enumerate((1, 0, np.float32(-1 / 3), 0)):
        found = applied(getattr(_maths, f"sinc{order}"), beyond)
        assert np.isnan(found[:3]).all()
        assert found[4] == at_nothing


def stage_of(loops):
    """A stage that runs the three loops of an activation on one tile."""
    value, learn, backward = loops.value, loops.learn, loops.backward

    def every(
        worker: int, workers: int, z: F2, kept: F2, h: F2, g: F2, bias: F1, sums: F1, numbers: F1, columns: int
    ) -> None:  # fmt: skip
        points, wide = z.shape[0], z.shape[1]
        learn(kept.ctypes.data, wide, h.ctypes.data, wide, points, columns, bias.ctypes.data, numbers.ctypes.data)
        backward(
            kept.ctypes.data, wide, h.ctypes.data, wide, g.ctypes.data, wide, points, columns, sums.ctypes.data,
            numbers.ctypes.data,
        )  # fmt: skip
        value(z.ctypes.data, wide, points, columns, bias.ctypes.data, numbers.ctypes.data)

    return Stage(every, loops.source)


@pytest.mark.parametrize("planes_in", [1, 2])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] * (name not in ("gabor", "relu", "silu", "sine")))
        for name in activations.names()
    ],
)
def test_loops_are_the_formula_and_its_derivatives(name, planes_in):
    activation = activations.build(name)
    if planes_in > activation.planes:
        pytest.skip("carries one plane")
    try:
        loops = _activations.loops(activation, planes_in)
    except _formulas.Untranslatable:
        pytest.skip("has no loops")
    points, columns, planes_out = 5, 24, activation.planes
    torch.manual_seed(0)
    inputs = [torch.rand(points, columns) * 0.6 - 0.3 for _ in range(planes_in)]
    bias = torch.rand(columns * planes_in) * 0.2 - 0.1
    upstream = [torch.randn(points, columns) for _ in range(planes_out)]
    wide = columns * 2 + 8  # both planes, and something that must stay as it is

    def tile(planes):
        buffer = torch.full((points, wide), 7.0)
        for index, plane in enumerate(planes):
            buffer[:, index * columns : (index + 1) * columns] = plane
        return buffer.numpy()

    z, kept, h, g = tile(inputs), tile(inputs), tile([]), tile(upstream)
    sums = np.ones(2 * columns, np.float32)
    numbers = np.array([*_formulas.constant_row(activation, "hidden"), 0], np.float32)
    call = Call(
        stage_of(loops), z=z, kept=kept, h=h, g=g, bias=bias.numpy(), sums=sums,
        numbers=numbers, columns=columns,
    )  # fmt: skip
    run([call], 1)

    shifted = [(plane + bias[index * columns : (index + 1) * columns]).double() for index, plane in enumerate(inputs)]
    constants = activation.constants("hidden")
    values = activation(tuple(shifted))
    full = [*shifted, torch.zeros_like(shifted[0])][: activation.planes]
    for index, value in enumerate(values):
        place = slice(index * columns, (index + 1) * columns)
        np.testing.assert_allclose(h[:, place], value, atol=3e-6)
        np.testing.assert_allclose(z[:, place], value, atol=3e-6)
    for plane in range(planes_in):
        slopes = partial(activation, plane)(*full, **constants)
        pulled = sum(up.double() * slope for up, slope in zip(upstream, slopes, strict=True))
        place = slice(plane * columns, (plane + 1) * columns)
        np.testing.assert_allclose(kept[:, place], pulled, atol=2e-4)
        np.testing.assert_allclose(sums[place], pulled.sum(0) + 1, atol=1e-3)
    assert (h[:, planes_out * columns :] == 7).all()
    assert (z[:, max(planes_in, planes_out) * columns :] == 7).all()


def test_a_complex_wavelet_needs_no_sine_on_the_way_back():
    source = _activations.loops(activations.build("gabor"), 2).source
    back = source[source.index("def backward") :]
    assert not any(function in back for function in ("sin(", "cos(", "exp("))


def test_a_formula_without_fast_code_is_refused_in_words():
    z = sympy.Symbol("z", real=True)
    for expression, reason in ((sympy.gamma(z), "gamma"), (z ** sympy.Rational(1, 3), "power")):
        with pytest.raises(_formulas.Untranslatable, match=reason):
            _formulas.code_of([expression], _activations.NUMBA)
