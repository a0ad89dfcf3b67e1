"""The continuous signal that samples stand for, and what samples of it measure."""

import itertools

import numpy as np
import pytest
import torch

from inr.signals import (
    CUBIC,
    QUADRATIC,
    SINC,
    Interpolant,
    VideoInterpolant,
    band_limited,
    estimate_motion,
    from_array,
    gauss_points,
    measured_places,
)

SHAPES = [(7,), (2,), (1, 9), (9, 12), (5, 6, 7), (3, 4, 2, 5)]


def values_of(shape, channels=2, seed=0):
    return np.random.default_rng(seed).random((*shape, channels)).astype(np.float32) * 2 - 1


def whole(shape, kernels, values):
    """The interpolant, all indices, and a function of one shift for all samples."""
    interpolant = Interpolant(values, kernels)
    indices = torch.arange(int(np.prod(shape)))
    return lambda shift: interpolant(indices, torch.tensor(shift, dtype=torch.float32).expand(len(indices), -1))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_means_over_cells_are_the_samples(shape):
    values = values_of(shape)
    at = whole(shape, (QUADRATIC,) * len(shape), values)
    places = [*itertools.product(gauss_points(1), repeat=len(shape))]
    means = sum(at(place) for place in places) / len(places)
    np.testing.assert_allclose(means.numpy(), values.reshape(-1, 2), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.long
def test_the_means_are_those_of_the_whole_cell(shape):
    """Against a plain mean over many places, which knows nothing of quadratures."""
    if len(shape) > 2:
        pytest.skip("one and two axes show it")
    values = values_of(shape)
    at = whole(shape, (QUADRATIC,) * len(shape), values)
    fine = (np.arange(40) + 0.5) / 40 - 0.5
    places = [*itertools.product(fine, repeat=len(shape))]
    means = sum(at(place) for place in places) / len(places)
    np.testing.assert_allclose(means.numpy(), values.reshape(-1, 2), atol=5e-4)


@pytest.mark.parametrize("kernel", [CUBIC, SINC], ids=lambda each: each.name)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if len(shape) < 3])
def test_points_come_back_at_the_centres(shape, kernel):
    values = values_of(shape)
    at = whole(shape, (kernel,) * len(shape), values)
    np.testing.assert_allclose(at([0.0] * len(shape)).numpy(), values.reshape(-1, 2), atol=1e-5)


@pytest.mark.parametrize("kernel", [QUADRATIC, CUBIC], ids=lambda each: each.name)
@pytest.mark.parametrize("shape", SHAPES)
def test_ramps_and_constants_come_back_exactly_between_samples_up_to_the_edges(shape, kernel):
    axes = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in shape), indexing="ij")
    slopes = np.arange(1, len(shape) + 1) / 10
    # a single sample tells nothing of a slope
    slopes = np.where(np.array(shape) > 1, slopes, 0)
    ramp = 0.3 + sum(slope * axis for slope, axis in zip(slopes, axes, strict=True))
    at = whole(shape, (kernel,) * len(shape), ramp[..., None].astype(np.float32))
    for shift in np.random.default_rng(1).random((5, len(shape))) - 0.5:
        expected = ramp.reshape(-1) + float(slopes @ shift)
        np.testing.assert_allclose(at(shift[::-1].copy())[:, 0].numpy(), expected, atol=1e-5)


def test_a_cubic_spline_is_scipys_away_from_the_edges():
    from scipy.interpolate import CubicSpline

    values = values_of((40,), 1)
    expected = CubicSpline(np.arange(40), values[:, 0], bc_type="natural")
    at = whole((40,), (CUBIC,), values)
    for shift in (-0.4, -0.1, 0.25, 0.5):
        np.testing.assert_allclose(at([shift])[5:35, 0].numpy(), expected(np.arange(5, 35) + shift), atol=1e-5)


def test_band_limited_samples_stay_so():
    """A sum of sines below three quarters of the Nyquist frequency comes back between its samples."""
    time = np.arange(2_000)
    tones = [(0.03, 0.2), (0.2, 1.0), (0.37, 2.0)]  # cycles a sample, phase

    def tone(at):
        return sum(np.sin(2 * np.pi * frequency * at + phase) for frequency, phase in tones) / 3

    at = whole((2_000,), (SINC,), tone(time)[:, None].astype(np.float32))
    for shift in (-0.45, -0.2, 0.3):
        error = at([shift])[40:-40, 0].numpy() - tone(time[40:-40] + shift)
        assert np.abs(error).max() < 1e-3


def test_samples_on_a_grid_of_one_axis_only_are_band_limited():
    with pytest.raises(ValueError, match="band-limited samples have one axis, not 2"):
        from_array(np.zeros((4, 4), np.uint8), sampling="band")


@pytest.mark.parametrize(
    ("array", "options", "expected"),
    [
        (np.zeros((4, 5, 3), np.uint8), {}, "area"),
        (np.zeros((4, 5), np.uint16), {}, "area"),
        (np.linspace(0, 1, 20).reshape(4, 5), {}, "area"),
        (np.arange(20, dtype=np.int16).reshape(4, 5), {}, "point"),
        (np.linspace(0, 900, 20).reshape(4, 5), {}, "point"),
        (np.zeros((4, 5, 6), np.uint8), {}, "area"),
        (np.arange(9.0), {}, "point"),
        (np.zeros((2, 4, 5, 3), np.uint8), {"kind": "video"}, "area"),
        (np.zeros(9, np.int16), {"kind": "audio", "sample_rate": 8_000}, "band"),
        (np.zeros((4, 5, 3), np.uint8), {"sampling": "point"}, "point"),
    ],
)
def test_the_usual_sampling_model(array, options, expected):
    assert from_array(array, **options).domain.sampling == expected


def test_the_model_is_kept_in_json_and_points_go_without_saying():
    domain = from_array(np.zeros((4, 5, 3), np.uint8)).domain
    assert type(domain).from_json(domain.to_json()) == domain
    points = from_array(np.zeros((4, 5, 3), np.uint8), sampling="point").domain
    assert "sampling" not in points.to_json()
    assert type(points).from_json(points.to_json()) == points


def test_places_of_a_cell():
    domain = from_array(np.zeros((24, 32, 3), np.uint8)).domain
    assert len(measured_places(domain, (24, 32))) == 4
    assert len(measured_places(domain, (48, 64))) == 4
    assert len(measured_places(domain, (60, 80))) == 1
    assert len(measured_places(domain, (12, 16))) == 16
    assert len(measured_places(domain, (24, 16))) == 8
    # a box of a quarter, as large as the whole, is twice as dense
    assert len(measured_places(domain, (48, 64), [(-1, 0), (-1, 0)])) == 1
    points = from_array(np.zeros((24, 32, 3), np.uint8), sampling="point").domain
    assert len(measured_places(points, (24, 32))) == 1
    assert len(measured_places(points, (12, 32))) == 4
    video = from_array(np.zeros((6, 24, 32, 3), np.uint8), kind="video").domain
    assert len(measured_places(video, (3, 24, 32))) == 4  # frames are points of time


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_gauss_points_tell_means_of_cubics(parts):
    places = np.array(gauss_points(parts))
    for power, mean in ((1, 0), (2, 1 / 12), (3, 0)):
        if parts == 1:
            assert np.mean(places**power) == pytest.approx(mean)
    assert np.mean(places**2) == pytest.approx(1 / 12)


RATES = [3.0, 1.5, 0.5]


@pytest.mark.parametrize("factor", RATES)
def test_a_sound_at_another_rate_has_nothing_above_the_lower_nyquist_frequency(factor):
    """A function with tones on both sides of it: those below stay as they are, those above are gone."""
    count = 3_000
    domain = from_array(np.zeros(count, np.float32), kind="audio", sample_rate=8_000).domain
    low, high = 0.1, 0.9  # cycles a sample

    def tones(coords):
        at = (coords.astype(np.float64) + 1) / 2 * count
        return np.cos(np.pi * low * at) + np.cos(2 * np.pi * high * at)

    wanted = round(count * factor)
    found = band_limited(tones, domain, wanted)[:, 0]
    at = (np.arange(wanted) + 0.5) / wanted * count
    assert np.abs(found - np.cos(np.pi * low * at)).max() < 1e-3


def test_a_part_of_a_sound_is_that_of_the_whole():
    domain = from_array(np.zeros(1_000, np.float32), kind="audio", sample_rate=8_000).domain

    def wave(coords):
        return np.cos(200 * coords.astype(np.float64))

    everything = band_limited(wave, domain, 3_000)
    part = band_limited(wave, domain, 750, [(0.0, 0.5)])
    np.testing.assert_allclose(part, everything[1_500:2_250], atol=1e-5)


def moving(shift, frames=5, size=(48, 64)):
    """A smooth texture that moves by `shift` pixels a frame, x and y."""
    rng = np.random.default_rng(3)
    waves = [(rng.normal(size=2) * 0.25, rng.random() * 6) for _ in range(12)]
    y, x = np.mgrid[: size[0], : size[1]]

    def frame(time):
        return sum(
            np.sin(wave[0] * (x - shift[0] * time) + wave[1] * (y - shift[1] * time) + phase) for wave, phase in waves
        )

    return frame, np.stack([frame(time) for time in range(frames)])


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (1.5, 0.5), (-6, 4)])
def test_motion_of_a_moving_texture_is_found(shift):
    _, video = moving(shift)
    video = (video / 8).astype(np.float32)
    motion = estimate_motion(video[0], video[1])
    assert motion.shape == (6, 8, 2)
    np.testing.assert_allclose(motion[1:-1, 1:-1], np.broadcast_to(shift, (4, 6, 2)), atol=0.6)


def test_a_frame_between_two_is_where_things_have_moved_to():
    shift = (4, -3)
    frame, video = moving(shift)
    signal = from_array(((video / 8).clip(-1, 1) * 127.5 + 127.5).round().astype(np.uint8), kind="video")
    interpolant = signal.interpolant
    assert isinstance(interpolant, VideoInterpolant)
    inside = np.arange(48 * 64).reshape(48, 64)[8:-8, 8:-8].ravel()
    indices = torch.from_numpy(48 * 64 + inside)
    between = interpolant(indices, torch.tensor([0.0, 0.0, 0.5]).expand(len(indices), 3))[:, 0].numpy()
    expected = (frame(1.5) / 8).ravel()[inside]
    blended = (frame(1) + frame(2)).ravel()[inside] / 16
    assert np.abs(between - expected).mean() < 0.2 * np.abs(blended - expected).mean()


def test_frames_themselves_stay_and_time_stands_still_beyond_them():
    _, video = moving((2, 1))
    signal = from_array(((video / 8).clip(-1, 1) * 127.5 + 127.5).round().astype(np.uint8), kind="video")
    pixels = 48 * 64
    last = torch.arange(4 * pixels, 5 * pixels)
    rest = signal.interpolant(last, torch.zeros(pixels, 3))
    torch.testing.assert_close(signal.interpolant(last, torch.tensor([0.0, 0.0, 0.4]).expand(pixels, 3)), rest)
    places = [*itertools.product(gauss_points(1), gauss_points(1), [0.0])]
    means = sum(signal.interpolant(last, torch.tensor(place).expand(pixels, 3)) for place in places) / 4
    torch.testing.assert_close(means, signal.values(last), atol=1e-5, rtol=0)
