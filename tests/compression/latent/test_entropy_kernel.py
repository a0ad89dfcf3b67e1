"""The compiled rate of latents beside the eager one in float64."""

import numpy as np
import pytest
import torch

from inr.compression.bitstream.latent.layout import PRESETS, Layout
from inr.compression.encoder.latent import eager
from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels import entropy
from inr.compression.encoder.latent.kernels.entropy import EntropyKernel
from inr.jit import run
from tests.tables import mostly_long

WEIGHT = 0.37
# The worst case below is 2e-6 of the largest, with vectors of 16; others round sums otherwise.
TOLERANCE = 1e-5
# The kernel is made anew for every width of the network, which takes up to twenty seconds.
KERNELS = mostly_long(PRESETS)


def filled(height, width, preset, seed=0, spread=1.5):
    """Buffers with random latents and networks whose log scales lie around 0."""
    layout = Layout(height, width, 3, preset)
    buffers = Buffers.of(layout, np.zeros((3, height, width), np.float32))
    draw = np.random.default_rng(seed)
    buffers.rounded[:] = draw.laplace(0, spread, layout.latents)
    for name in entropy_names(layout):
        tensor = buffers.tensor(name)
        tensor[:] = draw.normal(0, 0.1, tensor.shape)
    buffers.tensor("entropy.2.bias")[:] = 0.2, eager.LOG_SCALE_SHIFT
    return buffers


def entropy_names(layout):
    return [name for name in layout.tensors if name.startswith(("entropy", "features"))]


def reference(buffers):
    """Bits and gradients of the eager mathematics in float64."""
    parameters = {
        name: torch.tensor(buffers.tensor(name), dtype=torch.float64, requires_grad=True)
        for name in entropy_names(buffers.layout)
    }
    rounded = torch.tensor(buffers.rounded, dtype=torch.float64, requires_grad=True)
    bits = eager.latent_bits(buffers.layout, parameters, rounded)
    (WEIGHT * bits.sum()).backward()
    gradients = {
        name: np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
        for name, tensor in parameters.items()
    }
    return bits.detach().numpy(), rounded.grad.numpy(), gradients


def assert_near(found, exact, tolerance=TOLERANCE):
    assert found.shape == exact.shape
    assert np.isfinite(found).all()
    assert np.abs(found - exact).max(initial=0) <= tolerance * max(np.abs(exact).max(initial=0), 1e-3)


def assert_gradients_near(buffers, gradient, gradients):
    assert_near(buffers.gradient, gradient)
    for name, exact in gradients.items():
        assert_near(buffers.tensor(name, gradient=True), exact)


def small_bands(monkeypatch):
    """Let even small pictures have many bands."""
    monkeypatch.setattr(entropy, "_LEAST_BAND", 1)


@pytest.mark.parametrize(
    "size", [(1, 1), (61, 37), *(pytest.param(size, marks=pytest.mark.long) for size in ((5, 7), (33, 1), (64, 48)))]
)
@pytest.mark.parametrize("preset", KERNELS)
def test_bits_and_gradients_are_those_of_the_mathematics(size, preset, monkeypatch):
    small_bands(monkeypatch)
    buffers = filled(*size, preset)
    buffers.gradient[:] = np.nan  # is set, not added to
    run(EntropyKernel(buffers, 2, weight=WEIGHT).calls, 2)
    bits, gradient, gradients = reference(buffers)
    assert_near(buffers.bits, bits)
    assert buffers.sums[1] == pytest.approx(bits.sum(), rel=1e-6)
    assert_gradients_near(buffers, gradient, gradients)


@pytest.mark.parametrize("least_band", [1, 4096])
def test_threads_and_runs_change_nothing(least_band, monkeypatch):
    monkeypatch.setattr(entropy, "_LEAST_BAND", least_band)
    buffers = filled(61, 37, "lop")
    found = []
    for threads in (1, 2, 3, 3):
        run(EntropyKernel(buffers, threads, weight=WEIGHT).calls, threads)
        found.append([buffers.bits.copy(), buffers.gradient.copy(), buffers.parameter_gradient.copy(), buffers.sums[1]])
    for others in found[1:]:
        for first, other in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(first, other)


def test_a_kernel_that_runs_again_forgets_what_was():
    buffers, other = filled(20, 30, "lop", seed=1), filled(20, 30, "lop", seed=2)
    kernel = EntropyKernel(buffers, 2, weight=WEIGHT)
    buffers.parameters[:] = np.nan
    run(kernel.calls, 2)
    assert np.isnan(buffers.sums[1])  # a fit that diverges is noticed
    buffers.rounded[:], buffers.parameters[:] = other.rounded, other.parameters
    run(kernel.calls, 2)
    run(EntropyKernel(other, 2, weight=WEIGHT).calls, 2)
    np.testing.assert_array_equal(buffers.bits, other.bits)
    np.testing.assert_array_equal(buffers.gradient, other.gradient)
    names = entropy_names(buffers.layout)
    for name in names:
        np.testing.assert_array_equal(buffers.tensor(name, gradient=True), other.tensor(name, gradient=True))


def test_weights_scale_gradients_and_nothing_else():
    buffers = filled(16, 16, "lop")
    kernel = EntropyKernel(buffers, 1)
    run(kernel.calls, 1)
    before = buffers.gradient.copy(), buffers.sums[1]
    kernel.weigh(0.5)
    run(kernel.calls, 1)
    np.testing.assert_allclose(buffers.gradient, before[0] / 2, rtol=1e-6)
    assert buffers.sums[1] == before[1]


def test_unlikely_latents_take_sixteen_bits_and_have_no_gradient():
    buffers = filled(24, 24, "lop")
    far = np.random.default_rng(3).choice(buffers.layout.latents, 60, replace=False)
    buffers.rounded[far] = np.where(np.arange(60) % 2, 200, -200)
    for name in entropy_names(buffers.layout):  # means of 0 and scales of 1 everywhere
        buffers.tensor(name)[:] = 0
    buffers.tensor("entropy.2.bias")[:] = 0, eager.LOG_SCALE_SHIFT
    kernel = EntropyKernel(buffers, 1, weight=WEIGHT)
    run(kernel.calls, 1)
    np.testing.assert_array_equal(buffers.bits[far], 16)
    np.testing.assert_array_equal(buffers.gradient[far], 0)
    bits, gradient, gradients = reference(buffers)
    assert_near(buffers.bits, bits)
    assert_gradients_near(buffers, gradient, gradients)


@pytest.mark.parametrize("scale", [-2.0, 2.0])
def test_bounded_scales_have_no_gradient(scale):
    buffers = filled(12, 12, "lop", spread=0.01)
    buffers.tensor("entropy.2.bias")[:] = 0, eager.LOG_SCALE_SHIFT + scale * eager.LOG_SCALE_BOUND
    run(EntropyKernel(buffers, 1, weight=WEIGHT).calls, 1)
    assert buffers.tensor("entropy.2.bias", gradient=True)[1] == 0
    bits, gradient, gradients = reference(buffers)
    assert_near(buffers.bits, bits)
    assert_gradients_near(buffers, gradient, gradients)


@pytest.mark.parametrize(
    ("value", "mean", "scale", "bits"),
    [(0, 0, 1, 1.345677), (1, 0.25, 0.5, 1.931135), (-3, 0.1, 2, 4.221180)],
)
def test_bits_of_single_latents(value, mean, scale, bits):
    buffers = filled(1, 1, "lop")
    for name in entropy_names(buffers.layout):
        buffers.tensor(name)[:] = 0
    buffers.rounded[:] = value
    buffers.tensor("entropy.2.bias")[:] = mean, eager.LOG_SCALE_SHIFT + np.log(scale)
    run(EntropyKernel(buffers, 1).bits_calls, 1)
    assert buffers.bits[0] == pytest.approx(bits, abs=2e-6)
    exact = [torch.tensor(float(number), dtype=torch.float64) for number in (value, mean, np.log(scale))]
    assert eager.laplace_bits(*exact).item() == pytest.approx(bits, abs=1e-6)


def test_bits_alone(monkeypatch):
    small_bands(monkeypatch)
    buffers = filled(33, 20, "lop")
    kernel = EntropyKernel(buffers, 2, weight=WEIGHT)
    run(kernel.calls, 2)
    bits, total, gradient = buffers.bits.copy(), buffers.sums[1], buffers.gradient.copy()
    buffers.bits[:] = 0
    run(kernel.bits_calls, 2)
    np.testing.assert_allclose(buffers.bits, bits, rtol=1e-5)
    assert buffers.sums[1] == pytest.approx(total, rel=1e-6)
    np.testing.assert_array_equal(buffers.gradient, gradient)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_latent_changes_no_distribution_before_it_or_its_own(preset):
    buffers = filled(20, 23, preset, spread=0.5)
    layout, kernel = buffers.layout, EntropyKernel(buffers, 1) if preset == "lop" else None
    parameters = {name: torch.from_numpy(buffers.tensor(name)) for name in entropy_names(layout)}

    def distributions():
        rounded = torch.from_numpy(buffers.rounded)
        inputs = [eager.entropy_inputs(layout, parameters, rounded, grid) for grid in layout.grids]
        models = torch.cat([torch.stack(eager.entropy_model(parameters, each)) for each in inputs], 1).numpy()
        found = [models, eager.latent_bits(layout, parameters, rounded).numpy()]
        if kernel is not None:
            run(kernel.bits_calls, 1)
            found.append(buffers.bits.copy())
        return found

    models, *bits = distributions()
    places = {place for grid in layout.grids for place in (grid.start, (grid.start + grid.stop) // 2, grid.stop - 1)}
    for place in places:
        kept = buffers.rounded[place]
        buffers.rounded[place] += 3
        changed, *changed_bits = distributions()
        buffers.rounded[place] = kept
        np.testing.assert_array_equal(changed[:, : place + 1], models[:, : place + 1])
        for before, after in zip(bits, changed_bits, strict=True):
            np.testing.assert_array_equal(after[:place], before[:place])
        if place < layout.latents - 1:  # all later grids or latents may change; most do
            assert (changed[:, place + 1 :] != models[:, place + 1 :]).any() or place >= layout.grids[-1].stop - 3
