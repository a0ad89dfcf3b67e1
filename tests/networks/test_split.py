"""Split wavelet networks: their templates, where the wavelets stand, and the algebra that products of them keep to."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

import inr
from inr import Budget, Field, InrError, Signal
from inr.activations import Activation, Gabor, Sine
from inr.fitting import make_fitter
from inr.networks import Split, networks
from inr.networks._templates import TEMPLATES
from inr.signals import modulus_maxima

every_template = pytest.mark.parametrize("name", sorted(TEMPLATES))
every_dim = pytest.mark.parametrize("in_dim", [1, 2, 3])


class Polynomial(Activation):
    """z + z²: what the paper's theorem is about."""

    planes = 2

    @staticmethod
    def formula(ops: Any, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        a, b = planes
        return a + a * a - b * b, b + 2 * a * b


def split(in_dim=2, activation=None, seed=0, **parameters):
    torch.manual_seed(seed)
    return Split(in_dim, 1, activation or Gabor(), **{"width": 20, "low": 9, **parameters}).double()


def points(count, in_dim):
    return 2 * torch.rand(count, in_dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 1


def complex_of(planes):
    return torch.complex(*planes).detach().numpy()


def maps_and_centres(layer):
    """W (t, d, d) and the centres -W⁻¹ b (t, d) of an affine layer whose rows go component by component."""
    in_dim = layer.weight.shape[1]
    maps = layer.weight.detach().numpy().reshape(in_dim, -1, in_dim).swapaxes(0, 1)
    biases = layer.bias.detach().numpy().reshape(in_dim, -1).T
    return maps, -np.linalg.solve(maps, biases[..., None])[..., 0]


def wavelet(name, u, omega=None, scale=None):
    """The wavelets written with complex numbers; u (…, m)."""
    squares = (u**2).sum(axis=-1)
    if name == "dog":
        return np.exp(-(scale**2) * squares) - np.exp(-(scale**2) * squares / 4) / 2 ** u.shape[-1] + 0j
    carrier = np.exp(1j * omega * u[..., 0])
    if name == "morlet":
        carrier = carrier - math.exp(-(omega**2) / (4 * scale**2))
    return carrier * np.exp(-(scale**2) * squares)


@every_dim
@every_template
def test_templates_are_the_formulas(name, in_dim):
    u = np.random.default_rng(0).normal(scale=0.2, size=(50, in_dim))
    numbers = {"scale": 3.0} if name == "dog" else {"omega": 17.0, "scale": 3.0}
    found = TEMPLATES[name][0](tuple(torch.from_numpy(u).T[..., None]), **numbers)
    np.testing.assert_allclose(complex_of(found)[:, 0], wavelet(name, u, **numbers), rtol=1e-12, atol=1e-14)


@every_dim
@every_template
def test_means(name, in_dim):
    """The trapezoidal rule is exact to rounding for Gaussians; a Gabor atom's mean is what the others take away."""
    axis = np.linspace(-6, 6, 91 if in_dim == 3 else 601)
    u = np.stack(np.meshgrid(*[axis] * in_dim, indexing="ij"), axis=-1).reshape(-1, in_dim)
    numbers = {"scale": 3.0} if name == "dog" else {"omega": 15.0, "scale": 3.0}
    planes = TEMPLATES[name][0](tuple(torch.from_numpy(u).T[..., None]), **numbers)
    integral = complex_of(planes).sum() * (axis[1] - axis[0]) ** in_dim
    envelope = (math.sqrt(math.pi) / 3) ** in_dim
    expected = envelope * math.exp(-((15 / 6) ** 2)) if name == "gabor" else 0
    assert abs(integral - expected) < 1e-12


def one_sided(values, step):
    """Share of energy at frequencies that are not positive; the values have died away at both ends."""
    energies = np.abs(np.fft.fft(values)) ** 2
    return energies[np.fft.fftfreq(len(values), step) <= 0].sum() / energies.sum()


def lone_line(**parameters):
    """A network on one axis, whose atoms have all died away within the line."""
    network = split(1, width=12, **parameters)
    with torch.no_grad():
        centres = -network.wavelets.bias / network.wavelets.weight[:, 0]
        network.wavelets.weight.clamp_(min=0.3)
        network.wavelets.bias.copy_(-network.wavelets.weight[:, 0] * centres)
    return network.requires_grad_(False)


LINE = torch.linspace(-16, 16, 2**14, dtype=torch.float64)[:, None]
STEP = (LINE[1] - LINE[0]).item()


def test_products_of_progressive_atoms_are_progressive_and_of_gabors_are_not():
    atoms = complex_of(lone_line().atoms(LINE))
    real = complex_of(lone_line(template="gabor").atoms(LINE)).real
    for one, other in itertools.combinations(range(12), 2):
        if np.abs(atoms[:, one] * atoms[:, other]).max() > 1e-6:  # apart, there is no product
            assert one_sided(atoms[:, one] * atoms[:, other], STEP) < 1e-6
            assert one_sided(real[:, one] * real[:, other], STEP) > 0.3


def test_a_polynomial_network_of_progressive_atoms_is_progressive_but_for_a_constant():
    def leak(name):
        network = lone_line(activation=Polynomial(), template=name)
        planes = network.atoms(LINE)
        for layer in network.hidden:
            planes = network.activation(layer(*planes))
        values = complex_of(planes) @ complex_of((network.last.weight_real, network.last.weight_imag))[0]
        return one_sided(values - values[0], STEP)

    assert leak("morlet") < 1e-6
    assert leak("gabor") > 0.01
    assert leak("dog") > 0.2


@every_template
def test_products_stay_where_all_their_factors_are(name):
    """Localisation is inherited: far from every atom, whatever the layers after them, values are one constant."""
    network = split(2, template=name, low=1)
    near, far = points(400, 2), 40 + points(50, 2)
    with torch.no_grad():
        maps, _ = maps_and_centres(network.wavelets)
        stretched = np.linalg.svd(maps, compute_uv=False).min(axis=1) > 0.05  # the others reach out far
        network.hidden[0].weight_real[:, ~stretched] = 0
        network.hidden[0].weight_imag[:, ~stretched] = 0
        there = network.band(far)
        torch.testing.assert_close(there, there[:1].expand_as(there), rtol=0, atol=1e-12)
        assert network.band(near).std() > 1e-3
        real, imag = network.atoms(near)
        moduli = torch.sqrt(real**2 + imag**2)
        assert moduli.max() <= 1 + 1e-12
        product = moduli[:, :10] * moduli[:, 10:]
        inside = (moduli[:, :10] > 1e-3) & (moduli[:, 10:] > 1e-3)
        assert (product[~inside] <= 1e-3).all()


@every_dim
@every_template
def test_the_network_is_the_sum_of_both_parts_written_with_complex_numbers(name, in_dim):
    network, coords = split(in_dim, template=name), points(30, in_dim)
    r = coords.numpy()
    maps, centres = maps_and_centres(network.wavelets)
    u = np.einsum("tij,ntj->nti", maps, r[:, None] - centres)
    z = wavelet(name, u, **TEMPLATES[name][1])
    np.testing.assert_allclose(complex_of(network.atoms(coords)), z, rtol=1e-8, atol=1e-10)
    for layer in network.hidden:
        z = z @ complex_of((layer.weight_real, layer.weight_imag)).T + complex_of((layer.bias_real, layer.bias_imag))
        z = np.exp(10j * z - np.abs(10 * z) ** 2)
    band = (z @ complex_of((network.last.weight_real, network.last.weight_imag)).T).real
    maps, centres = maps_and_centres(network.gaussians)
    v = np.einsum("tij,ntj->nti", maps, r[:, None] - centres)
    mix = {key: parameter.detach().numpy() for key, parameter in network.mix.named_parameters()}
    low = np.exp(-(v**2).sum(axis=-1)) @ mix["weight"].T + mix["bias"]
    np.testing.assert_allclose(network.low(coords).detach(), low, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(network.band(coords).detach(), band, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(network(coords).detach(), low + band, rtol=1e-6, atol=1e-8)


@every_dim
def test_where_atoms_begin(in_dim):
    network = split(in_dim, width=50, low=2**in_dim)
    maps, centres = maps_and_centres(network.wavelets)
    assert np.abs(centres).max() <= 1 + 1e-6
    assert centres.std() > 0.4
    assert (maps[:, 0, 0] >= 0).all()  # first rows in one half-space
    assert np.abs(maps).max() < math.sqrt(2)  # of U(±1/sqrt(d)), mirrored: rows keep their lengths
    moduli = np.abs(complex_of(network.atoms(torch.from_numpy(centres))))
    np.testing.assert_allclose(np.diagonal(moduli), 1, atol=1e-2)  # 1 - κ, the peak of a Morlet wavelet
    maps, centres = maps_and_centres(network.gaussians)
    assert np.abs(centres).max() <= 1 + 1e-6
    # 2^d of them are one unit of [-1, 1] apart, and their standard deviation: exp(-|r|²/2)
    np.testing.assert_allclose(maps, np.eye(in_dim)[None].repeat(2**in_dim, 0) / math.sqrt(2), rtol=1e-6)


def step_signal(in_dim, size=24):
    grid = np.indices([size] * in_dim)[-1]
    array = (grid >= size // 2).astype(np.float32)
    return Signal.from_array(array, kind="volume", channels_last=False)


@every_dim
def test_centres_at_the_maxima_of_the_signal(in_dim):
    signal = step_signal(in_dim)
    network = split(in_dim, width=16, centres="maxima").float()
    before, _ = maps_and_centres(network.wavelets)
    torch.manual_seed(3)
    network.init_from(signal)
    maps, centres = maps_and_centres(network.wavelets)
    found = modulus_maxima(signal)
    distances = np.abs(centres[:, None] - found.points).max(axis=-1)
    assert distances.min(axis=1).max() < 1e-3
    if in_dim > 1:
        assert len(np.unique(distances.argmin(axis=1))) == 16  # spread evenly over them
    rows = maps[:, 0] / np.linalg.norm(maps[:, 0], axis=1, keepdims=True)
    np.testing.assert_allclose(rows, np.eye(in_dim)[[0]].repeat(16, 0), atol=1e-5)
    grams = (maps @ maps.swapaxes(1, 2), before @ before.swapaxes(1, 2))
    np.testing.assert_allclose(*grams, atol=1e-5)  # mirrored: lengths and angles of rows are as they were drawn


def test_a_flat_signal_and_uniform_centres_change_nothing():
    flat = Signal.from_array(np.zeros((8, 8), np.float32), kind="image")
    for network, signal in ((split(centres="maxima"), flat), (split(), step_signal(2))):
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        network.init_from(signal)
        assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


PARTS = {"network": "split:width=8,low=4,depth=2,centres=maxima", "batch": 100}


def test_a_fit_looks_at_its_signal_first_and_the_seed_decides():
    signal = step_signal(2)
    torch.manual_seed(7)
    expected = torch.rand(2)
    torch.manual_seed(7)
    fitters = [make_fitter(signal, budget=Budget(steps=2), seed=seed, **PARTS) for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(2), expected)  # the global generator is left alone
    weights = [fitter.field.network.wavelets.bias for fitter in fitters]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    _, centres = maps_and_centres(fitters[0].field.network.wavelets)
    assert np.abs(centres[:, 0]).max() < 2 / 24
    assert fitters[0].field.config()["encoding"]["name"] == "identity"
    assert fitters[0].field.config()["activation"]["name"] == "gabor"


def test_weights_to_begin_with_are_not_moved():
    signal = step_signal(2)
    given = Field.build(signal.domain, activation="gabor", network=PARTS["network"]).state_dict()
    fitter = make_fitter(signal, budget=Budget(steps=2), start=given, **PARTS)
    assert all(torch.equal(given[name], tensor) for name, tensor in fitter.field.state_dict().items())


def test_resume_gives_the_same_curve_bit_for_bit(tmp_path):
    def fitter(**options):
        return make_fitter(step_signal(2), budget=Budget(steps=6), seed=2, **PARTS, **options)

    curve = [event.loss for event in fitter().run() if event.kind == "step"]
    path = tmp_path / "fit.checkpoint"
    first = fitter(checkpoint=path)
    for event in first.run():
        if event.step == 3:
            first.stop()
    rest = [event.loss for event in fitter(checkpoint=path, resume=True).run() if event.kind == "step"]
    assert rest == curve[3:]


def test_what_makes_no_sense_is_refused():
    scattered = Signal.from_samples(np.random.default_rng(0).random((20, 2)), np.arange(20.0))
    with pytest.raises(InrError, match="need samples on a grid"):
        make_fitter(scattered, budget=Budget(steps=2), **PARTS)
    with pytest.raises(InrError, match="activation 'sine' is real; gabor is complex"):
        Split(2, 1, Sine())
    with pytest.raises(InrError, match="encoding must be identity"):
        inr.fit(step_signal(2), encoding="fourier", network="split", steps=1, activation="gabor")
    with pytest.raises(InrError, match="template dog has no omega"):
        networks.build("split:template=dog,omega=3", 2, 1, Gabor())
    with pytest.raises(InrError, match="progressive from omega = 5 scale on, got 10/5"):
        networks.build("split:omega=10", 2, 1, Gabor())
    with pytest.raises(InrError, match="template must be one of morlet, gabor, dog"):
        networks.build("split:template=haar", 2, 1, Gabor())


def test_parameter_count_beside_wire():
    def count(network):
        return sum(parameter.numel() for parameter in network.parameters())

    wire = networks.build("mlp:depth=3,width=181", 2, 3, Gabor())
    # the Gaussians and their sum, a square map in the place of a row, no imaginary half of the output's constant
    extra = 64 * (4 + 2) + 64 * 3 + 3 + 181 * 3 - 3
    assert count(networks.build("split", 2, 3, Gabor())) == count(wire) + extra
