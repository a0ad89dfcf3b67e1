"""Networks of codec latent are quantised by the curvature of their loss."""

import numpy as np
import pytest
import torch

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.parameters import QuantisedParameters, decode_parameters
from inr.compression.encoder.latent import eager, network_coding
from inr.compression.encoder.latent.fit import Fitted
from inr.compression.encoder.latent.network_coding import NetworkSearch, encode_parameters, ordered, quantise
from inr.compression.encoder.latent.network_curvature import error_curvature, rate_curvature, rate_names
from inr.compression.encoder.latent.steps import EagerStep, tensors_of


def _drawn(layout: Layout, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Parameters and latents that make every part count."""
    draw = torch.Generator().manual_seed(3)
    first = eager.initial_parameters(layout, 0)
    parameters = torch.cat([each.reshape(-1) for each in first.values()]).to(dtype)
    parameters = parameters + 0.1 * torch.randn(len(parameters), generator=draw, dtype=dtype)
    return parameters, (2 * torch.randn(layout.latents, generator=draw, dtype=dtype)).round()


def test_error_curvature_is_gauss_and_newtons() -> None:
    layout = Layout(20, 17, 2, "lop")
    parameters, rounded = _drawn(layout)
    found = error_curvature(layout, tensors_of(layout, parameters), rounded, 10**6, 0)
    jacobian = torch.autograd.functional.jacobian(
        lambda vector: eager.decoded(layout, tensors_of(layout, vector), rounded).flatten(), parameters, vectorize=True
    )[:, layout.slices[rate_names(layout)[-1]].stop :]
    expected = 2 * jacobian.T @ jacobian
    # lop has one 3x3 layer, by which the picture's borders are exact
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))


def test_rate_curvature_is_the_mean_of_squared_slopes() -> None:
    # of values that the entropy model draws itself, the products of slopes of bits have Fisher's information as mean
    layout = Layout(12, 12, 1, "lop")
    parameters, rounded = _drawn(layout)
    names = rate_names(layout)
    found = rate_curvature(layout, tensors_of(layout, parameters), rounded, 10**6, 0)
    count = layout.slices[names[-1]].stop
    assert found.shape == (count, count)
    vector = parameters.clone().requires_grad_(True)
    tensors = tensors_of(layout, vector)
    expected = torch.zeros(count, count, dtype=torch.float64)
    for grid in layout.grids:
        mean, log_scale = eager.entropy_model(tensors, eager.entropy_inputs(layout, tensors, rounded, grid))
        by_latent = [
            torch.stack([torch.autograd.grad(each[i], vector, retain_graph=True)[0] for i in range(grid.size)])
            for each in (mean, log_scale)
        ]
        slopes = torch.stack(by_latent)[:, :, :count]
        whole = torch.arange(-60, 61, dtype=torch.float64)[:, None]
        m, s = (each.detach().expand(121, -1).clone().requires_grad_(True) for each in (mean, log_scale))
        bits = eager.laplace_bits(whole.expand(121, grid.size), m, s)
        by = torch.autograd.grad(bits.sum(), (m, s))
        information = torch.einsum("kn,akn,bkn->abn", torch.exp2(-bits.detach()), torch.stack(by), torch.stack(by))
        expected += np.log(2) * torch.einsum("anp,abn,bnq->pq", slopes, information, slopes)
    assert torch.allclose(found, expected, rtol=0, atol=0.02 * float(expected.abs().max()))


@pytest.fixture(scope="module")
def fitted() -> tuple[EagerStep, Fitted]:
    """A few steps of a fit of waves."""
    layout = Layout(24, 32, 3, "lop")
    down, right = np.mgrid[:24, :32] / 8
    picture = np.stack([np.sin(down + right), np.cos(right), np.sin(down * right)]).astype(np.float32) / 3 + 0.5
    step = EagerStep(layout, picture)
    first = eager.initial_parameters(layout, 0)
    step.parameters.copy_(torch.cat([each.reshape(-1) for each in first.values()]))
    mean, square = torch.zeros_like(step.parameters), torch.zeros_like(step.parameters)
    for count in range(1, 81):
        step.run(0.3, 0.2, 0, count, 1e-3, 0.16, (0.9, 0.999), count)
        mean.lerp_(step.gradient, 0.1)
        square.lerp_(step.gradient.square(), 0.01)
        move = (mean / (1 - 0.9**count)) / ((square / (1 - 0.99**count)).sqrt() + 1e-8)
        step.parameters.sub_(0.01 * move)
    latents = step.latents.round().to(torch.int32).numpy()
    return step, Fitted(layout, latents, step.parameters.numpy().copy(), 1e-3)


@pytest.mark.long
def test_rounding_in_turns_loses_less_than_rounding_alone(fitted: tuple[EagerStep, Fitted]) -> None:
    step, fit = fitted
    search = NetworkSearch(step, fit, lambda: False)
    exponents = search.exponents(0)
    found, lost, bits = search.round_in_turns(exponents)
    values = fit.parameters.astype(np.float64)
    alone = search.integers(values, exponents)
    grown = (search.cost(alone.values().astype(np.float64)) - search.cost(values)).sum()
    assert lost < 0.5 * grown
    assert bits == 8 * len(encode_parameters(found))


def test_quantised_networks_are_what_is_read_again(fitted: tuple[EagerStep, Fitted]) -> None:
    step, fit = fitted
    found = quantise(step, fit)
    again = decode_parameters(fit.layout, encode_parameters(found))
    assert dict(again.exponents) == dict(found.exponents)
    assert all((again.integers[name] == integers).all() for name, integers in found.integers.items())


def test_stopping_leaves_out_the_fits(fitted: tuple[EagerStep, Fitted]) -> None:
    step, fit = fitted
    found = quantise(step, fit, lambda: True)
    assert np.isfinite(found.values()).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
@pytest.mark.long
def test_smallest_pictures_of_a_fit_that_never_began(size: tuple[int, int]) -> None:
    layout = Layout(*size, 1, "lop")
    step = EagerStep(layout, np.full((1, *size), 0.25, np.float32))
    parameters = torch.cat([each.reshape(-1) for each in eager.initial_parameters(layout, 0).values()]).numpy()
    found = quantise(step, Fitted(layout, np.zeros(layout.latents, np.int32), parameters, 1e-3))
    assert len(encode_parameters(found)) < 110


def test_order_of_hidden_units_changes_no_picture() -> None:
    layout = Layout(9, 7, 3, "lop")
    parameters, rounded = _drawn(layout)
    exponents = dict.fromkeys(layout.tensors, 8)
    integers = {
        name: np.rint(tensor.numpy() * 256).astype(np.int64) for name, tensor in tensors_of(layout, parameters).items()
    }
    q = QuantisedParameters(layout, integers, exponents)
    assert (np.diff(ordered(q).integers["synthesis.0.bias"]) >= 0).all()
    one, other = (
        eager.decoded(layout, tensors_of(layout, torch.from_numpy(each.values()).double()), rounded)
        for each in (q, ordered(q))
    )
    assert torch.allclose(one, other, rtol=0, atol=1e-12)


def test_a_window_has_the_latents_of_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_coding, "_WINDOW", 1 << 12)
    layout = Layout(150, 200, 3, "lop")
    _, rounded = _drawn(layout)
    window, latents = network_coding._window(layout, rounded)
    assert window.levels == layout.levels
    assert window.tensors == layout.tensors
    assert (window.height, window.width) == (64, 64)
    finest, inner = layout.grids[-1], window.grids[-1]
    plane = rounded[finest.start : finest.stop].view(150, 200)
    assert (latents[inner.start : inner.stop].view(64, 64) == plane[:64, 64:128]).all()
