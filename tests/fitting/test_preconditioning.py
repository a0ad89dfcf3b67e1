"""Tangent-kernel preconditioning beside dense matrices of the same net."""

import math

import numpy as np
import pytest
import torch

import inr
from inr.engines import Batch
from inr.fitting import flattening, make_fitter, tangent_kernel

PARTS = {"encoding": "fourier:frequencies=6,sigma=2", "activation": "sine:omega=2", "network": "mlp:depth=2,width=7"}


def fitter_of(adjust: str | None, shape: tuple[int, ...] = (8, 8), channels: int = 3, **options: object) -> inr.Fitter:
    array = np.random.default_rng(0).uniform(-1, 1, (*shape, channels)).astype(np.float32)
    signal = inr.from_array(array, kind="image", value_range=(-1, 1), channels_last=True)
    options = {**PARTS, "learning_rate": 1e-3, "engine": "eager", "lattice_only": True, **options}
    return make_fitter(signal, budget=inr.Budget(steps=3), adjust=adjust, **options)


def jacobian(field: inr.Field, coords: torch.Tensor) -> torch.Tensor:
    """All derivatives (n, c, weights)."""
    values, parameters = field(coords), list(field.parameters())
    rows = [torch.autograd.grad(value, parameters, retain_graph=True) for value in values.flatten()]
    return torch.stack([torch.cat([part.flatten() for part in row]) for row in rows]).unflatten(0, values.shape)


def test_flattened_eigenvalues_are_the_next_one_and_the_others_stay() -> None:
    random = torch.randn(9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kernel = random @ random.T
    values, vectors = torch.linalg.eigh(kernel)
    flat = flattening(kernel, 4)(kernel)
    assert torch.allclose(flat, flat.T, atol=1e-9)  # S has the kernel's own eigenvectors
    wanted = torch.cat([values[:5], values[4].expand(4)])
    assert torch.allclose(vectors.T @ flat @ vectors, torch.diag(wanted), atol=1e-9)
    for modes in (0, 9):
        with pytest.raises(inr.InrError, match="eigenvalues to flatten"):
            flattening(kernel, modes)


def test_eigenvalues_that_are_nothing_are_left_alone() -> None:
    vector = torch.arange(1.0, 6.0, dtype=torch.float64)
    projected = flattening(torch.outer(vector, vector), 3)(vector[:, None])  # of rank one: flattened down to nothing
    assert projected.abs().max() < 1e-6


@pytest.mark.parametrize("summed", [False, True])
def test_the_kernel_is_that_of_all_derivatives(summed: bool) -> None:
    field, coords = fitter_of(None).field.double(), torch.rand(11, 2, dtype=torch.float64)
    rows = jacobian(field, coords)
    dense = torch.einsum("icp,jcp->ij", rows, rows)
    if summed:
        total = rows.sum(1) / math.sqrt(3)
        dense = total @ total.T
    assert torch.allclose(tangent_kernel(field, coords, summed=summed), dense, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("engine", ["eager", "cpu:threads=1"])
def test_a_step_is_that_of_the_dense_matrix(engine: str) -> None:
    """Gradients are 2/(nc) Jᵀ S R, with S of the worst point of each 4 x 4 patch, repeated over the patch."""
    fitter = fitter_of("tangent:modes=2,patch=4", (8, 12), engine=engine)
    field, signal, plan = fitter.field, fitter.signal, fitter._steps_by
    indices = torch.arange(96)
    rows = jacobian(field, signal.coords(indices))
    with torch.no_grad():
        residuals = field(signal.coords(indices)) - signal.values(indices)
    patches = (indices // 12 // 4 * 3 + indices % 12 // 4).tolist()
    members = [[index for index in range(96) if patches[index] == patch] for patch in range(6)]
    worst = [max(group, key=lambda index: float(residuals[index].abs().sum())) for group in members]
    one = rows[worst].sum(1) / math.sqrt(3)
    values, vectors = torch.linalg.eigh((one @ one.T).double())
    matrix = torch.eye(6, dtype=torch.float64)
    for mode in (5, 4):
        matrix -= (1 - values[3] / values[mode]) * torch.outer(vectors[:, mode], vectors[:, mode])
    adjusted = torch.empty(96, 3)
    for place in range(16):
        of_place = [group[place] for group in members]
        adjusted[of_place] = (matrix @ residuals[of_place].double()).float()
    wanted = 2 / (96 * 3) * torch.einsum("nc,ncp->p", adjusted, rows)
    result = plan.loss_and_grad(dict(field.named_parameters()), Batch(indices))
    found = torch.cat([result.grads[name].flatten() for name, _ in field.named_parameters()])
    assert torch.allclose(found, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))
    assert torch.allclose(result.residuals, residuals, atol=1e-5)  # what is told is what is missed
    assert float(result.loss) == pytest.approx(float(residuals.square().mean()), rel=1e-4)


def test_any_batch_is_cut_into_equal_groups() -> None:
    plan = fitter_of("tangent:modes=2,patch=4")._steps_by
    indices = torch.randperm(64, generator=torch.Generator().manual_seed(0))[:43]
    groups = plan.groups(indices)
    assert groups.shape == (4, 10)
    assert len(set(groups.flatten().tolist())) == 40
    patch = indices // 8 // 4 * 2 + indices % 8 // 4
    assert (patch[groups].diff(dim=1) >= 0).all()  # sorted by patches
    assert plan.groups(torch.tensor([3, 60])).shape == (2, 1)


def test_a_fit_says_how_it_was_adjusted_and_goes_on_as_it_was(tmp_path) -> None:
    whole = fitter_of("tangent:modes=2,patch=4")
    losses = [event.loss for event in whole.run() if event.kind == "step"]
    assert whole.field.fit["adjust"] == {"name": "tangent", "modes": 2, "patch": 4}
    first = fitter_of("tangent:modes=2,patch=4", checkpoint=tmp_path / "fit.checkpoint")
    seen = []
    for event in first.run():
        if event.kind == "step":
            seen.append(event.loss)
            first.stop()
    again = fitter_of("tangent:modes=2,patch=4", checkpoint=tmp_path / "fit.checkpoint", resume=True)
    assert seen + [event.loss for event in again.run() if event.kind == "step"] == losses
    with pytest.raises(inr.InrError, match="its adjust differ"):
        fitter_of("tangent:modes=3,patch=2", checkpoint=tmp_path / "fit.checkpoint", resume=True)


@pytest.mark.parametrize(
    ("adjust", "options", "words"),
    [
        ("tangent", {}, "use a smaller patch"),
        ("tangent:patch=1,modes=3", {"shape": (64, 64)}, "use a larger patch"),
        ("tangent:patch=2", {"objective": "l1"}, "objective squared"),
        ("tangent:patch=2,modes=3", {"teacher": "soft"}, "use uniform"),
        ("tangents", {}, "did you mean 'tangent'"),
    ],
)
def test_what_it_cannot_do_is_refused(adjust: str, options: dict, words: str) -> None:
    with pytest.raises(inr.InrError, match=words):
        fitter_of(adjust, **options)
