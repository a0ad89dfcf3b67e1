"""Fake quantisation: values of the decoder, published slopes, the noise's moments."""

import math

import pytest
import torch

from inr import Field, InrError, Signal
from inr.compression.encoder.learned_steps import FakeQuantiser, fake_quantise, lsq_step
from inr.compression.encoder.quantise import dequantise, quantise, quantise_to
from inr.engines import Batch, plan
from inr.objectives import Regression

ZERO = torch.tensor(0).int()


def weights(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def slopes(
    tensor: torch.Tensor, step: torch.Tensor, zero: torch.Tensor, bits: int, grad: torch.Tensor, noise: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """By tensor and step, of the sum of what comes out, weighted."""
    tensor, step = tensor.clone().requires_grad_(), step.clone().requires_grad_()
    generator = torch.Generator().manual_seed(5) if noise else None
    (fake_quantise(tensor, step, zero, bits, generator) * grad).sum().backward()
    return tensor.grad, step.grad


def test_published_slopes_by_hand() -> None:
    """3 bits: clip to -4 and 3. At bounds and beyond w is held, and the slope by s is the bound."""
    tensor = torch.tensor([-6.0, -4.0, -1.3, 0.2, 1.4, 3.0, 10.0]) * 0.5
    step = torch.tensor(0.5)
    torch.testing.assert_close(
        fake_quantise(tensor, step, ZERO, 3), torch.tensor([-4.0, -4.0, -1.0, 0.0, 1.0, 3.0, 3.0]) * 0.5
    )
    by_step = [-4, -4, 0.3, -0.2, -0.4, 3, 3]
    for index, expected in enumerate(by_step):
        grad = torch.zeros(7)
        grad[index] = 2.0
        by_tensor, found = slopes(tensor, step, ZERO, 3, grad)
        assert found.item() == pytest.approx(2 * expected / math.sqrt(7 * 3), rel=1e-5)
        held = index in (0, 1, 5, 6)
        assert by_tensor.tolist() == (grad * (not held)).tolist()


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_published_slopes_by_formula(bits: int) -> None:
    tensor, grad = weights(6, 5, 2), torch.randn(6, 5, 2)
    negative, positive = 2 ** (bits - 1), 2 ** (bits - 1) - 1
    step = 2 * tensor.abs().mean((1, 2)) / math.sqrt(positive)
    by_tensor, by_step = slopes(tensor, step, torch.zeros(6).int(), bits, grad)
    for row in range(6):
        v = tensor[row] / step[row]
        slope = torch.where(v <= -negative, -negative, torch.where(v >= positive, positive, v.round() - v))
        expected = (grad[row] * slope).sum() / math.sqrt(10 * positive)
        torch.testing.assert_close(by_step[row], expected, rtol=1e-4, atol=1e-6)
        inside = (-negative < v) & (v < positive)
        assert torch.equal(by_tensor[row], grad[row] * inside)


def test_slopes_that_are_true_slopes() -> None:
    """With the integers held as they are, values change by them with the step, and the noise's by the noise."""
    tensor, grad = weights(40), torch.randn(40)
    step, by = torch.tensor(0.3), 2.0**-12
    _, found = slopes(tensor, step, ZERO, 3, grad, noise=True)
    ends = [
        (fake_quantise(tensor, step + sign * by, ZERO, 3, torch.Generator().manual_seed(5)) * grad).double().sum()
        for sign in (-1, 1)
    ]
    expected = (ends[1] - ends[0]) / (2 * by) / math.sqrt(40 * 3)
    assert found.item() == pytest.approx(expected.item(), rel=2e-3)
    # rounding, beyond the bounds: values are the bound times the step
    outside = torch.tensor([5.0, -5.0])
    _, found = slopes(outside, step, ZERO, 3, torch.tensor([1.0, 10.0]))
    assert found.item() == pytest.approx((3 - 40) / math.sqrt(2 * 3))


def test_noise_slopes_by_hand() -> None:
    tensor = torch.tensor([-9.0, 0.1, 9.0])
    step = torch.tensor(0.5)
    drawn = torch.rand(3, generator=torch.Generator().manual_seed(5)) - 0.5
    values = fake_quantise(tensor, step, ZERO, 3, torch.Generator().manual_seed(5))
    torch.testing.assert_close(values, torch.stack([-4 + drawn[0], 0.2 + drawn[1], 3 + drawn[2]]) * 0.5)
    for index, expected in enumerate([-4 + drawn[0], drawn[1], 3 + drawn[2]]):
        grad = torch.zeros(3)
        grad[index] = 1.0
        by_tensor, by_step = slopes(tensor, step, ZERO, 3, grad, noise=True)
        assert by_step.item() == pytest.approx(expected.item() / 3, rel=1e-5)  # sqrt(3 * 3)
        assert by_tensor.tolist() == (grad * (index == 1)).tolist()


def test_noise_mean_and_variance() -> None:
    """Of n draws the mean lies within 5 standard errors; likewise the variance, whose own is s⁴ / 180."""
    count, width = 200_000, 0.3
    tensor = torch.linspace(-1, 1, count)
    values = fake_quantise(tensor, torch.tensor(width), ZERO, 8, torch.Generator().manual_seed(0))
    noise = (values - tensor).double()
    assert abs(noise.mean()) <= 5 * width / math.sqrt(12 * count)
    assert abs(noise.square().mean() - width**2 / 12) <= 5 * width**2 / math.sqrt(180 * count)
    assert noise.abs().max() <= width / 2 * 1.00001
    assert abs((noise * tensor).mean()) <= 5 * width / math.sqrt(12 * count)


def test_noise_follows_the_generator() -> None:
    tensor, step = weights(20), torch.tensor(0.1)
    first, again, other = (fake_quantise(tensor, step, ZERO, 4, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_published_start() -> None:
    tensor = torch.tensor([[1.0, -2.0, 3.0], [0.0, 0.0, 0.0]])
    assert lsq_step(tensor, 4).item() == pytest.approx(2 * 1.0 / math.sqrt(7))
    assert lsq_step(tensor[0], 4, per_channel=True).tolist() == pytest.approx([2 / 7**0.5, 4 / 7**0.5, 6 / 7**0.5])
    assert lsq_step(tensor, 4, per_channel=True).tolist() == pytest.approx([2 * 2.0 / math.sqrt(7), 1])
    with pytest.raises(InrError, match="NaN"):
        lsq_step(tensor * math.nan, 4)


@pytest.mark.parametrize("zero_point", [False, True])
def test_effective_values_are_the_decoded_ones(zero_point: bool) -> None:
    tensors = {"weight": weights(6, 5), "bias": weights(6) + 3, "rest": weights(2)}
    quantiser = FakeQuantiser(
        {
            "weight": quantise(tensors["weight"], 4, per_channel=True, zero_point=zero_point, choice="mse"),
            "bias": quantise(tensors["bias"], 8, zero_point=zero_point),
        }
    )
    for logarithm in quantiser.log_steps.values():
        logarithm.data += 0.123
    effective = quantiser.effective(tensors)
    integers = quantiser.quantised(tensors)
    assert list(effective) == list(tensors)
    assert effective["rest"] is tensors["rest"]
    assert integers.keys() == {"weight", "bias"}
    for name, quantised in integers.items():
        assert torch.equal(dequantise(quantised), effective[name])


def test_slopes_by_logarithms() -> None:
    tensor = weights(6, 5)
    start = quantise(tensor, 3, per_channel=True, choice="mse")
    quantiser = FakeQuantiser({"weight": start})
    quantiser.effective({"weight": tensor})["weight"].square().sum().backward()
    grad = 2 * fake_quantise(tensor, quantiser.steps()["weight"].detach(), start.zero, 3)
    _, by_step = slopes(tensor, start.step, start.zero, 3, grad)
    torch.testing.assert_close(quantiser.log_steps["weight"].grad, by_step * start.step, rtol=1e-4, atol=1e-6)


def test_learning_the_step_lowers_the_error() -> None:
    """From a step that is far too wide, to about the best there is."""
    tensor = weights(3000)
    start = quantise_to(tensor, 3, torch.tensor(2.5), ZERO)
    quantiser = FakeQuantiser({"weight": start})
    adam = torch.optim.Adam(list(quantiser.log_steps.values()), lr=0.03)
    for _ in range(200):
        loss = (quantiser.effective({"weight": tensor})["weight"] - tensor).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    best = (dequantise(quantise(tensor, 3, choice="mse")) - tensor).square().mean()
    assert loss <= 1.05 * best


def test_fitting_a_field_by_its_plan() -> None:
    """Gradients that a plan gives for effective tensors go on to weights and steps, and lower the loss."""
    torch.manual_seed(0)
    ramps = torch.stack(torch.meshgrid(*[torch.linspace(0, 1, n) for n in (6, 5, 3)], indexing="ij")).prod(0)
    signal = Signal.from_array(ramps.numpy(), kind="image")
    field = Field.build(signal.domain, encoding="identity", activation="sine", network="mlp:depth=1,width=16")
    _, ready = plan(field, Regression(signal), "eager")
    tensors = dict(field.named_parameters())
    quantiser = FakeQuantiser({name: quantise(tensor, 4, choice="mse") for name, tensor in tensors.items()})
    batch = Batch(torch.arange(30))
    adam = torch.optim.Adam([*tensors.values(), *quantiser.log_steps.values()], lr=0.02)
    losses = []
    for _ in range(60):
        effective = quantiser.effective(tensors)
        result = ready.loss_and_grad(effective, batch)
        adam.zero_grad()
        torch.autograd.backward(list(effective.values()), [result.grads[name] for name in effective])
        adam.step()
        losses.append(result.loss.item())
    decoded = {name: dequantise(quantised) for name, quantised in quantiser.quantised(tensors).items()}
    assert ready.loss_and_grad(decoded, batch).loss < 0.5 * losses[0]


def test_divergence_shows() -> None:
    """Weights that are no numbers any more give none, for the fit to notice, and are refused as integers."""
    tensor = weights(4)
    quantiser = FakeQuantiser({"weight": quantise(tensor, 4)})
    tensor[1] = math.nan
    assert quantiser.effective({"weight": tensor})["weight"].isnan().tolist() == [False, True, False, False]
    with pytest.raises(InrError, match="NaN"):
        quantiser.quantised({"weight": tensor})


def test_refusals() -> None:
    tensor = weights(4, 2)
    quantiser = FakeQuantiser({"weight": quantise(tensor, 4, per_channel=True)})
    with pytest.raises(InrError, match="'weight' has a step"):
        quantiser.effective({"other": tensor})
    with pytest.raises(InrError, match="'weight' has a step"):
        quantiser.quantised({"other": tensor})
    with pytest.raises(InrError, match="do not go with"):
        quantiser.effective({"weight": tensor[:3]})
    with pytest.raises(InrError, match="2 to 16 bits"):
        fake_quantise(tensor, torch.tensor(1.0), ZERO, 1)
