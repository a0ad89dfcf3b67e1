"""SOAP: what it is invariant to, when it is Adam, and that fits with it can be interrupted."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.optim import Adam

from inr import Budget, InrError, Signal
from inr.fitting import Fitter, Group, Setup, Soap, make_optimiser, parameter_groups


def soap(**parameters):
    """One for these tensors, which are all matrices or biases of such."""
    group = Group("network", parameters, learning_rate=1e-2)
    return Soap([group], others=lambda groups: pytest.fail(f"there are no others than matrices, got {groups}"))


def drawn(*shape, count=40):
    generator = torch.Generator().manual_seed(0)
    scales = torch.logspace(0, 1, shape[0], dtype=torch.float64)[:, None]
    return [scales * torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(count)]


def orthogonal(size, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0]


def test_turning_a_layers_units_and_inputs_turns_its_steps():
    """What Adam is not: the steps do not depend on the basis in which rows and columns are written."""
    left, right = orthogonal(5, 1), orthogonal(5, 2)
    plain, turned = (torch.zeros(5, 5, dtype=torch.float64) for _ in range(2))
    ours, theirs = soap(weight=plain), soap(weight=turned)
    for grad in drawn(5, 5):
        ours.step({"weight": grad})
        theirs.step({"weight": left @ grad @ right.T})
    assert plain.abs().max() > 0.05
    torch.testing.assert_close(turned, left @ plain @ right.T, rtol=1e-6, atol=1e-9)


def test_it_is_adam_where_gradients_are_along_the_axes():
    """Diagonal gradients have diagonal covariances; the first one only measures them."""
    weight, other = (torch.zeros(4, 4, dtype=torch.float64) for _ in range(2))
    ours, adam = soap(weight=weight), Adam([other], lr=1e-2, betas=(0.95, 0.95), eps=1e-8)
    for step, grad in enumerate(drawn(4, 1)):
        ours.step({"weight": torch.diag(grad[:, 0])})
        if step:
            other.grad = torch.diag(grad[:, 0])
            adam.step()
    # where nothing comes but the rounding of turning, 1e-16, Adam divides it by its epsilon, 1e-8
    torch.testing.assert_close(weight, other, rtol=1e-6, atol=1e-7)


def test_a_bias_is_a_further_column():
    weight, bias = torch.zeros(6, 3, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)
    joint = torch.zeros(6, 4, dtype=torch.float64)
    ours, other = soap(**{"a.weight": weight, "a.bias": bias}), soap(weight=joint)
    for grad in drawn(6, 4):
        ours.step({"a.weight": grad[:, :3], "a.bias": grad[:, 3]})
        other.step({"weight": grad})
    assert torch.equal(torch.cat([weight, bias[:, None]], dim=1), joint)


@pytest.mark.long
def test_it_goes_down_valleys_that_lie_across_the_axes():
    """A quadratic whose curvatures span 10^4 in a turned basis."""
    left, right = orthogonal(8, 3), orthogonal(8, 4)
    curvature = torch.logspace(0, 4, 64, dtype=torch.float64).reshape(8, 8)
    lowest = {}
    for name in ("soap", "adam"):
        weight = torch.zeros(8, 8, dtype=torch.float64, requires_grad=True)
        group = Group("network", {"weight": weight}, learning_rate=1e-2)
        adam = Adam([weight], lr=1e-2)
        ours = Soap([group], others=lambda groups: pytest.fail("no others"))
        for step in range(400):
            loss = (curvature * (left @ weight @ right.T - 1).square()).mean()
            (weight.grad,) = torch.autograd.grad(loss, weight)
            group.learning_rate = adam.param_groups[0]["lr"] = 3e-2 * (1 - step / 400)
            if name == "soap":
                ours.step({"weight": weight.grad})
            else:
                adam.step()
        lowest[name] = float(loss.detach())
    assert lowest["soap"] < 0.5 * lowest["adam"]  # measured: 0.29


@pytest.fixture(scope="module")
def signal():
    y, x = np.mgrid[0:16, 0:20] / 16
    return Signal.from_array((120 + 60 * np.sin(9 * x + 2 * y)).astype(np.uint8)[..., None].repeat(3, axis=2))


SETUP = Setup("identity", "sine", "mlp:depth=2,width=16", batch=64, steps=40, optimiser="soap")


@pytest.mark.parametrize("encoding", ["identity", "hash:levels=2,log2_size=6,coarsest=2,finest=8"])
@pytest.mark.long
def test_an_interrupted_fit_goes_on_as_if_nothing_had_been(signal, encoding, tmp_path):
    setup = dataclasses.replace(SETUP, encoding=encoding)

    def fitter(**given):
        return Fitter(signal, setup, Budget(steps=40), engine="eager", seed=1, **given)

    whole = fitter()
    for _ in whole.run():
        pass
    half = fitter(checkpoint=tmp_path / "fit.inr")
    for event in half.run():
        if event.step == 17:
            half.stop()
    again = fitter(checkpoint=tmp_path / "fit.inr", resume=True)
    for _ in again.run():
        pass
    assert again.field.state_dict().keys() == whole.field.state_dict().keys()
    for name, tensor in whole.field.state_dict().items():
        assert torch.equal(tensor, again.field.state_dict()[name]), name


def test_tables_and_what_is_too_large_are_moved_by_adam(signal):
    setup = dataclasses.replace(SETUP, encoding="hash:levels=2,log2_size=6,coarsest=2,finest=8")
    field = Fitter(signal, setup, Budget(steps=4), engine="eager").field
    optimiser = make_optimiser(parameter_groups(field, {"network": 1e-3, "encoding": 1e-2}), 1, "soap")
    grads = {name: torch.ones_like(tensor) for name, tensor in field.named_parameters()}
    optimiser.step(grads)
    optimiser.step(grads)
    kept = {key.rpartition("/")[0] for key in optimiser.state() if key.endswith("/rows")}
    assert kept == {name for name in grads if name.endswith("weight")}
    wide = {"weight": torch.zeros(2, 1025)}
    found = []
    Soap([Group("network", wide, learning_rate=1e-3)], others=lambda groups: found.extend(groups))
    assert found[0].parameters == wide


def test_unknown_optimisers_are_refused(signal):
    with pytest.raises(InrError, match="unknown optimiser 'adma'; known: adam, soap, muon"):
        Fitter(signal, dataclasses.replace(SETUP, optimiser="adma"), Budget(steps=4), engine="eager")
