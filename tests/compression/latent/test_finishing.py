"""Moves of whole numbers, and landing at a target."""

import numpy as np
import pytest
import torch

from inr.compression.encoder.latent import half
from inr.compression.encoder.latent.finishing import clipped_error, finish, land_at_bytes, land_at_error
from inr.compression.encoder.latent.fit import fit_component, make_step
from inr.compression.encoder.latent.integer_search import Bound, IntegerSearch
from inr.compression.encoder.latent.network_coding import encode_parameters
from inr.compression.encoder.latent.rate import Goal
from inr.compression.encoder.latent.write import encode_latents

WEIGHT = 1e-3


@pytest.fixture(scope="module")
def picture():
    draw = np.random.default_rng(0)
    y, x = np.mgrid[0:72, 0:80].astype(np.float32) / 40
    planes = np.stack([0.5 + 0.3 * np.sin(17 * x + 13 * y * y), 0.5 + 0.2 * np.cos(25 * x * y), 0.2 + 0.4 * (x > y)])
    return np.clip(planes + 0.03 * draw.standard_normal(planes.shape), 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(picture):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(half, "_LEAST_SIDE", 100)  # or kernels would be made for the halved picture
        return fit_component(picture, None, "lop", Goal(weight=WEIGHT), steps=150, engine="cpu:threads=1")


@pytest.fixture
def step(picture, fitted):
    step = make_step(fitted.layout, picture, None, "cpu:threads=1")
    with torch.no_grad():
        step.latents.copy_(torch.from_numpy(fitted.latents).float())
        step.parameters.copy_(torch.from_numpy(fitted.parameters))
    return step


def test_moves_lower_the_loss_and_are_counted_right(step):
    search = IntegerSearch(step, seed=1)
    before = search.loss(WEIGHT)
    gain = search.improve(WEIGHT, 1)
    assert gain > 0.002 * before
    assert (search.error, search.bits) == pytest.approx(step.measure(), rel=1e-5)
    assert before - search.loss(WEIGHT) == pytest.approx(gain)
    assert torch.equal(step.latents, step.latents.round())


def test_a_search_is_reproducible_and_stops(step):
    start = step.latents.clone()
    ends = []
    for _ in range(2):
        search = IntegerSearch(step, seed=1)
        search.improve(WEIGHT, 1)
        ends.append(search.latents())
        search.take(start)
    assert torch.equal(*ends)
    asked = iter(range(100))
    IntegerSearch(step, stopped=lambda: next(asked) >= 3).improve(WEIGHT, 5)
    assert next(asked) < 10


@pytest.mark.parametrize("share", [0.95, 1.05])
def test_a_bound_is_approached_from_its_side(step, share):
    search = IntegerSearch(step)
    bound = share * search.bits
    for tilt in (1.3, 2, 4, 8):
        search.approach(WEIGHT * tilt if share < 1 else WEIGHT / tilt, Bound("bits", bound))
        if share < 1 and search.bits <= bound:
            break
    assert 0.98 * bound <= search.bits <= bound


@pytest.mark.parametrize("share", [0.9, 1.04])
def test_files_land_below_their_bytes(step, share):
    search = IntegerSearch(step)
    size = lambda: 500 + round(1.01 * search.bits / 8)  # noqa: E731
    limit = round(share * size())
    land_at_bytes(search, WEIGHT, limit, size)
    assert 0.99 * limit <= size() <= limit


@pytest.mark.long
def test_impossible_bytes_get_the_nearest(step):
    search = IntegerSearch(step)
    land_at_bytes(search, WEIGHT, 400, lambda: 500 + round(search.bits / 8))
    assert not step.latents.any()


@pytest.mark.parametrize("decibels", [-0.3, 0.15])
def test_pictures_land_above_their_psnr(picture, step, decibels):
    search = IntegerSearch(step)
    error = clipped_error(step, picture, None)
    limit = error() * 10 ** (-decibels / 10)
    land_at_error(search, WEIGHT, limit, error)
    assert 0.985 * limit <= error() <= limit


@pytest.mark.parametrize("share", [0.95, 1.0])
@pytest.mark.long
def test_finished_components_are_within_their_bytes(picture, fitted, share):
    def write(parameters, latents):
        return b"".join([encode_parameters(parameters), *encode_latents(fitted.layout, parameters, latents)])

    def finished(goal):
        return write(*finish(picture, None, fitted, goal, write=write, engine="cpu:threads=1"))

    limit = round(share * len(finished(Goal(weight=WEIGHT))))
    assert 0.97 * limit <= len(finished(Goal(bytes=limit))) <= limit
