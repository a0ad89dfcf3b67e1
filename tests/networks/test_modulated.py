"""The SIREN that a latent vector shifts: its base, its shifts, and how the one reaches the other."""

import pytest
import torch

from inr import InrError
from inr.activations import Gaussian, Sine
from inr.networks import MLP, ModulatedSiren


def made(**given) -> ModulatedSiren:
    torch.manual_seed(0)
    return ModulatedSiren(2, 3, Sine(omega=7.0, first_omega=11.0), **given).double()


def points(count: int = 9) -> torch.Tensor:
    return torch.rand(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def base_of(network: ModulatedSiren) -> MLP:
    base = MLP(2, 3, network.activation, depth=network.depth, width=network.width).double()
    base.load_state_dict({name: value for name, value in network.state_dict().items() if name.startswith("layers.")})
    return base


def with_latent(network: ModulatedSiren, latent: torch.Tensor, coords: torch.Tensor) -> torch.Tensor:
    return torch.func.functional_call(network, {"latent": latent}, (coords,))


def test_it_begins_as_its_base():
    network = made(depth=3, width=8, latent_dim=5)
    assert torch.equal(network.latent, torch.zeros(5).double())
    torch.testing.assert_close(network(points()), base_of(network)(points()), rtol=1e-13, atol=1e-13)


def test_a_latent_only_shifts():
    network = made(depth=3, width=8, latent_dim=5)
    latent = torch.randn(5, dtype=torch.float64)
    shifted = base_of(network)
    with torch.no_grad():  # W h + b + s is another bias
        for layer, block in zip(shifted.layers, network.modulation.split(8), strict=False):
            layer.bias += block @ latent
    torch.testing.assert_close(with_latent(network, latent, points()), shifted(points()), rtol=1e-12, atol=1e-12)


def test_one_shift_for_every_unit_of_every_sine_layer_linear_in_the_latent():
    network = made(depth=4, width=8, latent_dim=5)
    latents = torch.randn(2, 5, dtype=torch.float64)

    def shifts(latent):
        network.load_state_dict(network.state_dict() | {"latent": latent})
        return network.shifts().detach()

    one, two = (shifts(latent) for latent in latents)
    assert one.shape == (4, 8)
    torch.testing.assert_close(shifts(2 * latents[0] - 3 * latents[1]), 2 * one - 3 * two)
    assert network.modulation.abs().max() <= 5**-0.5


def test_the_slope_of_a_unit_by_its_shift_is_omega_cos():
    network, x = made(depth=1, width=8, latent_dim=8), points(1)
    first, last = network.layers
    slopes = torch.autograd.functional.jacobian(lambda latent: with_latent(network, latent, x), network.latent.detach())
    phases = 11 * (x @ first.weight.T + first.bias)
    expected = last.weight @ torch.diag(11 * phases[0].cos()) @ network.modulation
    torch.testing.assert_close(slopes[0], expected.detach(), rtol=1e-10, atol=1e-10)


def test_gradients_flow_through_steps_of_the_latent():
    network, x = made(depth=2, width=6, latent_dim=3), points()
    target = torch.randn(9, 3, dtype=torch.float64)

    def after_a_step(modulation):
        def loss(latent):
            values = torch.func.functional_call(network, {"latent": latent, "modulation": modulation}, (x,))
            return (values - target).square().mean()

        start = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(loss(start), start, create_graph=True)
        return loss(start - 1e-2 * slope)

    assert torch.autograd.gradcheck(after_a_step, network.modulation.detach().requires_grad_(), atol=1e-7)


def test_other_activations_are_refused():
    with pytest.raises(InrError, match="'modulated' shifts the phases of sines: use activation=sine, not 'gaussian'"):
        ModulatedSiren(2, 3, Gaussian())
