"""Named equations and the solutions that are known of them."""

import math

import numpy as np
import pytest
import sympy

import inr
from inr.equations import PRESETS, state
from inr.equations._following import Here
from inr.equations._helmholtz import absorbing, radiated, stretch
from inr.equations._lens import Lens
from inr.equations._linearised import Linearised
from inr.equations._presets import cole_hopf
from inr.equations._tracing import Channel, bare

_STEP = 1e-3


def _differences(exact, points, half, channels):
    """Derivatives up to second order of a known solution, by differences of 4th order."""
    found = {}
    for channel in range(channels):

        def values(shift, channel=channel):
            return exact(points + np.array(shift) * _STEP * half)[:, channel]

        for axis in range(2):
            unit = np.eye(2)[axis]
            near, far = ([values(sign * each * unit) for sign in (1, -1)] for each in (1, 2))
            middle, size = values((0, 0)), _STEP * half[axis]
            first = (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * size)
            second = (16 * (near[0] + near[1]) - (far[0] + far[1]) - 30 * middle) / (12 * size**2)
            one, two = (tuple((order * np.eye(2, dtype=int)[axis]).tolist()) for order in (1, 2))
            found |= {(channel, one): first, (channel, two): second, (channel, (0, 0)): middle}
    return found


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("poisson", {}), ("helmholtz", {"k": 9.0}), ("wave", {}), ("heat", {}), ("burgers", {"nu": 0.05}),
     pytest.param("helmholtz", {"k": 9.0, "pml": 0.4}, marks=pytest.mark.long)],
)  # fmt: skip
def test_known_solutions_satisfy_their_equations(name, numbers):
    preset = PRESETS[name](**numbers)
    stated = dict(preset.stated)
    problem = state(stated.pop("residual"), **stated)
    half = np.array([(axis.high - axis.low) / 2 for axis in problem.domain.axes])
    draw = np.random.default_rng(0).uniform(-0.9, 0.9, (200, 2))
    points = np.asarray(problem.domain.positions(draw))
    if preset.within is not None:
        points = points[preset.within(points)]
    equation = Linearised(problem.conditions[0], problem.symbols)
    field = _differences(preset.exact, points, half, problem.domain.channels)
    missed = equation.residuals(points, np.zeros((len(points), 0)), (), field)
    sizes = max(np.abs(field[key]).max() for keys in equation.jets for key in keys)
    assert np.abs(missed).max() < 1e-4 * sizes


def _operator(u, x, y, k, width):
    """Helmholtz's equation with absorbing layers, as it is written: divergences of fluxes."""
    _, ex, _ = (bare(each) for each in stretch(x, k, width))
    _, ey, _ = (bare(each) for each in stretch(y, k, width))
    along = sympy.diff(ey / ex * sympy.diff(u, x), x) + sympy.diff(ex / ey * sympy.diff(u, y), y)
    return along + ex * ey * k**2 * u


@pytest.mark.parametrize("place", [(0.1, 0.2), (0.8, 0.1), (-0.9, 0.75), (0.3, -0.95)])
def test_absorbing_layers_are_those_of_the_divergence_form(place):
    x, y = sympy.symbols("x y", real=True)
    wave = sympy.exp(1.3 * x - 0.7 * y) * sympy.cos(2 * x * y)
    k, width = 7.0, 0.5
    derivative = lambda orders: sympy.diff(wave, x, orders[0], y, orders[1])  # noqa: E731
    found = bare(absorbing(Channel("u", "xy", derivative), Here(x=x, y=y), k, width))
    values = {x: place[0], y: place[1]}
    assert complex(found.subs(values)) == pytest.approx(complex(_operator(wave, x, y, k, width).subs(values)), rel=1e-9)


def test_a_plane_wave_has_no_residual_inside_of_the_layers():
    x, y = sympy.symbols("x y", real=True)
    k = 20.0
    wave = sympy.exp(sympy.I * k * (0.6 * x + 0.8 * y))
    derivative = lambda orders: sympy.diff(wave, x, orders[0], y, orders[1])  # noqa: E731
    found = bare(absorbing(Channel("u", "xy", derivative), Here(x=x, y=y), k, 0.5))
    assert abs(complex(found.subs({x: 0.2, y: -0.4}))) < 1e-9
    assert abs(complex(found.subs({x: 0.8, y: 0.0}))) > 1


def test_radiated_waves_are_hankel_functions_outside_of_the_source():
    from scipy.special import hankel2

    radii, k, spread = np.array([0.9, 1.2]), 10.0, 0.1
    found = radiated(radii, k, spread) @ [1, 1j]
    wanted = -0.25j * hankel2(0, k * radii) * math.exp(-((k * spread) ** 2) / 2)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_burgers_front_is_that_of_cole_and_hopf():
    x = np.linspace(-0.9, 0.9, 7)
    np.testing.assert_allclose(cole_hopf(x, np.full(7, 1e-9), 0.1), -np.sin(math.pi * x), atol=1e-4)
    np.testing.assert_allclose(cole_hopf(x, np.full(7, 0.5), 0.1), -cole_hopf(-x, np.full(7, 0.5), 0.1), atol=1e-12)


def test_the_source_is_continued_into_the_layers():
    """A stretched coordinate is the integral of its stretch."""
    x = sympy.Symbol("x", real=True)
    stretched, e, slope = (bare(each) for each in stretch(x, 9.0, 0.4))
    for place in (-0.93, -0.2, 0.7, 0.98):
        for whole, derivative in ((stretched, e), (e, slope)):
            ahead, behind = (complex(whole.subs(x, place + sign * 1e-5)) for sign in (1, -1))
            assert (ahead - behind) / 2e-5 == pytest.approx(complex(derivative.subs(x, place)), rel=1e-6, abs=1e-6)


def test_a_lens_of_no_contrast_lets_plane_waves_pass():
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    lens = Lens(contrast=0.0)
    wanted = np.exp(5j * (points - np.array(lens.middle)) @ [math.cos(0.4), math.sin(0.4)])
    np.testing.assert_allclose(lens.waves(points, 5.0, 0.4), wanted, atol=1e-7)  # measured: 2e-9


@pytest.mark.long
def test_waves_in_a_lens_solve_helmholtz_equation():
    points, lens, k, step = np.random.default_rng(0).uniform(-0.9, 0.9, (20, 2)), Lens(), 5.0, 1e-2
    shifts = np.concatenate([np.zeros((1, 2)), *(sign * step * np.eye(2) for sign in (1, -1))])
    middle, *around = lens.waves((points + shifts[:, None]).reshape(-1, 2), k, 0.4).reshape(5, -1)
    laplacian = (sum(around) - 4 * middle) / step**2
    missed = laplacian + k**2 * (1 + lens.excess(points)) * middle
    assert np.abs(missed).max() < 2e-3 * k**2  # of differences: (k h)²/12 and the lens's own


def test_of_the_inverse_the_medium_is_not_measured():
    """Data of one's own, of any number of sources."""
    points = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    preset = PRESETS["helmholtz"](k=5, inverse=True, data=(points, np.exp(5j * points[:, :1])))
    stated = dict(preset.stated)
    problem = state(stated.pop("residual"), **stated)
    assert problem.symbols.channels == ("m", "uaRe", "uaIm")
    assert len(problem.conditions[-1].residuals) == 2
    assert preset.exact is None


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("helmholtz", {"k": -1.0}), ("helmholtz", {"pml": 2.0}), ("burgers", {"nu": 0.0}),
        ("helmholtz", {"pml": 0.4, "inverse": True}), ("helmholtz", {"data": (np.zeros((3, 2)), np.zeros(3))}),
        ("helmholtz", {"inverse": True, "data": (np.zeros((3, 2)), np.zeros((3, 9)))}),
    ],
)  # fmt: skip
def test_numbers_that_make_no_equation_are_refused(name, numbers):
    with pytest.raises(inr.InrError):
        PRESETS[name](**numbers)


def test_a_file_is_a_signal_and_not_an_equation(tmp_path):
    """By its name as text, as by its path; one that is not there is told as such, and u.xx is no name of a file."""
    path = tmp_path / "u_xx.npy"
    np.save(path, np.outer(np.arange(8.0), np.arange(6.0)))
    for given in (path, str(path)):
        assert inr.solve(given, network="kronecker:size=4").domain.shape == (8, 6)
    with pytest.raises(inr.InrError, match=r"photo.png does not exist"):
        inr.solve("photo.png")
    with pytest.raises(inr.InrError, match="not enough conditions"):
        inr.solve("u.xx")
