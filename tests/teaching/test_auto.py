"""Auto: what is remembered, what is drawn by it and how it counts, how many samples a step takes, exact resuming."""

import math

import numpy as np
import pytest
import torch

from inr import Budget, InrError, Signal
from inr.engines import Batch
from inr.fitting import make_fitter
from inr.teaching import _auto, teachers
from inr.teaching._auto import outliers, remember_on, share_needed, slope, systematic
from tests.tables import mostly_long

SIZE, BATCH = 1200, 400
WARM = 9  # steps; three times those of 400 samples that hold 1200
UNTOLD = 0.3  # even share before anything was seen again


def scattered(size=SIZE):
    """Samples without neighbours, so that no outliers are looked for."""
    return Signal.from_samples(np.random.default_rng(0).random((size, 1)), np.zeros(size, np.float32))


def grid(size=SIZE):
    return Signal.from_array(np.zeros(size, np.float32), kind="volume")


def bound(spec="auto", signal=None, batch=BATCH, seed=0):
    teacher = teachers.build(spec)
    teacher.bind(signal or scattered(), 1000, batch, seed)
    return teacher


def told(missed, spec="auto", signal=None, batch=BATCH, seed=0):
    """A teacher that has nothing planned, with a given memory (below 0: not known), by which nothing was foretold."""
    teacher = bound(spec, signal, batch, seed)
    remembered = {
        "missed": torch.as_tensor(np.asarray(missed, np.float32)),
        "sums": torch.zeros(5, dtype=torch.float64),
    }
    none = {"planned": torch.empty(0, 0, dtype=torch.int64), "plan": torch.tensor([1, 0, 0], dtype=torch.float64)}
    teacher.restore(remembered | none)
    return teacher


def copied(teacher):
    """A teacher in the state of another, to look ahead without a trace."""
    copy = bound(teacher.config(), scattered(teacher._size), teacher._most, teacher._seed)
    copy._ordered = teacher._ordered
    copy.restore({name: tensor.clone() for name, tensor in teacher.state().items()})
    return copy


def plan(teacher, step=1000):
    """The batches of the next plan, from a step on that is beyond the beginning."""
    first = teacher.select(step)
    left = len(teacher._planned) - teacher._round
    return [first, *(teacher.select(step + number) for number in range(1, left + 1))]


def learn(teacher, missed, step=1000):
    """Go through the next plan with given residuals (n,); the step after it."""
    missed = torch.as_tensor(missed, dtype=torch.float32)
    batches = plan(copied(teacher), step)
    for number in range(len(batches)):
        batch = teacher.select(step + number)
        teacher.observe(batch, missed[batch.indices][:, None])
    return step + len(batches)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def uneven(size=SIZE, seed=1):
    """Residuals that go up and down slowly, over two orders of magnitude, and a few that are above all others."""
    rng = np.random.default_rng(seed)
    missed = 0.05 * np.exp(2.3 * np.sin(np.arange(size) / 40)) * (1 + 0.2 * rng.random(size))
    missed[size // 3 : size // 3 + size // 60] = 3.0
    return missed.astype(np.float32)


def documented(missed, uniform):
    """Chances, weights, what the loss exceeds the signal's by and the share of a batch, as the docstring has them."""
    missed = np.asarray(missed, np.float64)
    forecasts = np.minimum(missed, 4 * missed.mean())
    chances = uniform + (1 - uniform) * forecasts**1.5 / (forecasts**1.5).mean()
    p = chances / chances.sum()
    weights = chances ** (-1 / 3)
    ours = (p * weights**2 * forecasts**2).sum() / (p * weights * forecasts).sum() ** 2
    share = ours / ((forecasts**2).mean() / forecasts.mean() ** 2)
    weights /= (p * weights).sum()
    return chances, weights, (p * weights * missed**2).sum() / (missed**2).mean(), min(max(share, 0.25), 1)


def counts(batches, size=SIZE):
    return np.bincount(np.concatenate([batch.indices.numpy() for batch in batches]), minlength=size)


def assert_drawn_by(chances, batches):
    """Every entry is drawn as often as its chance says, rounded up or down."""
    drawn = counts(batches, len(chances))
    due = drawn.sum() * chances / chances.sum()
    assert (drawn >= np.floor(due - 1e-4)).all()
    assert (drawn <= np.ceil(due + 1e-4)).all()


def assert_planned_by(missed, uniform, batches):
    """Samples, weights and excess are those of a plan by a memory and with an even share."""
    chances, weights, excess, _ = documented(missed, uniform)
    assert_drawn_by(chances, batches)
    for batch in batches:
        np.testing.assert_allclose(batch.weights, weights[batch.indices], rtol=1e-4)
        assert batch.excess == pytest.approx(excess, rel=1e-4)


# the beginning


@pytest.mark.parametrize(
    ("size", "batch", "steps"), [(1200, 400, 9), (1000, 300, 12), (97, 13, 24), (50, 50, 3), (50, 80, 3), (2, 1, 6)]
)
def test_the_first_steps_are_those_of_uniform(size, batch, steps):
    ours, evenly = (bound(name, grid(size), batch, seed=3) for name in ("auto", "uniform"))
    missed = torch.rand(size, 1, generator=generator()) + 0.1
    for step in range(steps):
        batch = ours.select(step)
        assert torch.equal(batch.indices, evenly.select(step).indices)
        assert batch.weights is None
        assert batch.excess == 1
        # what was missed before a third of them is forgotten
        if step == steps // 3:
            assert (ours.state()["missed"] < 0).all()
            assert (ours.state()["sums"] == 0).all()
        ours.observe(batch, missed[batch.indices] * (1 if step >= steps // 3 else 1e3))
    held = ours.state()["missed"]
    torch.testing.assert_close(held[held >= 0], missed[:, 0][held >= 0])
    assert ours.select(steps).weights is not None


def test_what_is_not_known_is_taken_to_be_as_the_others_are():
    missed = uneven()
    missed[::7] = -1
    filled = np.where(missed < 0, missed[missed >= 0].mean(), missed)
    assert_planned_by(filled, UNTOLD, plan(told(missed)))


# drawing


CASES = [(100, 1, 7), (97, 5, 13), (7, 3, 5), (3, 11, 1), (1, 4, 3), (5, 4, 9), (1000, 12, 83), (300, 1, 1)]


@pytest.mark.parametrize(("size", "rounds", "count"), CASES)
@pytest.mark.parametrize("kind", ["equal", "uneven", "one", "zeros"])
def test_systematic_draws_as_often_as_chances_say(size, rounds, count, kind):
    rng = np.random.default_rng(size)
    chances = {
        "equal": np.ones(size),
        "uneven": rng.random(size) ** 4 + 1e-3,
        "one": np.where(np.arange(size) == size // 2, 1.0, 1e-9),
        "zeros": np.where(np.arange(size) % 3 == min(size - 1, 1), 2.0, 0.0),
    }[kind].astype(np.float32)
    ends = np.cumsum(chances, dtype=np.float64) / chances.sum(dtype=np.float64)
    for seed in range(10):
        drawn = systematic(torch.from_numpy(chances), rounds, count, generator(seed))
        assert drawn.shape == (rounds, count)
        assert drawn.dtype == torch.int64
        assert 0 <= drawn.min() <= drawn.max() < size
        assert (drawn.diff(dim=1) >= 0).all()
        often = np.bincount(drawn.flatten().numpy(), minlength=size)
        due = rounds * count * chances.astype(np.float64) / chances.sum(dtype=np.float64)
        assert (often >= np.floor(due - 1e-6)).all()
        assert (often <= np.ceil(due + 1e-6)).all()
        assert (often[chances == 0] == 0).all()
        # the samples of a stretch are those that all rounds have of it, and it holds their chances
        stretches = np.arange(count)
        assert torch.equal(drawn.flatten().sort().values.view(count, rounds), drawn.T.sort(dim=1).values)
        assert (ends[drawn.numpy()] >= stretches / count - 1e-6).all()
        assert (np.append(0, ends)[drawn.numpy()] <= (stretches + 1) / count + 1e-6).all()


@pytest.mark.parametrize(("size", "rounds", "count"), mostly_long([(7, 3, 2), (12, 4, 3), (5, 7, 3)]))
def test_under_equal_chances_every_index_is_equally_likely_in_every_round(size, rounds, count):
    source, draws = generator(), 1000
    often = np.zeros((rounds, size))
    for _ in range(draws):
        drawn = systematic(torch.ones(size), rounds, count, source)
        for number, indices in enumerate(drawn):
            often[number] += np.bincount(indices, minlength=size)
    # 5 standard deviations of a binomial count, and an index is drawn less often than twice in a stretch
    assert np.abs(often - draws * count / size).max() < 5 * (draws * count / size) ** 0.5


def test_an_index_is_drawn_in_proportion_to_its_chance():
    chances, source, draws = torch.tensor([0.1, 3.0, 0.5, 0.0, 1.0, 0.4]), generator(), 1000
    often = sum(torch.bincount(systematic(chances, 2, 2, source).flatten(), minlength=6) for _ in range(draws))
    due = draws * 4 * chances / chances.sum()
    assert ((often - due).abs() <= 5 * due.sqrt()).all()


def test_systematic_is_a_function_of_the_generator():
    chances = torch.rand(50, generator=generator())
    drawn = [systematic(chances, 4, 9, generator(seed)) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


# what decides


@pytest.mark.parametrize("seed", range(8))
def test_the_slope_is_that_of_a_regression(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(-3, 1, 50)
    y = (-0.5, 0.0, 0.1, 0.3, 0.6, 0.9, 1.0, 1.6)[seed] * x + rng.normal(0, 0.3, 50)
    sums = torch.tensor([50, x.sum(), y.sum(), (x * x).sum(), (x * y).sum()], dtype=torch.float64)
    assert slope(sums) == pytest.approx(min(max(np.polyfit(x, y, 1)[0], 0.0), 1.0), abs=1e-9)


def test_without_pairs_or_what_tells_them_apart_the_slope_is_a_half():
    assert slope(torch.zeros(5, dtype=torch.float64)) == 0.5
    assert slope(torch.tensor([1, -2.0, -3.0, 4.0, 6.0], dtype=torch.float64)) == 0.5
    x, y = np.full(9, -1.7), np.arange(9.0)
    assert slope(torch.tensor([9, x.sum(), y.sum(), (x * x).sum(), (x * y).sum()], dtype=torch.float64)) == 0.5
    assert slope(torch.full((5,), math.nan, dtype=torch.float64)) == 0.5
    assert slope(torch.full((5,), math.inf, dtype=torch.float64)) == 0.5


def test_the_share_needed_is_the_documented_one():
    forecasts = np.minimum(uneven(), 4 * uneven().mean())
    for uniform in (0.0, 0.1, 0.5):
        chances, _, _, share = documented(uneven(), uniform)
        found = share_needed(torch.from_numpy(forecasts), torch.from_numpy(chances.astype(np.float32)))
        assert found == pytest.approx(share, rel=1e-5)
        assert 0.25 < found < 0.8
    same = torch.full((50,), 0.03)
    assert share_needed(same, torch.ones(50)) == pytest.approx(1, rel=1e-6)
    assert share_needed(torch.from_numpy(forecasts), torch.ones(SIZE)) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_outliers_miss_more_than_one_and_a_half_times_what_both_neighbours_do(seed):
    rng = np.random.default_rng(seed)
    missed = (rng.random(60) ** 6).astype(np.float32)
    chosen = [i for i in range(1, 59) if missed[i] > 1.5 * (missed[i - 1] + missed[i + 1])]
    expected = (missed[chosen].astype(np.float64) ** 2).sum() / (missed[1:-1].astype(np.float64) ** 2).sum()
    assert 0.1 < expected < 1
    assert outliers(torch.from_numpy(missed)) == pytest.approx(expected, rel=1e-6)
    assert outliers(torch.from_numpy(np.sort(missed))) == 0


def test_nothing_stands_out_among_few_or_equal_samples():
    for missed in ([], [3.0], [0.0, 3.0], [0.0] * 9, [0.2] * 9, [3.0, 0.1, 0.1, 3.0]):
        assert outliers(torch.tensor(missed)) == 0


# the memory


@pytest.mark.parametrize(("run", "channels"), [(1, 1), (1, 3), (4, 1), (7, 3)])
def test_kernel_and_operators_remember_the_same(run, channels):
    """Float32 sums differ by their order: 1e-6 of a memory, and 1e-5 of sums of logarithms."""
    rng = np.random.default_rng(run)
    entries, size = 40, 40 * run - run // 2
    missed = rng.random(entries).astype(np.float32)
    missed[rng.random(entries) < 0.3] = -1
    expected, sums = missed.astype(np.float64), np.zeros(5)
    kernel, operators = missed.copy(), torch.from_numpy(missed.copy())
    by_kernel, by_operators = np.zeros(5), torch.zeros(5, dtype=torch.float64)
    for _ in range(6):
        indices = np.sort(rng.integers(0, size, 30))  # some samples and entries several times
        residuals = rng.normal(0, 0.5, (30, channels)).astype(np.float32)
        residuals[3] = 0
        for entry in np.unique(indices // run):
            now = np.sqrt((residuals[indices // run == entry].astype(np.float64) ** 2).mean(axis=1)).mean()
            if expected[entry] >= 0:
                x, y = math.log(max(expected[entry], 2**-20)), math.log(max(now, 2**-20))
                sums += [1, x, y, x * x, x * y]
                now = (expected[entry] + now) / 2
            expected[entry] = now
        _auto._remember(kernel, by_kernel, indices, run, residuals, np.float32(0.5))
        remember_on(operators, by_operators, torch.from_numpy(indices), run, torch.from_numpy(residuals))
    assert (expected >= 0).any()
    np.testing.assert_allclose(kernel, expected, rtol=1e-6)
    np.testing.assert_allclose(operators.numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(by_kernel, sums, rtol=1e-5)
    np.testing.assert_allclose(by_operators.numpy(), sums, rtol=1e-5)


def test_a_teacher_remembers_what_steps_return():
    teacher = bound(batch=SIZE)
    rng = np.random.default_rng(0)
    first, second = (torch.from_numpy(rng.normal(0, 1, (SIZE, 3)).astype(np.float32)) for _ in range(2))
    teacher.observe(teacher.select(0), first)
    size = first.square().mean(dim=1).sqrt()
    torch.testing.assert_close(teacher.state()["missed"], size)
    teacher.observe(Batch(torch.tensor([4, 9])), second[:2])
    size[[4, 9]] = (size[[4, 9]] + second[:2].square().mean(dim=1).sqrt()) / 2
    torch.testing.assert_close(teacher.state()["missed"], size)


# plans by the memory


@pytest.mark.parametrize(("spec", "uniform"), [("auto", UNTOLD), ("auto:uniform=0.6", 0.6), ("auto:uniform=0", 0.0)])
def test_plans_weights_and_excess_are_the_documented_ones(spec, uniform):
    missed = uneven()
    assert (missed > 4 * missed.mean()).any()
    batches = plan(told(missed, spec))
    assert_planned_by(missed, uniform, batches)
    _, _, excess, share = documented(missed, uniform)
    count = round(share * BATCH)
    assert {len(batch.indices) for batch in batches} == {count}
    assert len(batches) == SIZE // count
    assert all((batch.indices.diff() >= 0).all() for batch in batches)
    assert excess > 1


def test_over_many_seeds_the_weights_are_one_and_the_loss_is_as_forecast():
    missed, squares, weights, drawn, often = uneven(), [], [], 0, np.zeros(SIZE)
    for seed in range(60):
        batches = plan(told(missed, "auto:ratio=0.5", seed=seed))
        often += counts(batches)
        drawn += sum(len(batch.indices) for batch in batches)
        weights += [batch.weights.mean().item() for batch in batches]
        squares += [(batch.weights * torch.from_numpy(missed)[batch.indices].square()).mean() for batch in batches]
    chances, _, excess, _ = documented(missed, UNTOLD)
    # an entry's count differs from what is due by less than one, and independently from seed to seed
    np.testing.assert_allclose(often, drawn * chances / chances.sum(), atol=5 * 0.5 * 60**0.5)
    assert np.mean(weights) == pytest.approx(1, abs=1e-3)
    assert np.mean(squares) / np.square(missed, dtype=np.float64).mean() == pytest.approx(excess, rel=1e-2)


def test_the_even_share_is_as_the_memory_deserves():
    """Residuals that are all the same have a slope of 0, those that are as remembered one of 1."""
    teacher = told(uneven())
    step = learn(teacher, np.full(SIZE, 0.1))
    stale = teacher.state()["missed"].numpy().copy()
    ahead = copied(teacher)
    assert_planned_by(stale, 0.5, plan(ahead, step))
    step = learn(teacher, stale, step)
    np.testing.assert_allclose(teacher.state()["missed"], stale, rtol=1e-6)
    assert_planned_by(stale, 0.1, plan(teacher, step))


def test_all_evenly_takes_every_sample_as_often():
    batches = plan(told(uneven(), "auto:uniform=1,ratio=1"))
    assert len(batches) == 3
    assert (counts(batches) == 1).all()
    for batch in batches:
        assert torch.equal(batch.weights, torch.ones(BATCH))
        assert batch.excess == pytest.approx(1, rel=1e-6)


def test_steps_shrink_where_residuals_are_uneven():
    lengths = {}
    for name, missed in (
        ("even", np.full(SIZE, 0.2)),
        ("none", np.zeros(SIZE)),
        ("uneven", uneven()),
        ("extreme", np.where(np.arange(SIZE) < 120, 1.0, 1e-4)),
    ):
        batches = plan(told(missed, batch=240))
        lengths[name] = len(batches[0].indices)
        assert all(batch.weights.isfinite().all() for batch in batches)
    assert lengths["even"] == lengths["none"] == 240
    assert lengths["uneven"] < 0.8 * 240
    assert lengths["extreme"] < lengths["uneven"]


@pytest.mark.parametrize(("batch", "count"), [(1200, 300), (400, 100), (200, 75), (100, 75), (75, 75), (40, 40)])
def test_steps_never_shrink_below_a_quarter_or_a_sixteenth_of_the_memory(batch, count):
    batches = plan(told(np.where(np.arange(SIZE) < 100, 1.0, 1e-5), "auto:uniform=0", batch=batch))
    assert {len(each.indices) for each in batches} == {count}


@pytest.mark.parametrize(("batch", "count"), [(1200, 300), (700, 300), (301, 300), (300, 300), (240, 240)])
def test_steps_never_take_more_than_a_quarter_of_the_memory(batch, count):
    batches = plan(told(np.full(SIZE, 0.2), batch=batch))
    assert {len(each.indices) for each in batches} == {count}


@pytest.mark.parametrize(("ratio", "count"), [(1, 400), (0.5, 200), (0.337, 135), (0.01, 4), (0.001, 1)])
def test_a_ratio_that_is_given_holds_after_the_beginning(ratio, count):
    assert len(bound(f"auto:ratio={ratio}").select(WARM - 1).indices) == BATCH
    batches = plan(told(uneven(), f"auto:ratio={ratio}"))
    assert {len(batch.indices) for batch in batches} == {count}
    assert len(batches) == SIZE // count


# outliers


def peppered(share):
    """Residuals on a grid of which isolated ones hold a share in the sum of squares."""
    rest = np.full(SIZE, 0.05)
    places = np.arange(5, SIZE - 5, 25)
    rest[places] = 0
    rest[places] = math.sqrt(share / (1 - share) * np.square(rest[1:-1]).sum() / len(places))
    return rest


@pytest.mark.parametrize(("share", "added"), [(0.29, 0.0), (0.35, 0.25), (0.4, 0.5), (0.48, 0.9)])
def test_outliers_make_batches_more_even(share, added):
    missed = peppered(share)
    assert outliers(torch.from_numpy(missed)) == pytest.approx(share, rel=1e-6)
    teacher = told(missed, signal=grid())
    assert_planned_by(missed, UNTOLD + (1 - UNTOLD) * added, plan(teacher))
    # and they are not forgotten
    teacher.restore(teacher.state() | {"missed": torch.from_numpy(uneven()), "sums": torch.zeros(5).double()})
    assert outliers(torch.from_numpy(uneven())) < 0.2
    assert_planned_by(uneven(), UNTOLD + (1 - UNTOLD) * added, plan(teacher))


@pytest.mark.parametrize("share", [0.51, 0.9])
def test_where_outliers_hold_half_of_it_the_teacher_is_uniform_to_the_end(share):
    teacher, evenly = told(peppered(share), signal=grid(), seed=5), bound("uniform", grid(), seed=5)
    for step in range(1000, 1030):
        batch = teacher.select(step)
        assert torch.equal(batch.indices, evenly.select(step).indices)
        assert batch.weights is None
        assert batch.excess == 1
        teacher.observe(batch, torch.from_numpy(uneven())[batch.indices][:, None])


@pytest.mark.parametrize(("spec", "uniform", "source"), [("auto", UNTOLD, scattered), ("auto:uniform=0.1", 0.1, grid)])
def test_scattered_samples_and_a_share_that_is_given_know_no_outliers(spec, uniform, source):
    batches = plan(told(peppered(0.9), spec, source()))
    assert_planned_by(peppered(0.9), uniform, batches)
    assert counts(batches).max() > 3


# large signals


@pytest.mark.parametrize(("size", "run"), mostly_long([(1003, 11), (101, 2), (1000, 10), (199, 2), (250, 3)], 2))
def test_runs_of_samples_share_an_entry(size, run):
    entries = math.ceil(size / run)
    of_entries = uneven(entries)
    missed = torch.from_numpy(np.repeat(of_entries, run)[:size])
    spec = "auto:uniform=0.8,ratio=1,entries=100"
    teacher = bound(spec, scattered(size), batch=entries // 4)
    often = np.zeros(size)
    for step in range(500):
        batch = teacher.select(step)
        assert batch.indices.min() >= 0
        assert batch.indices.max() < size
        assert ((batch.indices // run).diff() >= 0).all()
        teacher.observe(batch, missed[batch.indices][:, None])
        often += np.bincount(batch.indices, minlength=size)
    held = teacher.state()["missed"].numpy().copy()
    assert held.shape == (entries,)
    np.testing.assert_allclose(held, of_entries, rtol=1e-5)
    batches = plan(told(held, spec, scattered(size), entries // 4))
    assert_drawn_by(documented(held, 0.8)[0], [Batch(batch.indices // run) for batch in batches])
    assert (often > 0).all()
    # in a whole run every sample is as likely as the others
    whole = often[: size // run * run].reshape(-1, run)
    due = whole.mean(axis=1, keepdims=True)
    assert (np.abs(whole - due) < 5 * np.sqrt(due)).all()


# fits


@pytest.fixture
def signal():
    y, x = np.mgrid[0:16, 0:16] / 16
    return Signal.from_array((255 * np.stack([x, y, x * y], axis=-1)).astype(np.uint8), kind="image")


PARTS = {"encoding": "hash:levels=3,log2_size=8,finest=16", "network": "mlp:depth=1,width=16"}


@pytest.mark.parametrize("broken", [math.nan, math.inf, 1e19, 1e30])
@pytest.mark.parametrize("some", [0, 1, 50, SIZE])
def test_plans_survive_what_a_breaking_fit_returns(broken, some):
    missed = torch.from_numpy(uneven())
    missed[:some] = broken
    teacher = bound(signal=grid())
    for step in range(WARM + 30):
        batch = teacher.select(step)
        assert 0 <= batch.indices.min() <= batch.indices.max() < SIZE
        assert batch.weights is None or batch.weights.isfinite().all()
        assert 0 < batch.excess < math.inf
        teacher.observe(batch, (missed if step < WARM + 9 else torch.from_numpy(uneven()))[batch.indices][:, None])
    assert (teacher.state()["missed"][some:] < 4).all()


@pytest.mark.parametrize("engine", ["cpu", "eager"])
@pytest.mark.parametrize("depth", [1, 4])
def test_a_fit_that_diverges_slowly_says_so(signal, engine, depth):
    """Rates double with every step: losses pass through all that float32 holds, with a plan every few steps."""
    fitter = make_fitter(
        signal, budget=Budget(steps=400), teacher="auto", batch=64, engine=engine, encoding="identity",
        activation="relu", network=f"mlp:depth={depth},width=8", learning_rate=0.01, schedule="constant",
    )  # fmt: skip
    finite = []
    for event in fitter.run():
        fitter._learning_rates = {name: 2 * rate for name, rate in fitter._learning_rates.items()}
        if event.kind == "step":
            finite.append(event.loss)
    assert event.reason == "diverged"
    assert max(finite) > 1e20
    assert all(tensor.isfinite().all() for tensor in fitter.field.state_dict().values())


@pytest.mark.parametrize(
    ("engine", "least", "place"),
    mostly_long(
        [
            ("cpu", 3, "begin"),
            ("cpu", 20, "end"),
            ("eager", 20, "middle"),
            ("cpu", 1, "begin"),
            ("cpu", 4, "begin"),
            ("cpu", 9, "begin"),
            ("cpu", 10, "middle"),
            ("cpu", 20, "middle"),
        ],
        3,
    ),
)
def test_resuming_goes_on_bit_for_bit(signal, resumed, engine, least, place):
    settings = {"budget": Budget(steps=32), "seed": 2, "teacher": "auto", "batch": 100, "engine": engine, **PARTS}

    def cut(fitter, steps):
        done, planned = fitter._teacher._round, len(fitter._teacher._planned)
        at = {"begin": planned == 0, "middle": 0 < done < planned, "end": 0 < done == planned}
        return steps >= least and at[place]

    whole, second, steps = resumed(signal, cut, **settings)
    assert least <= steps < least + 9
    assert_alike(whole._teacher.state(), second._teacher.state())


@pytest.mark.parametrize("cut", mostly_long([12, 11, 30]))
def test_resuming_remembers_outliers(resumed, cut):
    picture = np.full((16, 16), 128, np.uint8)
    picture[3::6, 4::7] = 255
    source = Signal.from_array(picture, kind="image", value_range=(0, 255))
    settings = {"budget": Budget(steps=50), "teacher": "auto", "batch": 100, "encoding": "identity"}
    settings |= {"network": "mlp:depth=1,width=8"}
    whole, second, _ = resumed(source, cut, **settings)
    evenly = bound("uniform", source, 100).select(50)
    assert torch.equal(second._teacher.select(50).indices, evenly.indices)
    assert_alike(whole._teacher.state(), second._teacher.state())


def assert_alike(one, other):
    """States of teachers are equal bit for bit."""
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def test_equal_seeds_give_equal_batches():
    chosen = []
    for seed in (1, 1, 2):
        teacher, batches = bound(seed=seed), []
        for step in range(30):
            batches.append(teacher.select(step))
            teacher.observe(batches[-1], torch.from_numpy(uneven())[batches[-1].indices][:, None])
        chosen.append([batch.indices.tolist() for batch in batches])
    assert chosen[0] == chosen[1]
    assert not any(batch in chosen[2] for batch in chosen[0])


KINDS = {
    "picture": lambda rng: Signal.from_array(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)),
    "sound": lambda rng: Signal.from_array(np.sin(np.linspace(0, 60, 300)), kind="audio", sample_rate=8000),
    "volume": lambda rng: Signal.from_array(rng.random((5, 6, 7)), kind="volume"),
    "video": lambda rng: Signal.from_array(rng.integers(0, 255, (3, 8, 6, 3), dtype=np.uint8), kind="video", fps=8),
    "scattered": lambda rng: Signal.from_samples(*rng.random((2, 90, 2))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_signal_is_learned_without_scoring(kind):
    source = KINDS[kind](np.random.default_rng(0))
    fitter = make_fitter(
        source, budget=Budget(steps=30), teacher="auto", batch=80, encoding="identity", network="mlp:depth=1,width=8",
        engine="eager",
    )  # fmt: skip
    *steps, end = fitter.run()
    assert end.reason == "steps"
    assert end.scored == 0
    warm = 3 * math.ceil(source.size / 80)
    assert steps[warm].points == 80 * warm
    assert steps[warm].points < end.points <= 30 * 80
    held = fitter._teacher.state()["missed"]
    assert held.shape == (source.size,)
    assert (held >= 0).float().mean() > 0.9
    assert all(parameter.isfinite().all() for parameter in fitter.field.parameters())


def test_losses_are_told_as_those_of_the_whole_signal():
    """Once batches are uneven, what is told is closer to the loss of all samples than what is minimised."""
    picture = patched(48)
    fitter = make_fitter(
        Signal.from_array(picture, kind="image"), budget=Budget(steps=300), teacher="auto", batch=256, engine="cpu",
        encoding="identity", activation="sine", network="mlp:depth=2,width=32", lattice_only=True,
    )  # fmt: skip
    told, excess = [], []
    for event in fitter.run():
        if event.kind == "step" and event.step > 280:
            told.append(event.loss)
            excess.append(fitter._teacher._excess)
    whole = 4 * np.square((fitter.field.render().reshape(picture.shape) - picture) / 255.0).mean()
    assert np.mean(excess) > 1.5
    assert np.mean(told) == pytest.approx(whole, rel=0.2)


def patched(size):
    """A slope with a patch of noise in it, on a ninth of the picture."""
    y, x = np.mgrid[0:size, 0:size] / size
    picture, third = 110 + 60 * x + 30 * y, size // 3
    noise = np.random.default_rng(0).normal(0, 45, (third, third))
    picture[third : 2 * third, third // 2 : third // 2 + third] += noise
    return np.clip(picture, 0, 255).round().astype(np.uint8)


def psnr_of_a_fit(picture, teacher, *, seed, steps, batch, width, clean=None, judged=...):
    """PSNR in dB, by numpy, of the picture as fitted against what it should be, on the pixels that are judged."""
    fitter = make_fitter(
        Signal.from_array(picture, kind="image"), budget=Budget(steps=steps), teacher=teacher, batch=batch, seed=seed,
        engine="cpu", encoding="identity", activation="sine", network=f"mlp:depth=2,width={width}", lattice_only=True,
    )  # fmt: skip
    *_, end = fitter.run()
    rendered = np.clip(fitter.field.render(), 0, 255).astype(np.float64).reshape(picture.shape)
    error = (rendered - (picture if clean is None else clean))[judged]
    return 10 * math.log10(255**2 / np.square(error).mean()), end.points


@pytest.mark.parametrize("seed", [0, 2])
@pytest.mark.long
def test_an_uneven_picture_is_fitted_better_by_fewer_samples(seed):
    """Measured: 5.8, 7.9, 5.3 and 6.5 dB with seeds 0 to 3, by three quarters of the samples."""
    options = {"seed": seed, "steps": 300, "batch": 128, "width": 48}
    ours, seen = psnr_of_a_fit(patched(32), "auto", **options)
    evenly, all_seen = psnr_of_a_fit(patched(32), "uniform", **options)
    assert ours > evenly + 2
    assert seen < 0.9 * all_seen


@pytest.mark.long
def test_pepper_and_salt_do_not_lead_astray():
    """Measured on clean pixels: 0.1, 0.07, 0.08 and 0.19 dB below uniform with seeds 0 to 3.

    With `uniform=0.1`, which leaves outliers out of account, it is 3.4 to 3.7 dB.
    """
    y, x = np.mgrid[0:48, 0:48] / 48
    clean = np.clip(127 + 60 * np.sin(7 * x + 3 * y) + 40 * np.cos(11 * y - 4 * x) * x, 0, 255).round()
    clean += np.where((x > 0.55) & (y > 0.5), 45 * np.sin(60 * x) * np.sin(50 * y), 0)
    clean = np.clip(clean, 0, 255).round().astype(np.uint8)
    ahead = []
    for seed in range(2):
        rng = np.random.default_rng(100 + seed)
        hit = rng.random(clean.shape) < 0.05
        picture = clean.copy()
        picture[hit] = rng.choice([0, 255], hit.sum())
        options = {"seed": seed, "steps": 250, "batch": 256, "width": 32, "clean": clean, "judged": ~hit}
        ours, evenly = (psnr_of_a_fit(picture, teacher, **options)[0] for teacher in ("auto", "uniform"))
        ahead.append(ours - evenly)
    assert np.mean(ahead) > -0.4


@pytest.mark.parametrize("spec", ["auto:ratio=0", "auto:ratio=1.5", "auto:uniform=2", "auto:uniform=-0.1"])
def test_bad_parameters_are_refused(spec):
    with pytest.raises(InrError, match="must be"):
        teachers.build(spec)


def test_configurations_come_back():
    for spec in ("auto", "auto:uniform=0.2,ratio=0.5"):
        assert teachers.build(teachers.build(spec).config()).config() == teachers.build(spec).config()


def test_the_kernel_is_compiled_before_the_first_step():
    teacher = bound()
    assert teacher.prepare() >= 0
    compiled = len(_auto._remember.signatures)
    for step in range(30):
        batch = teacher.select(step)
        teacher.observe(batch, torch.zeros(len(batch.indices), 3))
    assert len(_auto._remember.signatures) == compiled
