"""`studies/mint_kernel.py`: the published kernel-space teaching of several learners."""

from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image

from studies import mint_kernel

pytestmark = pytest.mark.long  # the study is complete, and its results are kept


@pytest.fixture
def lion(shared_data):
    path = shared_data / "div2k_512" / "14.png"
    if not path.is_file():
        pytest.skip(f"no {path}, the published Lion")
    return mint_kernel.picture(path)


def random_pictures(*shape, seed=0):
    generator = np.random.default_rng(seed)
    return generator.random(shape), generator.random(shape)


def whole_kernel(height, width):
    """k between all pixels, (n, n)."""
    places = np.stack(np.mgrid[0:height, 0:width], axis=-1).reshape(-1, 2)
    distances = np.linalg.norm(places[:, None] - places, axis=-1)
    return np.exp(-((distances / 0.5) ** 2))


@pytest.mark.parametrize("algorithm", ["single", "mint", "communicated"])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_pixel_is_learned_in_one_step(algorithm, channels):
    start, target = random_pictures(channels, 1, 1)
    iterations = channels if algorithm == "single" else 1  # one a learner
    picks = mint_kernel.picks_of(algorithm, None, iterations, channels)
    *_, (done, errors) = mint_kernel.course(start, target, picks, talking=algorithm == "communicated", rate=0.5)
    assert done == iterations
    np.testing.assert_allclose(errors, 0, atol=1e-15)


@pytest.mark.parametrize("greedy", [True, False])
def test_the_stencil_is_the_whole_kernel(greedy):
    """Over many steps, near edges too, to the last digits of doubles."""
    start, target = random_pictures(2, 9, 11)
    picks = np.random.default_rng(1).integers(0, 99, (5000, 2))
    if greedy:
        picks[:] = mint_kernel.GREEDY
    errors, rate, kernel = start - target, 0.05, whole_kernel(9, 11)
    expected = errors.reshape(2, -1).copy()
    for row in picks:
        for learner, pick in zip(expected, row, strict=True):
            chosen = np.abs(learner).argmax() if greedy else pick
            learner -= 2 * rate * learner[chosen] * kernel[chosen]
    mint_kernel.teach(errors, picks, mint_kernel.stencil(), rate)
    assert np.abs(expected).max() < 0.1
    np.testing.assert_allclose(errors.reshape(2, -1), expected, rtol=0, atol=1e-15)


def test_what_the_stencil_leaves_out_is_lost_in_rounding():
    beyond = np.exp(-(((mint_kernel.RADIUS + 1) / mint_kernel.WIDTH) ** 2))
    updates = mint_kernel.CHECKPOINTS["random"][-1]
    assert 100 * updates * 2 * mint_kernel.RATE * beyond < np.finfo(np.float64).eps


@pytest.mark.parametrize("greedy", [True, False])
def test_one_channel_is_the_single_learner(greedy):
    start, target = random_pictures(1, 8, 8)
    drawn = None if greedy else np.random.default_rng(1).integers(0, 64, (700, 1))
    ends = []
    for algorithm in mint_kernel.ALGORITHMS:
        picks = mint_kernel.picks_of(algorithm, drawn, 700, 1)
        *_, (_, errors) = mint_kernel.course(start, target, picks, talking=100 * (algorithm == "communicated"))
        ends.append(errors)
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[0], ends[2])
    assert np.abs(ends[0]).sum() < np.abs(start - target).sum()


def test_all_at_once_is_one_at_a_time_with_as_many_updates_each():
    start, target = random_pictures(3, 8, 8)
    ends = []
    for algorithm, iterations in (("single", 1500), ("mint", 500)):
        *_, (_, errors) = mint_kernel.course(start, target, mint_kernel.picks_of(algorithm, None, iterations, 3))
        ends.append(errors)
    assert np.array_equal(*ends)


def test_learners_have_their_turns_one_after_the_other():
    drawn = np.arange(18).reshape(6, 3)
    nobody = mint_kernel.NOBODY
    assert mint_kernel.picks_of("single", drawn, 6, 3).tolist() == [
        [0, nobody, nobody], [3, nobody, nobody], [nobody, 6, nobody], [nobody, 9, nobody], [nobody, nobody, 12],
        [nobody, nobody, 15],
    ]  # fmt: skip
    assert np.array_equal(mint_kernel.picks_of("mint", drawn, 6, 3), drawn)
    assert (mint_kernel.picks_of("communicated", None, 6, 3) == mint_kernel.GREEDY).all()


def test_nothing_is_exchanged_where_nothing_is_missed():
    """A is the identity, so that f stays what it is, bit for bit."""
    _, target = random_pictures(3, 8, 8)
    missed = torch.zeros(64, 3, dtype=torch.float64)
    known = torch.from_numpy(target.reshape(3, -1).T)
    assert torch.equal(mint_kernel.communication_matrix(2 * known, missed), torch.eye(3))
    assert np.array_equal(mint_kernel.exchanged(np.zeros_like(target), target), np.zeros_like(target))


@pytest.mark.parametrize(("kind", "seed"), [*product(["random"], range(4)), ("pre-trained", 0)])
def test_communication_does_not_increase_the_loss(kind, seed):
    _, target = random_pictures(3, 16, 16, seed=seed)
    errors = mint_kernel.start_of(kind, target, seed) - target
    picks = mint_kernel.picks_of("communicated", None, 1, 3)
    losses = [np.linalg.norm(errors)]
    for _ in range(mint_kernel.TALKING):
        exchanged = mint_kernel.exchanged(errors, target)
        # A is float32
        assert np.linalg.norm(exchanged) <= losses[-1] * (1 + 1e-6)
        mint_kernel.teach(exchanged, picks, mint_kernel.stencil(), mint_kernel.RATE)
        errors = exchanged
        losses.append(np.linalg.norm(errors))
    assert losses[-1] < 0.9 * losses[0]


def test_random_draws_are_the_published_ones():
    """Which came from NumPy for single learners, by the iteration's number."""
    drawn = mint_kernel.draws(50, 64 * 64, mint_kernel.SEED)
    expected = [np.random.RandomState(t).randint(0, 64 * 64, 3) for t in range(50)]
    assert np.array_equal(drawn, expected)
    assert drawn.shape == mint_kernel.draws(50, 64 * 64, 7).shape


def test_the_picture_drawn_has_every_curve(tmp_path, monkeypatch):
    curves, drawn, plot = {}, [], mint_kernel.plot

    def watched(subplots, *args, **options):
        drawn.extend(subplots)
        plot(subplots, *args, **options)

    monkeypatch.setattr(mint_kernel, "plot", watched)
    for number, variant in enumerate(mint_kernel.PUBLISHED):
        curves[variant] = {0: 8.0, 500: 9.0 + number / 3, 900: 10.0 + number}
    mint_kernel.draw(curves, tmp_path / "curves.png")
    names = {f"{mint_kernel.NAMES[name]}, {t}" for name, t in product(mint_kernel.ALGORITHMS, mint_kernel.TEACHERS)}
    assert [{series.label for series in subplot.series} for subplot in drawn] == [names, names]
    with Image.open(tmp_path / "curves.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    for colour in mint_kernel.COLOURS.values():
        rgb = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        assert (np.abs(pixels - rgb).sum(-1) < 12).sum() > 200


@pytest.mark.parametrize("kind", ["random", "pre-trained"])
@pytest.mark.parametrize("algorithm", ["single", "mint", "communicated"])
@pytest.mark.parametrize("teacher", ["GFT", "RFT"])
def test_the_first_published_points_are_met(lion, kind, algorithm, teacher):
    """From the Lion; in every digit without communication, whose published fits end early in float32."""
    variant = (kind, algorithm, teacher)
    until = mint_kernel.CHECKPOINTS[kind][1]
    drawn = mint_kernel.draws(until, 64 * 64, mint_kernel.SEED) if teacher == "RFT" else None
    whole = mint_kernel.ALONE[kind] * 3 if algorithm == "single" else until  # turns are as long as published
    if algorithm == "single" and drawn is not None:
        drawn = np.concatenate([drawn, np.zeros((whole - until, 3), dtype=np.int64)])
    picks = mint_kernel.picks_of(algorithm, drawn, whole, 3)[:until]
    talking = mint_kernel.TALKING if algorithm == "communicated" else 0
    start = mint_kernel.start_of(kind, lion, mint_kernel.SEED)
    found = {done: mint_kernel.psnr(errors) for done, errors in mint_kernel.course(start, lion, picks, talking=talking)}
    ours, published = [found[0], found[until]], mint_kernel.PUBLISHED[variant][:2]
    np.testing.assert_allclose(ours, published, rtol=0, atol=0.03 if talking else 0.0006)
