"""Uniform quantisation: exact integers, bounds of the error, the least error, and exact decoding."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inr import InrError
from inr.compression.encoder.quantise import Quantised, dequantise, integer_range, quantise, quantise_to

MODES = list(itertools.product((False, True), (False, True)))
SHAPES = [(), (1,), (7,), (5, 3), (4, 3, 2)]


def weights(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def allowed(tensor: torch.Tensor, quantised: Quantised) -> torch.Tensor:
    """Half a step, and what float32 loses of the quotient, of the step and of the product."""
    step = quantised.step.view(-1, *[1] * (tensor.ndim - 1)) if quantised.step.ndim else quantised.step
    reach = tensor.abs() + 2.0**quantised.bits * step
    return step / 2 + 2.0**-23 * reach


def test_integers_of_two_complement() -> None:
    assert integer_range(2) == (-2, 1)
    assert integer_range(8) == (-128, 127)
    assert integer_range(16) == (-32768, 32767)


def test_symmetric_by_hand() -> None:
    quantised = quantise(torch.tensor([-3.5, -0.6, 0.0, 0.25, 0.5, 1.6]), 4)
    assert quantised.step == 0.5
    assert quantised.zero == 0
    assert quantised.integers.tolist() == [-7, -1, 0, 0, 1, 3]  # 0.25 is halfway, and goes to the even one
    assert dequantise(quantised).tolist() == [-3.5, -0.5, 0.0, 0.0, 0.5, 1.5]


def test_zero_point_by_hand() -> None:
    quantised = quantise(torch.tensor([1.0, 1.25, 2.0, 4.75]), 4, zero_point=True)
    assert quantised.step == 0.25
    assert quantised.zero == -12
    assert quantised.integers.tolist() == [-8, -7, -4, 7]
    assert dequantise(quantised).tolist() == [1.0, 1.25, 2.0, 4.75]


def test_given_step_clips() -> None:
    quantised = quantise_to(torch.tensor([-9.0, -2.0, 0.9, 9.0]), 2, torch.tensor(1.0), torch.tensor(0).int())
    assert quantised.integers.tolist() == [-2, -2, 1, 1]


@pytest.mark.parametrize("bits", range(2, 17))
@pytest.mark.parametrize(("zero_point", "per_channel"), MODES)
def test_error_within_half_a_step(bits: int, zero_point: bool, per_channel: bool) -> None:
    for shape in SHAPES[per_channel:]:
        tensor = weights(*shape, seed=bits) + 0.3
        quantised = quantise(tensor, bits, zero_point=zero_point, per_channel=per_channel)
        low, high = integer_range(bits)
        assert quantised.integers.min() >= low
        assert quantised.integers.max() <= high
        assert quantised.step.shape == quantised.zero.shape == shape[:per_channel]
        assert ((dequantise(quantised) - tensor).abs() <= allowed(tensor, quantised)).all()


@given(
    st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=9),
    st.integers(2, 16),
    st.booleans(),
)
def test_error_of_any_numbers(numbers: list[float], bits: int, zero_point: bool) -> None:
    tensor = torch.tensor(numbers)
    quantised = quantise(tensor, bits, zero_point=zero_point)
    decoded = dequantise(quantised)
    assert decoded.isfinite().all()
    assert ((decoded - tensor).abs().double() <= allowed(tensor.double(), quantised)).all()
    assert integer_range(bits)[0] <= quantised.integers.min() <= quantised.integers.max() <= integer_range(bits)[1]


@pytest.mark.parametrize("zero_point", [False, True])
@pytest.mark.parametrize("choice", ["range", "mse"])
def test_per_channel_is_per_tensor_of_rows(zero_point: bool, choice: str) -> None:
    tensor = weights(5, 4, 3) * torch.tensor([1e-3, 1.0, 0.0, 5.0, 100.0])[:, None, None] + 0.01
    whole = quantise(tensor, 5, zero_point=zero_point, per_channel=True, choice=choice)
    for index, row in enumerate(tensor):
        alone = quantise(row, 5, zero_point=zero_point, choice=choice)
        assert torch.equal(whole.integers[index], alone.integers)
        assert torch.equal(whole.step[index], alone.step)
        assert torch.equal(whole.zero[index], alone.zero)


@pytest.mark.parametrize("zero_point", [False, True])
@pytest.mark.parametrize("choice", ["range", "mse"])
@pytest.mark.parametrize("value", [0.0, 3.7, -0.2, 1e-30, -1e30])
def test_constant(value: float, zero_point: bool, choice: str) -> None:
    tensor = torch.full((3, 2), value)
    quantised = quantise(tensor, 3, zero_point=zero_point, choice=choice)
    assert dequantise(quantised) == pytest.approx(value, rel=3e-7, abs=2**-126)
    assert (quantised.integers == quantised.integers[0, 0]).all()
    if zero_point or not value:
        assert torch.equal(dequantise(quantised), tensor)
    if not value:
        assert quantised.step == 1


def test_zeros_stay_zeros() -> None:
    tensor = weights(40, 5) + 0.2
    tensor[::3] = 0
    for zero_point, choice in itertools.product((False, True), ("range", "mse")):
        assert not dequantise(quantise(tensor, 3, zero_point=zero_point, choice=choice))[::3].any()


def test_far_from_zero() -> None:
    """Where float32 resolves few steps of the range, steps are as fine as float32 allows, and integers stay exact."""
    tensor = 1000 + weights(50) * 1e-3
    quantised = quantise(tensor, 16, zero_point=True)
    assert (quantised.integers.long() - quantised.zero).abs().max() <= 2**24
    assert (dequantise(quantised) - tensor).abs().max() <= quantised.step <= 1001 * 2.0**-22


@pytest.mark.parametrize(("zero_point", "per_channel"), MODES)
@pytest.mark.parametrize("bits", [2, 8])
def test_least_error_is_never_above_the_ranges(bits: int, zero_point: bool, per_channel: bool) -> None:
    for tensor in (weights(6, 50), weights(6, 50).exp()):
        ways = {"zero_point": zero_point, "per_channel": per_channel}
        by_range, chosen = (
            (dequantise(quantise(tensor, bits, choice=choice, **ways)) - tensor).double().square().sum()
            for choice in ("range", "mse")
        )
        assert chosen <= by_range


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_least_error_beats_a_plain_scan(bits: int) -> None:
    tensor = weights(4000)
    zero = torch.tensor(0).int()
    scanned = min(
        (dequantise(quantise_to(tensor, bits, step, zero)) - tensor).square().mean()
        for step in torch.linspace(0.01, 4, 400)
    )
    found = (dequantise(quantise(tensor, bits, choice="mse")) - tensor).square().mean()
    assert found <= 1.002 * scanned


def test_least_error_of_a_one_sided_tail() -> None:
    """The end that is far out is clipped, the other stays."""
    tensor = torch.cat([torch.linspace(0, 1, 10_000), torch.tensor([10.0])])
    quantised = quantise(tensor, 4, zero_point=True, choice="mse")
    lowest, highest = ((end - quantised.zero) * quantised.step for end in integer_range(4))
    assert lowest == pytest.approx(0, abs=0.2)
    assert 1 < highest < 5


def test_decoding_needs_one_product() -> None:
    """What the module says of a decoder elsewhere: exact integers in float32, and a product that rounds once."""
    for bits, zero_point in itertools.product((2, 8, 16), (False, True)):
        quantised = quantise(weights(9, 100) * 3 + 40, bits, zero_point=zero_point, per_channel=True)
        multiples = quantised.integers.numpy().astype(np.int64) - quantised.zero.numpy()[:, None]
        assert np.array_equal(multiples.astype(np.float32), multiples)
        exact = multiples * quantised.step.double().numpy()[:, None]  # 24 bits by 24 bits: float64 rounds nothing
        assert np.array_equal(dequantise(quantised).numpy(), exact.astype(np.float32))


def test_decoding_meets_no_denormals() -> None:
    tiny = torch.tensor([1e-45, -3e-39, 2e-38, 1e-37])
    for zero_point in (False, True):
        quantised = quantise(tiny, 16, zero_point=zero_point)
        decoded = dequantise(quantised)
        assert quantised.step >= torch.finfo(torch.float32).tiny
        assert ((decoded == 0) | (decoded.abs() >= torch.finfo(torch.float32).tiny)).all()


def test_equal_to_its_own_dequantisation() -> None:
    tensor = weights(30, 4)
    once = quantise(tensor, 6, per_channel=True, choice="mse")
    again = quantise_to(dequantise(once), 6, once.step, once.zero)
    assert torch.equal(once.integers, again.integers)


@pytest.mark.parametrize("bits", [-1, 0, 1, 17, 32])
def test_refuses_bits(bits: int) -> None:
    with pytest.raises(InrError, match=f"2 to 16 bits, got {bits}"):
        quantise(weights(3), bits)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_refuses_what_is_not_finite(value: float) -> None:
    with pytest.raises(InrError, match="NaN or infinity"):
        quantise(torch.tensor([1.0, value]), 8)


def test_refuses_what_has_no_step() -> None:
    with pytest.raises(InrError, match="no values"):
        quantise(torch.empty(0, 3), 8)
    with pytest.raises(InrError, match="no rows"):
        quantise(torch.tensor(1.0), 8, per_channel=True)
    with pytest.raises(InrError, match="2\\^100"):
        quantise(torch.tensor([3e38]), 8)


def test_refuses_steps() -> None:
    zero = torch.tensor(0).int()
    for step in (0.0, -1.0, 1e-40, math.inf, math.nan):
        with pytest.raises(InrError, match="steps lie between"):
            quantise_to(weights(3), 8, torch.tensor(step), zero)
    with pytest.raises(InrError, match="zero points"):
        quantise_to(weights(3), 8, torch.tensor(1.0), zero + 2**24)
    with pytest.raises(InrError, match="do not go with"):
        quantise_to(weights(3, 2), 8, torch.ones(2), torch.zeros(2).int())
