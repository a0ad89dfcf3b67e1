"""AdaRound: its formulas, and that it is never worse than nearest rounding by its own measure."""

import itertools
import math

import pytest
import torch

from inr import InrError
from inr.compression.encoder.quantise import Quantised, dequantise, integer_range, quantise, quantise_to
from inr.compression.encoder.rounding import adaround, rectified_sigmoid, second_moments, softly_rounded, squared_errors


def layer(out: int, inputs: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A matrix, and inputs of which most follow from few, as those inside a field do."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(500, 3, generator=generator)
    mixed = hidden @ torch.randn(3, inputs, generator=generator)
    return torch.randn(out, inputs, generator=generator), torch.sin(mixed) + 0.5


def error(weight: torch.Tensor, quantised: Quantised, inputs: torch.Tensor) -> torch.Tensor:
    """By output, sample by sample."""
    outputs = inputs.double() @ (weight - dequantise(quantised)).double().T
    return outputs.square().mean(0)


def test_rectified_sigmoid() -> None:
    logits = torch.tensor([-math.inf, -100, -1, 0, 1, 100, math.inf])
    inner = 1.2 / (1 + math.e) - 0.1
    assert rectified_sigmoid(logits).tolist() == pytest.approx([0, 0, inner, 0.5, 1 - inner, 1, 1])
    # it reaches its ends at finite logits
    assert rectified_sigmoid(torch.tensor(math.log(11.01))) == 1
    assert rectified_sigmoid(torch.tensor(-math.log(11.01))) == 0


def test_logits_far_out_round_down_and_up() -> None:
    weight, _ = layer(4, 6)
    for zero_point, per_channel in itertools.product((False, True), repeat=2):
        start = quantise(weight, 4, zero_point=zero_point, per_channel=per_channel)
        step = start.step.view(-1, 1) if per_channel else start.step
        low, high = ((end - start.zero).view(-1, 1) if per_channel else end - start.zero for end in integer_range(4))
        down = softly_rounded(weight, start, torch.full_like(weight, -math.inf))
        up = softly_rounded(weight, start, torch.full_like(weight, math.inf))
        assert torch.equal(down, (weight / step).floor().clamp(low, high) * step)
        assert torch.equal(up, ((weight / step).floor() + 1).clamp(low, high) * step)


def test_clipped_weights_have_one_neighbour() -> None:
    weight = torch.tensor([[-9.0, 0.4, 9.0]])
    start = quantise_to(weight, 3, torch.tensor(1.0), torch.tensor(0).int())
    assert softly_rounded(weight, start, torch.full_like(weight, -math.inf)).tolist() == [[-4, 0, 3]]
    assert softly_rounded(weight, start, torch.full_like(weight, math.inf)).tolist() == [[-4, 1, 3]]


def test_second_moments_measure_the_error() -> None:
    weight, inputs = layer(5, 7)
    start = quantise(weight, 3)
    torch.testing.assert_close(squared_errors(weight, start, second_moments(inputs)), error(weight, start, inputs))


@pytest.mark.parametrize("bits", [2, 6])
@pytest.mark.parametrize("zero_point", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
def test_never_worse_and_of_neighbours(bits: int, zero_point: bool, per_channel: bool) -> None:
    weight, inputs = layer(6, 12, seed=bits)
    start = quantise(weight, bits, zero_point=zero_point, per_channel=per_channel, choice="mse")
    found = adaround(weight, start, inputs, iterations=100)
    assert (error(weight, found, inputs) <= error(weight, start, inputs)).all()
    assert (found.integers - start.integers).abs().max() <= 1
    low, high = integer_range(bits)
    assert low <= found.integers.min() <= found.integers.max() <= high
    assert torch.equal(found.step, start.step)
    assert torch.equal(found.zero, start.zero)
    assert found.bits == bits


def test_near_the_best_of_all_roundings() -> None:
    """2^10 roundings of each of 16 rows, all tried: on the whole learning comes near (1.15 times; nearest: 2.5)."""
    weight, inputs = layer(16, 10)
    start = quantise(weight, 3)
    moments = second_moments(inputs)
    low = (weight / start.step).floor()
    ups = torch.tensor(list(itertools.product((0, 1), repeat=10)))
    tried = (weight[:, None] - (low[:, None] + ups).clamp(-4, 3) * start.step).double()
    best = ((tried @ moments) * tried).sum(2).amin(1).sum()
    nearest = error(weight, start, inputs).sum()
    learned = error(weight, adaround(weight, start, inputs), inputs).sum()
    assert nearest > 2 * best
    assert learned <= 1.25 * best


def test_too_few_iterations_fall_back() -> None:
    """Rounding to nearest, of which nothing was learned, comes back as it was."""
    weight, inputs = layer(6, 12)
    start = quantise(weight, 4)
    assert torch.equal(adaround(weight, start, inputs, iterations=0).integers, start.integers)


def test_a_start_beyond_its_neighbours_is_kept_where_it_is_better() -> None:
    """What is begun with need not be rounding: outputs whose error would grow keep it."""
    weight = torch.tensor([[0.4, 0.35, 0.45]]).repeat(2, 1)
    inputs = torch.ones(4, 3)
    zero = torch.tensor(0).int()
    start = Quantised(torch.tensor([[2, 0, -1], [3, 3, 3]]).int(), torch.tensor(1.0), zero, 3)
    found = adaround(weight, start, inputs, iterations=100)
    assert found.integers[0].tolist() in ([2, 0, -1], [1, 0, 0], [0, 1, 0], [0, 0, 1])
    assert found.integers[1].sum() == 1


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_units_do_not_matter(scale: float) -> None:
    weight, inputs = layer(5, 8)
    scale = 2.0 ** round(math.log2(scale))
    plain = adaround(weight, quantise(weight, 3), inputs, iterations=200)
    scaled = adaround(weight * scale, quantise(weight * scale, 3), inputs / scale**2, iterations=200)
    assert torch.equal(plain.integers, scaled.integers)
    assert not torch.equal(plain.integers, quantise(weight, 3).integers)


def test_same_result_each_time_whatever_the_random_state() -> None:
    weight, inputs = layer(8, 16)
    start = quantise(weight, 3)
    first = adaround(weight, start, inputs, iterations=100)
    torch.rand(7)
    with torch.no_grad():
        assert torch.equal(adaround(weight, start, inputs, iterations=100).integers, first.integers)


def test_nothing_to_gain() -> None:
    weight, inputs = layer(3, 4)
    start = quantise(weight, 4)
    exact = dequantise(start)
    assert adaround(exact, start, inputs) is start
    assert adaround(weight, start, torch.zeros(5, 4)) is start
    one = quantise(torch.zeros(1, 1), 4)
    assert adaround(torch.zeros(1, 1), one, torch.ones(1, 1)) is one


def test_refusals() -> None:
    weight, inputs = layer(3, 4)
    start = quantise(weight, 4)
    with pytest.raises(InrError, match=r"a layer's inputs .* NaN"):
        adaround(weight, start, inputs * math.nan)
    with pytest.raises(InrError, match=r"a matrix .* NaN"):
        adaround(weight * math.nan, start, inputs)
    with pytest.raises(InrError, match="another matrix"):
        adaround(weight[:2], start, inputs)
