"""The fused step of Adam against torch's and against its formula in float64."""

import math

import pytest
import torch

from inr.fitting._adam_kernel import Move, adam_step

SIZES = [(3,), (64, 24), (64,), (1,), (5000, 2)]


def problem(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(size, generator=generator) for size in SIZES], generator


def gradients(generator, step):
    """Of all sizes, now and then exactly 0."""
    grads = [torch.randn(size, generator=generator) * 10.0 ** (step % 7 - 4) for size in SIZES]
    return [grad * (torch.rand(grad.shape, generator=generator) < 0.7) for grad in grads]


def fused(values, moments, grads, step, threads, rate=1e-2, betas=(0.9, 0.999), eps=1e-8):
    adam_step([Move(v, *m, g, step, rate, betas, eps) for v, m, g in zip(values, moments, grads, strict=True)], threads)


@pytest.mark.parametrize(("betas", "eps"), [((0.9, 0.999), 1e-8), ((0.9, 0.99), 1e-15)])
def test_two_hundred_steps_are_those_of_torch(betas, eps):
    """Within 2e-5 of a step a step: the two round differently."""
    values, generator = problem()
    moments = [(torch.zeros_like(v), torch.zeros_like(v)) for v in values]
    theirs = [torch.nn.Parameter(v.clone()) for v in values]
    adam = torch.optim.Adam(theirs, lr=1e-2, betas=betas, eps=eps)
    for step in range(1, 201):
        grads = gradients(generator, step)
        rate = 1e-2 * math.cos(step / 200)
        fused(values, moments, grads, step, 2, rate, betas, eps)
        adam.param_groups[0]["lr"] = rate
        for parameter, grad in zip(theirs, grads, strict=True):
            parameter.grad = grad
        adam.step()
    for ours, (mean, square), parameter in zip(values, moments, theirs, strict=True):
        state = adam.state[parameter]
        torch.testing.assert_close(mean, state["exp_avg"], rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(square, state["exp_avg_sq"], rtol=1e-4, atol=1e-12)
        torch.testing.assert_close(ours, parameter.detach(), rtol=0, atol=200 * 1e-2 * 2e-5)


def test_a_step_is_the_formula():
    values, generator = problem(1)
    before = [v.double() for v in values]
    moments = [(torch.zeros_like(v), torch.zeros_like(v)) for v in values]
    means, squares = ([torch.zeros_like(v) for v in before] for _ in range(2))
    for step in range(1, 4):
        grads = gradients(generator, 3)
        fused(values, moments, grads, step, 1)
        for i, grad in enumerate(grads):
            means[i] = 0.9 * means[i] + 0.1 * grad.double()
            squares[i] = 0.999 * squares[i] + 0.001 * grad.double() ** 2
            unbiased = means[i] / (1 - 0.9**step), squares[i] / (1 - 0.999**step)
            before[i] -= 1e-2 * unbiased[0] / (unbiased[1].sqrt() + 1e-8)
    for ours, exact in zip(values, before, strict=True):
        torch.testing.assert_close(ours.double(), exact, rtol=1e-6, atol=1e-6)


def test_the_number_of_threads_changes_no_bit():
    results = []
    for threads in (1, 2, 3):
        values, generator = problem(2)
        moments = [(torch.zeros_like(v), torch.zeros_like(v)) for v in values]
        for step in range(1, 6):
            fused(values, moments, gradients(generator, step), step, threads)
        results.append([*values, *(tensor for pair in moments for tensor in pair)])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_what_never_had_a_gradient_does_not_move():
    values = torch.randn(100)
    before = values.clone()
    mean, square, grad = torch.zeros(100), torch.zeros(100), torch.zeros(100)
    grad[::2] = 1e-3
    for step in range(1, 30):
        adam_step([Move(values, mean, square, grad, step, 1e-2, (0.9, 0.99), 1e-15)], 1)
    assert torch.equal(values[1::2], before[1::2])
    assert (values[::2] != before[::2]).all()


def test_a_gradient_that_is_not_finite_is_seen():
    values = torch.zeros(3)
    grad = torch.tensor([1.0, math.nan, math.inf])
    adam_step([Move(values, torch.zeros(3), torch.zeros(3), grad, 1, 1e-2, (0.9, 0.99), 1e-15)], 1)
    assert values.isfinite().tolist() == [True, False, False]


@pytest.mark.parametrize("grad", [torch.zeros(4, 2), torch.zeros(3, dtype=torch.float64), torch.zeros(6)[::2]])
def test_memory_is_not_read_beyond_what_is_there(grad):
    with pytest.raises(ValueError, match="no float32 gradient"):
        adam_step([Move(torch.zeros(3), torch.zeros(3), torch.zeros(3), grad, 1, 1e-2, (0.9, 0.99), 1e-8)], 1)
