"""BACON: where its spectrum ends, before and after it has learned, and the spread of its values."""

import math

import numpy as np
import pytest
import torch

import inr
from inr import Field, InrError
from inr.activations import Linear, Sine
from inr.engines import Batch, plan
from inr.fitting import Budget, make_fitter
from inr.networks import BACON
from inr.objectives import Regression

OCTAVES = "1+2+4"


def made(in_dim: int = 2, channels: int = 1, **given) -> BACON:
    torch.manual_seed(0)
    return BACON(in_dim, channels, Linear(), **given).double()


def grid(size: int, axes: int) -> torch.Tensor:
    """Cell centres of `size` cells an axis, (size^axes, axes), x fastest."""
    centres = (2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1
    return torch.cartesian_prod(*[centres] * axes).reshape(-1, axes).flip(1)


def beyond(values: torch.Tensor, size: int, band: tuple[int, ...]) -> float:
    """The share of the energy above the band of any axis."""
    axes = len(band)
    energy = torch.fft.fftn(values.detach().reshape([size] * axes)).abs().square()
    cycles = torch.fft.fftfreq(size, 1 / size).abs()
    outside = torch.zeros_like(energy, dtype=torch.bool)
    for axis, bound in enumerate(band):  # the last axis of the array is x
        outside |= (cycles > bound + 0.5).view([-1 if axes - 1 - axis == other else 1 for other in range(axes)])
    return float(energy[outside].sum() / energy.sum())


@pytest.mark.parametrize(
    ("axes", "size", "given"),
    [
        (1, 128, {"bandwidth": 64, "outputs": OCTAVES}),
        (2, 48, {"bandwidth": "32x16", "outputs": OCTAVES}),
        (2, 48, {"bandwidth": 19, "outputs": "1+3", "shares": "1/3+1/6+1/4+1/4"}),
        (3, 20, {"bandwidth": 16, "outputs": "2+4"}),
    ],
)
def test_no_head_has_energy_above_its_band_before_and_after_learning(axes, size, given):
    network, coords = made(axes, width=12, **given), grid(size, axes)
    target = torch.rand(len(coords), 1, dtype=torch.float64) - 0.5  # white: all that it could learn
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for step in range(16):
        heads = network.heads(coords)
        if step in (0, 15):
            for head, band in zip(heads, network.bands, strict=True):
                assert beyond(head, size, band) < 1e-10
            # which is not for want of energy just below it
            lower = tuple(max(bound - 2, 0) for bound in network.bands[-1])
            assert beyond(heads[-1], size, lower) > 1e-8
        optimiser.zero_grad()
        sum((head - target).square().mean() for head in heads).backward()
        optimiser.step()


def test_frequencies_are_whole_cycles_up_to_each_filters_own():
    network = made(2, width=512, bandwidth="64x33")
    expected = [(4, 2), (4, 2), (8, 4), (8, 4), (8, 4)]  # 1/8 1/8 1/4 1/4 1/4 of 32 and of 16 cycles
    assert torch.equal(network.frequencies, network.frequencies.round())
    for matrix, highest in zip(network.frequencies, expected, strict=True):
        assert tuple(matrix.abs().max(0).values.tolist()) == highest
        assert tuple(matrix.min(0).values.tolist()) == tuple(-bound for bound in highest)
    assert network.bands == ((8, 4), (16, 8), (32, 16))


@pytest.mark.parametrize("bandwidth", [1, 2, 3, 7, 8, 100, 255, 384, 769, 2**20])
@pytest.mark.parametrize("outputs", [1, 3, OCTAVES, "2+4+6+8", "1+2+3+4+5+6"])
def test_bands_never_exceed_what_the_samples_carry(bandwidth, outputs):
    network = made(1, width=2, bandwidth=bandwidth, outputs=outputs)
    count = len(network.bands)
    for index, (band,) in enumerate(network.bands):
        ideal = bandwidth / 2 / 2 ** (count - 1 - index)
        assert ideal - 1.5 < band <= ideal


@pytest.mark.parametrize(
    ("outputs", "shares"),
    [(OCTAVES, "1/8+1/8+1/4+1/4+1/4"), ("2+4+6+8", "1/24+1/24+1/24+1/16+1/16+1/8+1/8+1/4+1/4")],
)
def test_octaves_are_the_published_shares(outputs, shares):
    ours, published = made(2, width=64, outputs=outputs), made(2, width=64, outputs=outputs, shares=shares)
    assert torch.equal(ours.frequencies, published.frequencies)
    assert ours.bands == published.bands


def test_it_is_the_formula():
    network, x = made(3, 2, width=6, bandwidth=8, outputs="1+2"), grid(4, 3)
    half, turn = x / 2, 2 * math.pi * network.frequencies  # pixel centres in (-1/2, 1/2), and the publication's Ω
    g = [torch.sin(half @ omega.T + phase) for omega, phase in zip(turn, network.phases, strict=True)]
    one, two = network.layers
    z1 = g[1] * (g[0] @ one.weight.T + one.bias)
    z2 = g[2] * (z1 @ two.weight.T + two.bias)
    for head, z, reader in zip(network.heads(x), (z1, z2), network.readers, strict=True):
        torch.testing.assert_close(head, z @ reader.weight.T + reader.bias, rtol=1e-10, atol=1e-10)
    assert torch.equal(network.heads(x)[-1], network(x))


def test_values_keep_their_spread_at_any_depth():
    network = made(2, 64, width=512, outputs="2+4+6+8", bandwidth=2048)
    x = torch.rand(1024, 2, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        products = list(network._products(x))
        for values in products:
            assert 0.70 <= round(values.std().item(), 2) <= 0.71
        for layer, values in zip(network.layers, products, strict=False):
            assert layer(values)[0].std().item() == pytest.approx(1, abs=0.02)
        for head in network.heads(x):
            assert head.std().item() == pytest.approx(1, abs=0.06)


def test_only_linear_maps_and_phases_learn():
    network = made(width=4)
    assert {name.partition(".")[0] for name, _ in network.named_parameters()} == {"phases", "layers", "readers"}
    assert "frequencies" in network.state_dict()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"outputs": "4+2"}, "outputs must be ascending numbers from 1 to 64"),
        ({"outputs": "0+2"}, "outputs must be ascending numbers from 1 to 64"),
        ({"outputs": 65}, "outputs must be ascending numbers from 1 to 64"),
        ({"bandwidth": "32x32x32"}, "once or for each of 2 axes"),
        ({"bandwidth": "32x0"}, "bandwidth must be 1 to 1048576 samples"),
        ({"bandwidth": "wide"}, "bandwidth must be numbers with x between them, got 'wide'"),
        ({"shares": "1/2+1/2"}, "shares must be 5 numbers that sum to 1"),
        ({"shares": "1/2+1/2+1/2+1/2+-1"}, "shares must be 5 numbers that sum to 1"),
        ({"shares": "1/2+1/0"}, "shares must be numbers"),
        ({"shares": "1e999999999"}, "shares must be numbers"),
    ],
)
def test_what_makes_no_network(given, message):
    with pytest.raises(InrError, match=message):
        made(**given)


def test_other_activations_and_encodings_are_refused():
    with pytest.raises(InrError, match="'bacon' multiplies and has no activation: use activation=linear, not 'sine'"):
        BACON(2, 1, Sine())
    domain = picture(8).domain
    with pytest.raises(InrError, match="'bacon' reads encoding=identity only, not 'fourier'"):
        Field.build(domain, encoding="fourier", activation="linear", network="bacon")


def picture(size: int) -> inr.Signal:
    x = (np.arange(size) + 0.5) / size
    stripes = np.sin(2 * np.pi * 5 * x)[None, :] * np.cos(2 * np.pi * 4 * x)[:, None]
    return inr.Signal.from_array((127.5 * (1 + 0.9 * stripes)).astype(np.uint8), kind="image")


def test_all_heads_learn_and_the_loss_is_the_last_ones():
    torch.manual_seed(0)
    signal = picture(8)
    field = Field.build(signal.domain, activation="linear", network="bacon:width=8,bandwidth=8")
    indices = torch.arange(40)
    weights = torch.rand(40)
    result = plan(field, Regression(signal), "eager")[1].loss_and_grad(
        dict(field.named_parameters()), Batch(indices, weights)
    )
    missed = [head - signal.values(indices) for head in field.heads(signal.coords(indices))]
    losses = [(weights[:, None] * each.square()).mean() for each in missed]
    sum(losses).backward()
    torch.testing.assert_close(result.loss, losses[-1].detach())
    torch.testing.assert_close(result.residuals, missed[-1].detach())
    for name, parameter in field.named_parameters():
        torch.testing.assert_close(result.grads[name], parameter.grad)


def test_a_target_is_reached_though_the_coarse_heads_stay_below():
    # cycles of 5 and 4, which the band of the second head, 4 and 4, does not hold
    fitter = make_fitter(
        picture(16),
        network="bacon:width=24,bandwidth=16",
        budget=Budget(steps=600, psnr=25),
        learning_rate=1e-2,
        lattice_only=True,
    )
    *_, end = fitter.run()
    assert end.reason == "target"
    coarse = fitter.field.heads(fitter.signal.coords(torch.arange(256)))[0]
    assert (coarse - fitter.signal.values(torch.arange(256))).square().mean() > 0.1
