"""Measures of fields, fits and signals, each against what mathematics says of it."""

import math

import numpy as np
import pytest
import torch

import inr
from inr import diagnostics
from inr.fitting import tangent_kernel

RNG = np.random.default_rng


def small_field(shape=(12, 9), channels=1, **parts) -> inr.Field:
    kind = "image" if len(shape) == 2 else "volume"
    signal = inr.from_array(RNG(0).random((*shape, channels)).astype(np.float32), kind=kind, channels_last=True)
    torch.manual_seed(0)
    return inr.Field.build(signal.domain, **{"network": "mlp:depth=2,width=16", "activation": "relu"} | parts)


def grid(field) -> torch.Tensor:
    shape = field.domain.shape
    return inr.signals.grid_coords(shape, torch.arange(math.prod(shape)))


@pytest.mark.parametrize("shape", [(64,), (17, 30), (8, 9, 11)])
def test_bands_hold_all_the_power(shape):
    values = RNG(1).normal(size=(*shape, 2))
    powers = diagnostics.band_powers(values, window=False)
    assert powers.sum() == pytest.approx(np.square(values).mean(), rel=1e-12)  # Parseval
    assert len(powers) == len(diagnostics.band_limits(shape))


def test_a_wave_lies_in_its_own_band():
    x = np.arange(64)
    for cycles, band in ((2, 1), (3, 2), (4, 2), (12, 4), (16, 4), (20, 5)):  # ends at 1, 2, 4, 8, 16 and 32 cycles
        powers = diagnostics.band_powers(np.sin(2 * np.pi * cycles * x / 64)[:, None], window=False)
        assert powers[band] == pytest.approx(0.5)
    low, high = (np.sin(2 * np.pi * cycles * x / 64)[:, None] for cycles in (3, 25))
    assert diagnostics.spectral_bias_index(low) == pytest.approx(-1, abs=1e-4)  # Hann's side lobes
    assert diagnostics.spectral_bias_index(high) == pytest.approx(1, abs=1e-4)
    assert diagnostics.band_residuals(0.1 * low, low)[2] == pytest.approx(0.01)


def test_low_bands_are_learned_first():
    """Sines of several frequencies and a ReLU network on bare coordinates (Rahaman et al.)."""
    x = np.linspace(-1, 1, 128, endpoint=False)
    target = sum(np.sin(np.pi * k * x) for k in (1, 12, 40))
    coords, values = torch.tensor(x, dtype=torch.float32)[:, None], torch.tensor(target, dtype=torch.float32)[:, None]
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(1, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(),
                              torch.nn.Linear(64, 1))  # fmt: skip
    adam = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(100):
        adam.zero_grad()
        (net(coords) - values).square().mean().backward()
        adam.step()
    left = diagnostics.band_residuals((net(coords) - values).detach().numpy(), values.numpy())
    assert left[0] < 0.2
    assert left[-1] > 0.7


def test_lanczos_finds_the_ends_of_a_tangent_kernel():
    """Against dense eigenvalues, to 1e-3: the largest of a smooth network, and both of a grid, whose are apart."""
    smooth = small_field((11, 9), channels=2, encoding="fourier:frequencies=8,sigma=2").double()
    coords = grid(smooth).double()
    exact = torch.linalg.eigvalsh(tangent_kernel(smooth, coords)).numpy()
    found = diagnostics.lanczos(diagnostics._measures._kernel_spectrum.kernel_product(smooth, coords), 99, 30)
    assert found.values[-1] == pytest.approx(exact[-1], rel=1e-3)
    assert found.values[-2] == pytest.approx(exact[-2], rel=1e-3)
    assert found.shares.sum() == pytest.approx(1)
    largest, smallest = diagnostics.kernel_ends(smooth, coords, products=30)
    assert largest == pytest.approx(exact[-1], rel=1e-3)
    assert math.isnan(smallest)

    parts = {"encoding": "dense:levels=2,coarsest=6,finest=12", "network": "mlp:depth=1,width=16"}
    field = small_field((11, 9), **parts).double()
    exact = torch.linalg.eigvalsh(tangent_kernel(field, coords)).numpy()
    ends = diagnostics.kernel_ends(field, coords, products=99)
    assert ends == pytest.approx((exact[-1], exact[0]), rel=1e-3)
    assert exact[0] < 0.05 * exact[-1]


def test_ritz_values_are_as_near_as_they_say():
    known = np.linspace(1, 3, 40) ** 2
    for products in (10, 25, 40):
        found = diagnostics.lanczos(lambda v: v * torch.tensor(known), 40, products)
        nearest = np.abs(found.values[:, None] - known).min(1)
        assert (nearest <= found.bounds + 1e-9).all()
    assert found.values == pytest.approx(known, rel=1e-6)


def test_predicted_residual_is_that_of_a_wide_network_within_2_db():
    """400 steps of gradient descent on all samples at once, the tangent kernel being that of the start."""
    x = torch.arange(40, dtype=torch.float64) / 20 - 0.975
    target = (torch.sin(4 * x) + 0.4 * torch.cos(17 * x) + 0.2 * torch.sin(31 * x))[:, None]
    field = small_field((40,), encoding="fourier:frequencies=16,sigma=2", network="mlp:depth=2,width=256").double()
    coords = x[:, None]
    with torch.no_grad():
        begin = target - field(coords)
    eigenvalues, shares = diagnostics.target_shares(tangent_kernel(field, coords), begin)
    descent = torch.optim.SGD(field.parameters(), 1 / float(eigenvalues[0]))
    for _ in range(400):
        descent.zero_grad()
        (0.5 * (field(coords) - target).square().sum()).backward()
        descent.step()
    with torch.no_grad():
        actual = float((field(coords) - target).square().sum() / begin.square().sum())
    predicted = diagnostics.predicted_residual(eigenvalues, shares, 400)
    assert 10 * abs(math.log10(predicted / actual)) < 2
    assert actual < 0.1


def test_the_trace_is_that_of_the_kernel():
    field = small_field((10, 8), activation="sine")
    coords = grid(field)
    kernel = tangent_kernel(field, coords).double()
    assert diagnostics.kernel_trace(field, coords, probes=60) == pytest.approx(float(kernel.trace()), rel=0.15)
    places, shares = diagnostics.spectral_density(field, coords, products=20, probes=8)
    assert shares.sum() == pytest.approx(1)
    assert float(places @ shares) == pytest.approx(float(kernel.trace()) / 80, rel=0.3)


def test_predicted_residual_is_that_of_gradient_descent():
    draw = torch.Generator().manual_seed(0)
    features = torch.randn(30, 50, generator=draw, dtype=torch.float64)
    values = torch.randn(30, 2, generator=draw, dtype=torch.float64)
    eigenvalues, shares = diagnostics.target_shares(features @ features.T, values)
    assert shares.sum() == pytest.approx(1)
    assert diagnostics.predicted_residual(eigenvalues, shares, 0) == pytest.approx(1)
    weights, rate = torch.zeros(50, 2, dtype=torch.float64), 1 / eigenvalues[0]
    for _ in range(25):
        weights -= rate * features.T @ (features @ weights - values)
    left = float((features @ weights - values).square().sum() / values.square().sum())
    assert diagnostics.predicted_residual(eigenvalues, shares, 25) == pytest.approx(left, rel=1e-9)


def test_a_sine_network_makes_multiples_of_its_frequencies_only():
    """A dictionary of 2 and 4 cycles never makes 3 (Yüce et al.): the target has no share where the kernel is not 0."""
    x = torch.arange(48, dtype=torch.float64) / 48 * 2 - 1
    net = torch.nn.Linear(2, 24, dtype=torch.float64)
    last = torch.nn.Linear(24, 1, dtype=torch.float64)
    inputs = torch.stack([torch.sin(np.pi * 2 * x), torch.sin(np.pi * 4 * x)], 1)
    parameters = [*net.parameters(), *last.parameters()]
    rows = [torch.autograd.grad(value, parameters, retain_graph=True) for value in last(torch.sin(net(inputs)))[:, 0]]
    jacobian = torch.stack([torch.cat([each.flatten() for each in row]) for row in rows])
    eigenvalues, shares = diagnostics.target_shares(jacobian @ jacobian.T, torch.sin(np.pi * 3 * x)[:, None])
    assert shares[eigenvalues > 1e-9 * eigenvalues[0]].sum() < 1e-12


def test_ranks():
    assert diagnostics.feature_rank(torch.linalg.qr(torch.randn(40, 12))[0]) == pytest.approx(1)
    assert diagnostics.feature_rank(torch.ones(40, 12)) == pytest.approx(1 / 12)
    field = small_field()
    ranks = diagnostics.layer_ranks(field)
    assert list(ranks) == ["layers.0", "layers.1", "layers.2"]
    with torch.no_grad():
        field.network.layers[1].weight.copy_(torch.eye(16))
        field.network.layers[0].weight.copy_(torch.ones(16, 2))
    ranks = diagnostics.layer_ranks(field)
    assert ranks["layers.1"] == pytest.approx(16)
    assert ranks["layers.0"] == pytest.approx(1)


def test_whiteness():
    noise = RNG(2).normal(size=(60, 70, 3))
    assert abs(diagnostics.autocorrelation(noise)) < 2 / math.sqrt(noise.size) * 2
    smooth = np.sin(np.arange(200) / 20)[:, None]
    assert diagnostics.autocorrelation(smooth) > 0.99
    around = diagnostics.autocorrelation_map(noise)
    assert around.shape == (17, 17)
    assert around[8, 8] == pytest.approx(1)
    assert around[8, 9] == pytest.approx(np.sum(noise[:, 1:] * noise[:, :-1]) / np.square(noise).sum())


@pytest.mark.parametrize("shape", [(4_000,), (80, 70), (20, 21, 22)])
def test_noise_is_told_from_smooth_signals(shape):
    places = np.meshgrid(*[np.linspace(0, 1, size) for size in shape], indexing="ij")
    smooth = np.sin(6 * sum(places))[..., None]
    for sigma in (0.02, 0.1):
        found = diagnostics.noise_estimate(smooth + RNG(3).normal(0, sigma, smooth.shape))
        assert found == pytest.approx(sigma, rel=0.1)
    with pytest.raises(inr.InrError, match="5 samples"):
        diagnostics.noise_estimate(np.zeros((4, 3, 1)))


def test_alias_ratio():
    count = 40
    coords = inr.signals.grid_coords((count, count), torch.arange(count**2))
    finer = diagnostics.twice_as_dense(coords, (count, count))
    assert torch.allclose(finer.reshape(2 * count, 2 * count, 2)[::2, ::2].reshape(-1, 2), coords, atol=1e-6)

    def wave(places, cycles):
        return np.sin(np.pi * cycles * places[:, 0].numpy() + 0.3)

    def ratio(cycles):
        values = wave(finer, cycles).reshape(2 * count, 2 * count, 1)
        return diagnostics.alias_ratio(values, wave(coords, cycles).reshape(count, count, 1))

    assert ratio(8) < 0.1  # below the samples' Nyquist frequency of 20 cycles
    assert ratio(count + 8) > 20  # looks the same at the samples

    samples = wave(coords, 8).reshape(count, count, 1)
    for amount in (0.0, 0.5):
        values = (wave(finer, 8) + amount * wave(finer, 30)).reshape(2 * count, 2 * count, 1)
        assert diagnostics.invented_power(values, samples) == pytest.approx(amount**2 / 2, abs=0.01)


def test_regions_of_one_layer_are_its_kinks():
    field = small_field((32,), network="mlp:depth=1,width=9")
    layer = field.network.layers[0]
    kinks = (-layer.bias / layer.weight[:, 0]).detach()
    inside = sorted(float(each) for each in kinks if -1 < each < 1)
    found = diagnostics.regions_along(field, torch.tensor([-1.0]), torch.tensor([1.0]), points=20_001)
    assert found.regions == len(inside) + 1
    assert found.places == pytest.approx((np.array(inside) + 1) / 2, abs=1e-4)
    patterns = diagnostics.activation_patterns(field, torch.linspace(-1, 1, 5_000)[:, None])
    assert diagnostics.region_count(patterns) == len(inside) + 1 <= 10


def test_hamming_is_a_metric_and_encodings_make_neighbours_differ():
    one, two, three = RNG(4).random((3, 50, 40)) > 0.5
    assert not diagnostics.hamming(one, one).any()
    assert (diagnostics.hamming(one, two) == diagnostics.hamming(two, one)).all()
    between = diagnostics.hamming(one, two) + diagnostics.hamming(two, three)
    assert (diagnostics.hamming(one, three) <= between).all()
    spacing = torch.full((2,), 2 / 32)
    wide = {"network": "mlp:depth=2,width=128"}
    raw, coded = (
        diagnostics.hamming_distances(small_field(encoding=encoding, **wide), spacing)
        for encoding in ("identity", "fourier:kind=positional,frequencies=10,octaves=5")
    )
    assert coded[0] > 5 * raw[0]  # the paper's ordering
    assert raw[0] < raw[1]
    assert coded[0] < coded[1]


def test_gradients_of_a_linear_model():
    field = small_field((6, 5), network="mlp:depth=1,width=2", activation="linear")
    coords, values = grid(field), torch.randn(30, 1, generator=torch.Generator().manual_seed(1))
    cosines = diagnostics.gradient_cosines(field, coords, values)
    kernel = tangent_kernel(field, coords)
    missed = (field(coords) - values).detach()[:, 0]
    one, other = torch.triu_indices(30, 30, 1)
    expected = kernel[one, other] / (kernel.diagonal()[one] * kernel.diagonal()[other]).sqrt()
    assert torch.allclose(cosines.float(), expected * (missed[one] * missed[other]).sign(), atol=1e-4)
    exact = diagnostics.gradient_cosines(field, coords[:3], field(coords[:3]).detach())
    assert bool(exact.isnan().all())


def test_complexity():
    x = np.arange(64) / 64
    assert diagnostics.fourier_complexity(np.cos(2 * np.pi * 7 * x)) == pytest.approx(7)
    nodes = np.cos(np.pi * (np.arange(40) + 0.5) / 40)
    assert diagnostics.chebyshev_complexity(8 * nodes**4 - 8 * nodes**2 + 1) == pytest.approx(4)  # T_4
    both = np.outer(4 * nodes**3 - 3 * nodes, 2 * nodes**2 - 1)
    assert diagnostics.chebyshev_complexity(both) == pytest.approx(math.hypot(3, 2))
    assert diagnostics.lempel_ziv_words(np.zeros(5050, dtype=bool)) == 100  # 1 + 2 + … + 100
    relu, sine = (
        diagnostics.untrained_complexity(small_field(activation=name, network="mlp:depth=3,width=64"))
        for name in ("relu", "sine")
    )
    assert sine.fourier > relu.fourier
    assert sine.lempel_ziv > 2 * relu.lempel_ziv
    assert sine.chebyshev > 2 * relu.chebyshev


def test_fresh_distance():
    x = np.arange(64) / 64
    waves = {k: np.sin(2 * np.pi * k * x)[:, None] for k in (3, 10)}
    assert diagnostics.fresh_distance(waves[3], [waves[3]]) == pytest.approx(0, abs=1e-9)
    assert diagnostics.fresh_distance(waves[3], [waves[10]]) == pytest.approx(7)
    with pytest.raises(inr.InrError, match="grid"):
        diagnostics.fresh_distance(waves[3], [waves[3][:32]])


def test_amplitudes_are_bounded():
    from scipy.special import jv

    for weight in (0.3, 1.0, 1.9):
        for order in range(1, 6):  # sin(w sin x) = Σ J_k(w) sin kx
            assert abs(jv(order, weight)) <= diagnostics.amplitude_bound(np.array([weight]), np.array([order]))
    field = small_field(activation="sine:omega=30", network="mlp:depth=2,width=16")
    bounds = diagnostics.harmonic_bounds(field, orders=4)["layers.1"]
    largest = 30 * field.network.layers[1].weight.abs().sum(1).max().item()
    assert bounds == pytest.approx([largest**p / math.factorial(p) for p in (1, 2, 3, 4)], rel=1e-5)
    with pytest.raises(inr.InrError, match="sine"):
        diagnostics.harmonic_bounds(small_field())


def test_random_features_leave_one_out_equals_refits():
    draw = RNG(5)
    coords, values = draw.uniform(-1, 1, (20, 2)), draw.normal(size=(20, 1))
    model = diagnostics.random_features(coords, values, sigmas=[1.0], features=12)
    features = diagnostics._measures._random_features._features(coords, model.frequencies)
    mean = np.square(features).sum() / 20
    missed = []
    for out in range(20):
        kept = np.arange(20) != out
        gram = features[kept] @ features[kept].T + model.ridge * mean * np.eye(19)
        predicted = features[out] @ features[kept].T @ np.linalg.solve(gram, values[kept])
        missed.append((predicted - values[out]) ** 2)
    assert model.left_out == pytest.approx(np.mean(missed), rel=1e-6)
    assert model.ladder == ((1.0, model.left_out),)


def test_random_features_need_the_targets_band():
    x = np.linspace(-1, 1, 96)[:, None]
    wave = np.sin(np.pi * 20 * x)
    narrow, wide = (diagnostics.random_features(x, wave, band=band) for band in (12.0, 30.0))
    assert wide.left_out < 1e-3 < 0.05 < narrow.left_out
