"""Fits in closed form: least squares on a grid, mode by mode, and the fields that come of it."""

import functools
import re

import numpy as np
import pytest
import skimage.data
import torch

import inr
from inr import Budget, InrError, Signal
from inr._parts import parse_spec
from inr.fitting import _solve as module
from inr.fitting import evaluate, make_fitter, solve
from inr.fitting._separable import least_squares
from inr.networks import Kronecker

SHAPES = {1: ((9,), (5,)), 2: ((8, 7), (5, 4)), 3: ((5, 4, 6), (3, 4, 2)), 4: ((3, 4, 2, 5), (2, 3, 2, 4))}


def problem(samples, counts, channels=2, seed=0):
    generator = np.random.default_rng(seed)
    features = [generator.standard_normal(shape) for shape in zip(samples, counts, strict=True)]
    return features, generator.standard_normal((*samples, channels))


def explicit(features, values):
    """The matrix of all products, and the samples as its right-hand sides."""
    return functools.reduce(np.kron, features), values.reshape(-1, values.shape[-1])


@pytest.mark.parametrize("axes", SHAPES)
@pytest.mark.parametrize("wide", [False, True], ids=["more samples", "more functions"])
def test_equals_least_squares_on_the_matrix_that_is_never_formed(axes, wide):
    samples, counts = SHAPES[axes][::-1] if wide else SHAPES[axes]
    features, values = problem(samples, counts)
    matrix, sides = explicit(features, values)
    expected = np.linalg.lstsq(matrix, sides, rcond=None)[0]  # the smallest of the solutions, if there are several
    found = least_squares(features, [values])
    assert found.shape == (*counts, 2)
    np.testing.assert_allclose(found.reshape(-1, 2), expected, rtol=0, atol=1e-10)


def test_the_residual_is_orthogonal_to_every_feature():
    features, values = problem((30, 20), (12, 9))
    weights = least_squares(features, [values])
    residual = np.einsum("xk,yl,klc->xyc", *features, weights) - values
    against = np.einsum("xk,yl,xyc->klc", *features, residual)
    assert np.abs(residual).max() > 0.1
    assert np.abs(against).max() < 1e-11


@pytest.mark.parametrize("ridge", [1e-6, 1e-2, 1.0])
def test_a_ridge_solves_the_damped_equations(ridge):
    features, values = problem((8, 7), (5, 6))
    matrix, sides = explicit(features, values)
    damping = np.sqrt(ridge) * np.linalg.norm(matrix, 2) * np.eye(matrix.shape[1])
    # as rows of zeros below the samples: the normal equations would lose twice as many digits
    below = np.zeros((matrix.shape[1], sides.shape[1]))
    expected = np.linalg.lstsq(np.vstack([matrix, damping]), np.vstack([sides, below]), rcond=None)[0]
    np.testing.assert_allclose(least_squares(features, [values], ridge).reshape(-1, 2), expected, rtol=0, atol=1e-11)


def test_a_larger_ridge_gives_smaller_weights():
    features, values = problem((8, 7), (8, 7))
    norms = [np.linalg.norm(least_squares(features, [values], ridge)) for ridge in (0.0, 1e-6, 1e-3, 1.0)]
    assert norms == sorted(norms, reverse=True)
    assert norms[-1] < 0.5 * norms[0]


def test_samples_may_come_in_pieces():
    features, values = problem((9, 4, 5), (4, 3, 2))
    whole = least_squares(features, [values])
    np.testing.assert_allclose(least_squares(features, np.array_split(values, 4)), whole, rtol=0, atol=1e-12)


def test_functions_that_depend_on_each_other_cost_nothing():
    features, values = problem((20, 20), (6, 6))
    doubled = [np.concatenate([each, each], axis=1) for each in features]
    weights = least_squares(doubled, [values])
    same = least_squares(features, [values])
    found, expected = (np.einsum("xk,yl,klc->xyc", *pair) for pair in ((*doubled, weights), (*features, same)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
    assert np.abs(weights).max() < np.abs(same).max()


def bells(samples, count, spread):
    v, t = (np.arange(samples) + 0.5) / samples, (np.arange(count) + 0.5) / count
    return np.exp(-((v[:, None] - t) ** 2) / (2 * (spread / count) ** 2))


def test_a_separable_target_is_reproduced_with_as_many_functions_as_samples():
    v = np.linspace(0, 1, 40)
    target = np.outer(np.sin(9 * v), np.exp(v) * np.cos(20 * v))[..., None]
    features = [bells(40, 40, 1.0)] * 2
    weights = least_squares(features, [target])
    assert np.abs(np.einsum("xk,yl,klc->xyc", *features, weights) - target).max() < 1e-8


# fields


def picture(height=14, width=11, channels=2):
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 3 + channel) * np.cos(y / 4) + 0.05 * x for channel in range(channels)], axis=-1)
    return Signal.from_array(waves.astype(np.float32), kind="volume", channels_last=True)


SIGNALS = {
    "image": lambda: Signal.from_array(np.uint8(60 * picture(14, 11, 3).array + 120), kind="image"),
    "audio": lambda: Signal.from_array(np.sin(np.arange(90) / 7).astype(np.float32), kind="audio", sample_rate=8000),
    "volume": lambda: Signal.from_array(np.random.default_rng(0).random((6, 7, 9), np.float32), kind="volume"),
    "video": lambda: Signal.from_array(np.random.default_rng(0).integers(0, 255, (5, 8, 9, 3), np.uint8), kind="video"),
    "4-D": lambda: Signal.from_array(np.random.default_rng(0).random((4, 5, 3, 6), np.float32), kind="volume"),
}
FULL = {"image": "11x14", "audio": "90", "volume": "9x7x6", "video": "9x8x5", "4-D": "6x3x5x4"}


@pytest.mark.parametrize("kind", SIGNALS)
def test_as_many_functions_as_samples_reproduce_every_kind_of_signal(kind):
    field = solve(SIGNALS[kind](), network=f"kronecker:size={FULL[kind]},spread=0.7")
    assert field.metrics["psnr"] > 100


@pytest.mark.parametrize("kind", SIGNALS)
def test_no_weights_are_nearer(kind):
    """The squared error of all samples, by the field's own evaluation, has slope 0 in every weight."""
    signal = SIGNALS[kind]()
    field = module.solved(signal, ridge=0.0).double()
    coords, values = next(signal.blocks())
    coords = torch.cat([(2 * torch.round((coords[:, a : a + 1].double() + 1) * n / 2 - 0.5) + 1) / n - 1
                        for a, n in enumerate(reversed(signal.array.shape[:-1]))], dim=1)  # fmt: skip
    residual = field(coords) - values.double()
    (slope,) = torch.autograd.grad((residual**2).sum(), field.network.weight)
    assert residual.abs().max() > 1e-3
    assert slope.abs().max() < 1e-4  # the weights are rounded to float32


def test_unasked_weights_take_the_bytes_of_samples_of_eight_bits():
    signal = Signal.from_array(np.random.default_rng(0).integers(0, 255, (96, 64, 3), np.uint8), kind="image")
    field = solve(signal)
    assert field.network.counts == (32, 48)
    assert 4 * field.parameter_count == signal.array.nbytes
    assert solve(SIGNALS["audio"]()).network.counts == (22,)
    long = Signal.from_array(np.sin(np.arange(70_000) / 900).astype(np.float32), kind="audio", sample_rate=8000)
    assert Kronecker.for_closed_form({"name": "kronecker"}, long.array.shape[:-1])["size"] == "478"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("kronecker", {"size": "6x8"}),
        ("kronecker:basis=triangle", {"size": "6x8", "spread": 1.0}),
        ("kronecker:basis=triangle,spread=2,size=5", {"size": 5, "spread": 2}),
        ("kronecker:basis=linf,size=256", {"size": 256, "octaves": 6.0}),
        ("kronecker:basis=logf", {"size": "6x8"}),
    ],
)
def test_parameters_of_the_closed_form(spec, expected):
    completed = Kronecker.for_closed_form(parse_spec(spec), (12, 16))
    assert {key: value for key, value in completed.items() if key not in ("name", "basis")} == expected


def test_the_published_task_on_a_small_photograph():
    """Cameraman at 128²: from the pixels with even indices, K = 64, gaussians of σ = 0.02, to the rest."""
    image = skimage.data.camera().reshape(128, 4, 128, 4).mean(axis=(1, 3)) / 255
    seen = Signal.from_array(np.ascontiguousarray(image[::2, ::2]).astype(np.float32), kind="image")
    field = solve(seen, network="kronecker:size=64,spread=1.28")
    at = torch.arange(128) / 64 + 1 / 64 - 1  # pixel j of the whole is at j/2 among those that were seen
    with torch.no_grad():
        drawn = field.network.on_grid([at, at])[..., 0].T.numpy() / 2 + 0.5
    unseen = np.ones((128, 128), bool)
    unseen[::2, ::2] = False
    assert -10 * np.log10(np.mean((drawn - image)[unseen] ** 2)) >= 22.5
    assert field.metrics["psnr"] > 60


def test_ill_conditioned_functions_leave_weights_that_float32_can_carry():
    signal = picture(40, 40, 1)
    wide = "kronecker:size=40,spread=3"
    damped, exact = (evaluate(module.solved(signal, network=wide, ridge=ridge), signal)["psnr"]
                     for ridge in (module.RIDGE, 0.0))  # fmt: skip
    assert damped > 50
    assert damped > exact + 10


def test_the_seed_decides_random_frequencies_only():
    signal = picture()
    rff = "kronecker:basis=rff,size=6"
    one, same, other = (solve(signal, network=rff, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["network.weight"], other["network.weight"])
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    solve(signal, network=rff)
    assert torch.equal(torch.rand(2), expected)


def test_a_field_is_saved_and_loaded(tmp_path):
    signal = picture()
    field = solve(signal)
    field.save(tmp_path / "a.inr")
    again = inr.load(tmp_path / "a.inr")
    assert again.metrics == pytest.approx(field.metrics, rel=1e-5)
    assert again.config() == field.config()
    np.testing.assert_array_equal(again.render(), field.render())


def test_a_path_is_a_signal(root):
    assert solve(str(root / "examples" / "chelsea.png"), network="kronecker:size=8").domain.shape == (300, 451)


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        ("mlp", {}, "network 'mlp' has no closed form, kronecker has"),
        ("kronecker:hidden=8", {}, "hidden layer has no closed form; leave out hidden"),
        ("kronecker", {"ridge": -1.0}, "a ridge must be 0 or more, got -1"),
        ("kronecker:sice=8", {}, "no parameter 'sice'; did you mean 'size'?"),
        ("kronecker:size=8x9x7", {}, "size is one number, or one an axis"),
    ],
)
def test_refused(network, options, message):
    with pytest.raises(InrError, match=re.escape(message)) as caught:
        solve(picture(), network=network, **options)
    assert "\n" not in str(caught.value)


def test_refused_signals():
    places = np.random.default_rng(0).random((30, 2))
    with pytest.raises(InrError, match="scattered samples have no closed form; fit them by steps"):
        solve(Signal.from_samples(places, places[:, 0]))
    long = Signal.from_array(np.sin(np.arange(40_000) / 900).astype(np.float32), kind="audio", sample_rate=8000)
    with pytest.raises(InrError, match=r"5,000 functions at 40,000 samples .* take 1\.5 GiB .* use at most 3,355"):
        solve(long, network="kronecker:size=5000")


# going on by steps


def continued(signal, field, **options):
    return make_fitter(
        signal, network=field.network.config(), budget=Budget(steps=24), batch=64, learning_rate=1e-3,
        start=field.state_dict(), **options,
    )  # fmt: skip


def test_steps_go_on_from_the_closed_form():
    signal = picture()
    field = solve(signal)
    events = [event for event in continued(signal, field).run() if event.kind == "step"]
    assert events[0].psnr == pytest.approx(field.metrics["psnr"], abs=1.5)  # of a batch
    fitter = continued(signal, field)
    list(fitter.run())
    assert evaluate(fitter.field, signal)["psnr"] == pytest.approx(field.metrics["psnr"], abs=0.2)


@pytest.mark.parametrize("cut", [1, 13])
def test_an_interrupted_continuation_goes_on_exactly(cut, tmp_path):
    signal = picture()
    field = solve(signal)
    curve = [event.loss for event in continued(signal, field).run() if event.kind == "step"]
    path = tmp_path / "fit.checkpoint"
    first = continued(signal, field, checkpoint=path)
    beginning = []
    for event in first.run():
        if event.kind == "step":
            beginning.append(event.loss)
            if len(beginning) == cut:
                first.stop()
    second = continued(signal, field, checkpoint=path, resume=True)
    assert beginning + [event.loss for event in second.run() if event.kind == "step"] == curve
