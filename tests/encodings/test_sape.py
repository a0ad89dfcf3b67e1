"""SAPE: how the mask opens in space and time, beside a slow reference of its feedback loop."""

import copy
import itertools

import numpy as np
import pytest
import torch

from inr.encodings import FourierFeatures, Sape, encodings


def small(in_dim: int = 2, resolution: int = 5, **config) -> Sape:
    torch.manual_seed(0)
    over = {"name": "fourier", "kind": "radial", "frequencies": 12, "sigma": 2.0}
    return Sape(in_dim, **{"over": over, "resolution": resolution, **config})


def lattice(in_dim: int, count: int = 21) -> torch.Tensor:
    """Points all over the domain."""
    return torch.cartesian_prod(*[torch.linspace(-1, 1, count)] * in_dim).view(-1, in_dim)


def run(sape: Sape, steps: int, residual=lambda coords: torch.full((len(coords), 1), 0.5), until: int | None = None):
    coords = lattice(sape.in_dim)
    for step in range(steps if until is None else until):
        sape.progress((step + 1) / steps, coords, residual(coords))
    return sape


def open_everywhere(sape: Sape) -> list[int]:
    """How many features beyond the coordinates are open at any place."""
    return (sape(lattice(sape.in_dim))[:, sape.in_dim :] != 0).any(0).nonzero()[:, 0].tolist()


@pytest.mark.parametrize("in_dim", [1, 2, 3])
def test_at_first_there_are_only_the_coordinates(in_dim):
    sape, coords = small(in_dim), lattice(in_dim, 7)
    assert torch.equal(sape(coords)[:, :in_dim], coords)
    assert not sape(coords)[:, in_dim:].any()


@pytest.mark.parametrize("in_dim", [1, 2, 3, 4])
def test_half_way_everything_is_open_where_everything_is_hard(in_dim):
    sape = small(in_dim, resolution=4, epsilon=0.0)
    coords = torch.rand(200, in_dim) * 2 - 1
    for step in range(sape.min_steps // 2):
        assert (sape.spatial(coords) == 0).any()
        sape.progress((step + 1) / sape.min_steps, coords, torch.ones(200, 2))
    torch.testing.assert_close(sape.spatial(coords), torch.ones(200, sape.spatial.num_blocks))
    sine, cosine = sape.over(coords).chunk(2, dim=1)
    expected = torch.cat((coords, torch.stack((sine, cosine), dim=2).flatten(1)), dim=1)
    torch.testing.assert_close(sape(coords), expected)


def test_nothing_opens_where_everything_is_easy():
    sape = run(small(epsilon=1e9), 100)
    assert int(sape.spatial.ended) == sape.spatial.num_blocks
    assert open_everywhere(sape) == []


def test_blocks_open_from_low_frequencies_to_high():
    sape = small(2, epsilon=0.0)
    lengths = sape.over.frequencies.norm(dim=1)
    assert (lengths.diff() >= 0).all()
    for blocks in range(13):
        assert open_everywhere(run(copy.deepcopy(sape), 24, until=blocks)) == list(range(2 * blocks))


@pytest.mark.parametrize("kind", ["basic", "positional", "gaussian"])
def test_any_frequency_encoding_is_sorted_by_length(kind):
    over = FourierFeatures(3, kind=kind).config()
    lengths = Sape(3, over=over, resolution=4).over.frequencies.norm(dim=1)
    assert (lengths.diff() >= 0).all()


@pytest.mark.parametrize(("in_dim", "blocks", "last"), [(1, 24, 1), (2, 12, 2), (3, 8, 3), (4, 6, 4)])
def test_a_block_is_in_dim_features(in_dim, blocks, last):
    sape = small(in_dim, resolution=3, epsilon=0.0)
    assert sape.spatial.num_blocks == blocks
    assert sape.min_steps == 2 * blocks
    run(sape, 2 * blocks, until=blocks - 1)
    assert open_everywhere(sape) == list(range(24 - last))


def test_the_last_block_takes_the_remainder():
    sape = small(2, num_blocks=5, epsilon=0.0)
    opened = [len(open_everywhere(run(copy.deepcopy(sape), 10, until=step))) for step in range(6)]
    assert opened == [0, 4, 8, 12, 16, 24]


@pytest.mark.parametrize("steps", [24, 25, 37, 100, 1000])
def test_blocks_end_on_time(steps):
    sape, coords = small(2), lattice(2, 3)
    for step in range(steps):
        sape.progress((step + 1) / steps, coords, torch.ones(9, 1))
        assert int(sape.spatial.ended) == min((step + 1) * 24 // steps, 12)


def test_several_blocks_may_end_at_once():
    slow, fast = run(small(), 24), small()
    fast.progress(0.2, lattice(2), torch.ones(441, 1))
    assert int(fast.spatial.ended) == 4
    fast.progress(0.9, lattice(2), torch.ones(441, 1))
    assert torch.equal(fast(lattice(2)), slow(lattice(2)))


def test_features_open_where_the_loss_is_high_and_never_again_where_it_was_low():
    sape = small(2, resolution=30, epsilon=0.01)
    run(sape, 24, lambda coords: coords[:, :1].clamp(min=0), until=6)
    left, right = torch.tensor([[-0.8, 0.3]]), torch.tensor([[0.8, 0.3]])
    assert torch.equal(sape.spatial(left), torch.zeros(1, 12))
    torch.testing.assert_close(sape.spatial(right), (torch.arange(12) < 6).float()[None])
    for step in range(6, 24):
        sape.progress((step + 1) / 24, lattice(2), torch.ones(441, 1))
    assert torch.equal(sape.spatial(left), torch.zeros(1, 12))
    torch.testing.assert_close(sape.spatial(right), torch.ones(1, 12))


def test_epsilon_is_the_mean_square_over_channels():
    residuals = torch.tensor([[0.3, 0.0, 0.3]]).expand(441, 3)  # mean square 0.06
    for epsilon, expected in ((0.0599, 12), (0.0601, 0)):
        sape = run(small(epsilon=epsilon), 24, lambda coords: residuals)
        assert sape.spatial.opened.unique().tolist() == [expected]


def test_places_never_visited_follow_their_neighbours_and_then_the_mean():
    sape = small(1, resolution=60, epsilon=0.1)
    coords = torch.tensor([[-0.9], [0.9]])
    sape.progress(1 / sape.min_steps, coords, torch.tensor([[0.0], [1.0]]))
    opened = sape.spatial.opened
    # nodes 3 and 4 lie around the easy sample; nodes 2 and 5 take their loss, or blurring would open them too
    assert opened[3:5].tolist() == [0, 0]
    assert opened[55:57].tolist() == [1, 1]
    assert opened[30] == 1  # far from both: the mean of all that was seen, 0.5


# --- the slow reference ---------------------------------------------------------------------------------


def reference_blur(grid: np.ndarray) -> np.ndarray:
    """Box filter over k nodes an axis, nodes repeated beyond the edges."""
    reach = 2 if grid.size > 100 else 1
    padded = np.pad(grid, reach, mode="edge")
    blurred = np.zeros_like(grid)
    for node in np.ndindex(grid.shape):
        blurred[node] = padded[tuple(slice(i, i + 2 * reach + 1) for i in node)].mean()
    return blurred


def reference_corners(point: np.ndarray, resolution: int) -> list[tuple[tuple[int, ...], float]]:
    """Nodes around a point, with their weights."""
    position = (np.clip(point, -1, 1) + 1) / 2 * (resolution - 2) + 0.5
    cell = np.floor(position).astype(int)
    corners = []
    for steps in itertools.product((0, 1), repeat=len(point)):
        near = np.where(steps, position - cell, 1 - (position - cell))
        corners.append((tuple(int(i) for i in cell + steps), float(near.prod())))
    return corners


def grid_of(values: torch.Tensor, in_dim: int, resolution: int) -> np.ndarray:
    """Values of the nodes, indexed by axis: the first axis is stored fastest."""
    return values.double().numpy().reshape((resolution,) * in_dim).transpose()


@pytest.mark.parametrize(("in_dim", "resolution"), [(1, 12), (1, 101), (2, 4), (2, 12), (3, 5), (4, 4)])
def test_the_mask_agrees_with_the_slow_reference(in_dim, resolution):
    sape = small(in_dim, resolution, num_blocks=4).double()
    state = sape.state_dict()
    state["spatial.opened"] = torch.randint(0, 5, (resolution**in_dim,), dtype=torch.int32)
    state["spatial.ended"] = torch.tensor(4)
    sape.load_state_dict(state)
    coords = torch.cat((torch.rand(30, in_dim) * 2 - 1, lattice(in_dim, 2) * 1.1)).double()
    opened = grid_of(state["spatial.opened"], in_dim, resolution)
    for block in range(4):
        blurred = reference_blur((opened > block).astype(float))
        expected = []
        for point in coords.numpy():
            corners = reference_corners(point, resolution)
            assert sum(weight for _, weight in corners) == pytest.approx(1)
            assert all(0 <= i < resolution for node, _ in corners for i in node)
            expected.append(sum(weight * blurred[node] for node, weight in corners))
        np.testing.assert_allclose(sape.spatial(coords)[:, block].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(("in_dim", "resolution"), [(1, 12), (2, 6), (2, 12), (3, 4)])
def test_the_feedback_agrees_with_the_slow_reference(in_dim, resolution):
    sape = small(in_dim, resolution, num_blocks=3, epsilon=0.3).double()
    losses, weights = np.zeros((resolution,) * in_dim), np.zeros((resolution,) * in_dim)
    for step in range(2):  # a block of two steps that see all of the domain
        coords = lattice(in_dim, 2 * resolution).double()
        residuals = torch.rand(len(coords), 2, dtype=torch.float64)
        for point, residual in zip(coords.numpy(), residuals.numpy(), strict=True):
            for node, weight in reference_corners(point, resolution):
                losses[node] += weight * (residual**2).mean()
                weights[node] += weight
        assert int(sape.spatial.ended) == 0
        sape.progress((step + 1) / 12, coords, residuals)
    assert weights.all()
    expected = reference_blur(losses / weights) > 0.3
    assert 0 < expected.sum() < expected.size
    np.testing.assert_array_equal(grid_of(sape.spatial.opened, in_dim, resolution), expected)
    np.testing.assert_array_equal(grid_of(sape.spatial.in_progress, in_dim, resolution), expected)


# --- state ----------------------------------------------------------------------------------------------


def test_resuming_within_a_block_goes_on_exactly():
    def step(sape: Sape, number: int) -> None:
        coords = torch.rand(50, 2, generator=torch.Generator().manual_seed(number)) * 2 - 1
        sape(coords)
        sape.progress((number + 1) / 100, coords, coords * 0.1)

    straight = small(resolution=8, epsilon=0.004)
    for number in range(31):
        step(straight, number)
    resumed = encodings.build(straight.config(), 2)
    step(resumed, 0)
    resumed.load_state_dict(copy.deepcopy(straight.state_dict()))
    for number in range(31, 100):
        step(straight, number)
        step(resumed, number)
    assert 0 < straight.spatial.opened.float().mean() < 12
    assert all(torch.equal(value, resumed.state_dict()[key]) for key, value in straight.state_dict().items())
    assert torch.equal(resumed(lattice(2)), straight(lattice(2)))


def test_what_is_derived_while_fitting_is_what_is_derived_from_the_saved_state():
    sape = small(resolution=8, epsilon=0.01)
    sape(lattice(2))  # from here on the blurred mask is kept up to date, block by block
    run(sape, 24, lambda coords: coords[:, :1].clamp(min=0), until=9)
    fresh = copy.deepcopy(sape)
    assert torch.equal(fresh(lattice(2)), sape(lattice(2)))


def test_a_picture_taken_in_inference_mode_does_not_disturb_the_fit():
    sape = run(small(epsilon=0.0), 24, until=7)
    with torch.inference_mode():
        sape(lattice(2))
    sape.progress(8 / 24, lattice(2), torch.ones(441, 1))
    assert torch.equal(sape(lattice(2)), copy.deepcopy(sape)(lattice(2)))


def test_a_batch_changed_in_place_is_encoded_anew():
    sape, coords = run(small(epsilon=0.05), 24, lambda coords: coords[:, :1].clamp(min=0), until=7), lattice(2)
    sape(coords)
    coords.mul_(0.5)
    assert torch.equal(sape(coords), copy.deepcopy(sape)(coords))


def test_the_mask_slope_is_part_of_the_coordinate_derivative():
    sape = run(small(resolution=8, epsilon=0.05), 24, lambda coords: coords[:, :1].clamp(min=0), until=7)
    coords = (torch.rand(40, 2) * 2 - 1).requires_grad_()
    (slope,) = torch.autograd.grad(sape.spatial(coords).sum(), coords)
    assert slope[:, 0].abs().max() > 1


def test_resolution_by_dimension():
    assert [Sape(in_dim).config()["resolution"] for in_dim in (1, 2, 3, 4)] == [12, 128, 64, 16]
    assert Sape(2).config()["num_blocks"] == 256
