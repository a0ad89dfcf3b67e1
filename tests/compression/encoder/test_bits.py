"""Widths under a budget: beside every combination tried."""

import itertools
import math
import random

import pytest

from inr import InrError
from inr.compression.encoder import bits as _bits
from inr.compression.encoder.bits import choose_widths, packed_bytes

Sizes = dict[str, dict[int, int]]
Losses = dict[tuple[str, int], float]


def problem(seed: int) -> tuple[Sizes, Losses]:
    """Up to 5 tensors with up to 5 widths; losses that fall by powers, lie anywhere, or are few and equal."""
    rng = random.Random(seed)
    sizes: Sizes = {}
    losses: Losses = {}
    for name in "abcde"[: rng.randint(1, 5)]:
        count = rng.randint(1, 40)
        widths = rng.sample(range(2, 17), rng.randint(1, 5))
        sizes[name] = {width: packed_bytes(count, width) for width in widths}
        for width in widths:
            losses[name, width] = rng.choice([rng.uniform(-0.1, 1) * 4.0**-width, rng.random(), rng.randint(0, 3)])
    return sizes, losses


def totals(sizes: Sizes, losses: Losses, widths: dict[str, int]) -> tuple[float, int]:
    """Loss and bytes of a choice."""
    return sum(losses[key] for key in widths.items()), sum(sizes[name][width] for name, width in widths.items())


def chosen(sizes: Sizes, losses: Losses, budget: int) -> tuple[float, int]:
    """Loss and bytes of what is chosen."""
    widths = choose_widths(lambda *key: losses[key], sizes, budget)
    assert list(widths) == list(sizes)
    return totals(sizes, losses, widths)


def everything(sizes: Sizes, losses: Losses) -> list[tuple[float, int]]:
    """Loss and bytes of all choices."""
    choices = itertools.product(*sizes.values())
    return [totals(sizes, losses, dict(zip(sizes, widths, strict=True))) for widths in choices]


def test_packed() -> None:
    assert [packed_bytes(count, 3) for count in (0, 1, 2, 3, 8)] == [0, 1, 1, 2, 3]


@pytest.mark.parametrize("seed", range(30))
def test_best_of_all_choices_and_monotone(seed: int) -> None:
    sizes, losses = problem(seed)
    choices = everything(sizes, losses)
    smallest, largest = min(size for _, size in choices), max(size for _, size in choices)
    last = math.inf
    for budget in range(smallest, largest + 2, 1 + (largest - smallest) // 25):
        loss, size = chosen(sizes, losses, budget)
        assert size <= budget
        assert loss == pytest.approx(min(loss for loss, size in choices if size <= budget), abs=1e-12)
        assert loss <= last + 1e-12
        last = loss


def test_equal_losses_take_the_fewest_bytes() -> None:
    for seed in range(40):
        sizes, losses = problem(seed)
        losses = {key: float(math.floor(4 * loss)) for key, loss in losses.items()}
        choices = everything(sizes, losses)
        budget = (min(size for _, size in choices) + max(size for _, size in choices)) // 2
        assert chosen(sizes, losses, budget) == min(choice for choice in choices if choice[1] <= budget)


def test_all_of_a_large_budget_goes_to_the_least_losses() -> None:
    sizes, losses = problem(7)
    widths = choose_widths(lambda *key: losses[key], sizes, 10**9)
    assert all(losses[name, width] == min(losses[name, w] for w in sizes[name]) for name, width in widths.items())


def test_convex_losses_by_hand() -> None:
    """Each further bit gains most for the tensor that weighs most; b is worth 4 bits less a byte than a."""
    sizes = {name: {width: 10 * width for width in range(2, 9)} for name in "ab"}
    weighs = {"a": 256.0, "b": 1.0}
    widths = choose_widths(lambda name, width: weighs[name] * 4.0**-width, sizes, 100)
    assert widths == {"a": 7, "b": 3}


def test_beyond_the_hull() -> None:
    """A budget between the hull's corners, where the steepest step does not fit and another does."""
    losses: Losses = {("a", 2): 10, ("a", 8): 0, ("b", 2): 5, ("b", 3): 4}
    sizes = {"a": {2: 10, 8: 20}, "b": {2: 10, 3: 14}}
    assert choose_widths(lambda *key: losses[key], sizes, 25) == {"a": 2, "b": 3}
    assert choose_widths(lambda *key: losses[key], sizes, 30) == {"a": 8, "b": 2}
    assert choose_widths(lambda *key: losses[key], sizes, 34) == {"a": 8, "b": 3}


def test_many_tensors() -> None:
    """No more than a mixture of widths could do, by no more than a single tensor's step."""
    rng = random.Random(0)
    counts = {f"layer{index}": rng.randint(1000, 100_000) for index in range(40)}
    sizes = {name: {width: packed_bytes(count, width) for width in range(2, 17)} for name, count in counts.items()}
    weighs = {name: rng.random() for name in counts}
    budget = sum(counts.values()) * 5 // 8

    def loss(name: str, width: int) -> float:
        return weighs[name] * counts[name] * 4.0**-width

    widths = choose_widths(loss, sizes, budget)
    spent = sum(sizes[name][width] for name, width in widths.items())
    assert 0.999 * budget <= spent <= budget
    # Lagrange: with the price of a byte, the sum of each tensor's own minimum is a lower bound
    bound = max(
        sum(min(loss(n, w) + price * sizes[n][w] for w in sizes[n]) for n in sizes) - price * budget
        for price in (2.0 ** (-k / 16) for k in range(480))
    )
    assert bound <= sum(loss(*choice) for choice in widths.items()) <= 1.02 * bound


def test_counting_in_units_keeps_to_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bits, "_SIZES", 16)
    for seed in range(10):
        sizes, losses = problem(seed)
        choices = everything(sizes, losses)
        smallest, largest = min(size for _, size in choices), max(size for _, size in choices)
        last = math.inf
        for budget in range(smallest, largest + 1, 1 + (largest - smallest) // 10):
            loss, size = chosen(sizes, losses, budget)
            assert size <= budget
            assert loss <= last + 1e-12
            last = loss
        # sizes rounded up exceed themselves by less than a unit each
        assert chosen(sizes, losses, largest + len(sizes) * (1 + largest // 16)) == min(choices)


def test_each_loss_is_measured_once() -> None:
    asked = []

    def measure(name: str, width: int) -> float:
        asked.append((name, width))
        return 1 / width

    choose_widths(measure, {"a": {2: 1, 4: 2}, "b": {8: 3}}, 100)
    assert sorted(asked) == [("a", 2), ("a", 4), ("b", 8)]


def test_nothing_to_choose() -> None:
    assert choose_widths(lambda name, width: 0.0, {}, 0) == {}


def test_refusals() -> None:
    sizes = {"a": {2: 10, 4: 20}, "b": {2: 7}}
    with pytest.raises(InrError, match=r"budget of 16 bytes is too small: .* take 17"):
        choose_widths(lambda name, width: 0.0, sizes, 16)
    with pytest.raises(InrError, match="'b' at 2 bits is not finite"):
        choose_widths(lambda name, width: math.nan if name == "b" else 0.0, sizes, 100)
    with pytest.raises(InrError, match="no widths to choose from for 'a'"):
        choose_widths(lambda name, width: 0.0, {"a": {}}, 100)
    with pytest.raises(InrError, match="'a' cannot take -1 bytes"):
        choose_widths(lambda name, width: 0.0, {"a": {2: -1}}, 100)
