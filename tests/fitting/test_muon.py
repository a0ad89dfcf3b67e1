"""Muon: what its steps are, what it moves, and that fits with it can be interrupted."""

import dataclasses

import numpy as np
import pytest
import torch

from inr import Budget, InrError, Signal
from inr.fitting import Fitter, Group, Muon, Setup, make_optimiser, orthogonalised, parameter_groups


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (3, 8)])
def test_singular_values_are_brought_near_one_and_vectors_kept(shape):
    matrix = drawn(*shape)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonalised(matrix) @ right.T
    assert values.max() > 1.5 * values.min()
    torch.testing.assert_close(found, torch.diag(found.diag()), rtol=0, atol=1e-12)
    assert found.diag().min() > 0.6
    assert found.diag().max() < 1.3
    torch.testing.assert_close(orthogonalised(100 * matrix), orthogonalised(matrix), rtol=1e-5, atol=1e-7)


def muon(**parameters):
    return Muon([Group("network", parameters, learning_rate=1e-2)], others=lambda groups: make_optimiser(groups))


def test_a_step_is_that_of_the_formula():
    """Nesterov's momentum, by hand, and the scale of tall matrices."""
    weight, edges = torch.zeros(8, 2, dtype=torch.float64), [torch.zeros(3, 3, dtype=torch.float64) for _ in range(2)]
    ours = muon(first=edges[0], weight=weight, last=edges[1])
    mean, expected = torch.zeros(8, 2, dtype=torch.float64), torch.zeros(8, 2, dtype=torch.float64)
    for seed in range(3):
        grad = drawn(8, 2, seed=seed)
        ours.step({"first": drawn(3, 3), "weight": grad, "last": drawn(3, 3)})
        mean = 0.95 * mean + 0.05 * grad
        expected = expected - 10 * 1e-2 * 2 * orthogonalised(0.95 * mean + 0.05 * grad)
    torch.testing.assert_close(weight, expected)


@pytest.fixture(scope="module")
def signal():
    y, x = np.mgrid[0:16, 0:20] / 16
    return Signal.from_array((120 + 60 * np.sin(9 * x + 2 * y)).astype(np.uint8)[..., None].repeat(3, axis=2))


SETUP = Setup(
    "hash:levels=2,log2_size=6,coarsest=2,finest=8", "relu", "mlp:depth=3,width=16", batch=64, steps=40,
    learning_rate="paper", optimiser="muon",
)  # fmt: skip


def test_hidden_matrices_alone_are_moved_by_it(signal):
    field = Fitter(signal, SETUP, Budget(steps=4), engine="eager").field
    optimiser = make_optimiser(parameter_groups(field, {"network": 1e-3, "encoding": 1e-2}), 1, "muon")
    grads = {name: torch.ones_like(tensor) for name, tensor in field.named_parameters()}
    optimiser.step(grads)
    state = optimiser.state()
    kept = {name for name in grads if f"{name}/exp_avg" in state and f"{name}/step" not in state}
    matrices = [name for name, tensor in field.named_parameters() if name.startswith("network") and tensor.ndim == 2]
    assert kept == set(matrices[1:-1])
    assert len(kept) == 2


@pytest.mark.long
def test_an_interrupted_fit_goes_on_as_if_nothing_had_been(signal, resumes_exactly):
    def fitter(**given):
        return Fitter(signal, SETUP, Budget(steps=40), engine="eager", seed=1, **given)

    resumes_exactly(fitter, 17)


def test_networks_without_hidden_matrices_are_refused(signal):
    setup = dataclasses.replace(SETUP, network="mlp:depth=1,width=8")
    with pytest.raises(InrError, match="this network has none: take adam or soap, or a deeper network"):
        Fitter(signal, setup, Budget(steps=4), engine="eager")
