"""The tangent kernel and what it predicts, and the frequencies that are chosen by trial fits."""

import math

import numpy as np
import pytest
import torch

import inr
from inr._parts import AUTO
from inr.fitting import (
    choose_frequencies,
    default_setup,
    fresh_distance,
    leave_one_out,
    second_opinions,
    tangent_kernel,
)
from inr.fitting._frequencies import climb, kernel_error, refined
from inr.fitting._patches import dense_patches
from tests.tables import mostly_long

FOURIER = {
    "encoding": {"name": "fourier", "frequencies": 64, "sigma": AUTO},
    "activation": {"name": "relu"},
    "network": {"name": "mlp", "depth": 2, "width": 64},
}
SIREN = {
    "encoding": {"name": "identity"},
    "activation": {"name": "sine", "omega": AUTO},
    "network": {"name": "mlp", "depth": 2, "width": 64},
}


def band_limited(size: int, cycles: float, dims: int = 2, seed: int = 0) -> inr.Signal:
    """Noise without anything above a frequency, in cycles over an axis."""
    noise = np.random.default_rng(seed).standard_normal((size,) * dims)
    spectrum = np.fft.fftn(noise)
    away = np.sqrt(sum(axis**2 for axis in np.meshgrid(*[np.fft.fftfreq(size) * size] * dims, indexing="ij")))
    low = np.fft.ifftn(np.where(away <= cycles, spectrum, 0)).real
    return inr.from_array((low / np.abs(low).max()).astype(np.float32), kind="volume")


def field(encoding="identity", activation="sine", network="mlp:depth=2,width=12", channels=1):
    torch.manual_seed(0)
    domain = inr.from_array(np.zeros((8, 8, channels), np.float32), kind="image", channels_last=True).domain
    return inr.Field.build(domain, encoding=encoding, activation=activation, network=network).double()


@pytest.mark.parametrize(
    "parts",
    [
        {}, {"channels": 3}, {"network": "mlp:depth=2,width=12,bias=false"}, {"activation": "gabor"},
        {"encoding": "fourier:frequencies=8", "activation": "relu"}, {"network": "skip:depth=3,width=12"},
        {"encoding": "learned-fourier:frequencies=8"},
        {"encoding": "dense:levels=2,coarsest=2,finest=4", "activation": "relu"},
        {"encoding": "hash:levels=3,coarsest=4,finest=9,log2_size=4,interpolation=smoothstep", "channels": 2},
        {"encoding": "kplanes:resolution=3,scales=1,features=4", "activation": "relu"},
    ],
)  # fmt: skip
def test_the_kernel_is_that_of_the_jacobian(parts):
    built = field(**parts)
    coords = torch.rand(9, 2, dtype=torch.float64) * 2 - 1
    rows = []
    for point in coords:
        for channel in range(built.domain.channels):
            gradients = torch.autograd.grad(
                built(point[None])[0, channel], list(built.parameters()), allow_unused=True, materialize_grads=True
            )
            rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
    jacobian = torch.stack(rows).reshape(9, built.domain.channels, -1)
    expected = torch.einsum("icp,jcp->ij", jacobian, jacobian)
    torch.testing.assert_close(tangent_kernel(built, coords), expected, rtol=1e-9, atol=1e-9 * float(expected.max()))


def test_the_kernel_refuses_coordinates_of_another_shape():
    with pytest.raises(inr.InrError, match=r"must have shape \(n, 2\)"):
        tangent_kernel(field(), torch.zeros(4, 3, dtype=torch.float64))


def test_leave_one_out_equals_refits():
    generator = torch.Generator().manual_seed(1)
    coords = torch.rand(20, 2, dtype=torch.float64, generator=generator) * 2 - 1
    values = torch.rand(20, 3, dtype=torch.float64, generator=generator)
    kernel, ridges = tangent_kernel(field(), coords), (1e-1, 1e-3, 1e-5)
    expected = []
    for ridge in ridges:
        missed = []
        for out in range(20):
            others = [index for index in range(20) if index != out]
            added = ridge * kernel.trace() / 20 * torch.eye(19, dtype=torch.float64)
            weights = torch.linalg.solve(kernel[others][:, others] + added, values[others])
            missed.append(values[out] - kernel[out, others] @ weights)
        expected.append(torch.stack(missed).square().mean())
    torch.testing.assert_close(leave_one_out(kernel, values, ridges), torch.stack(expected), rtol=1e-7, atol=0)


@pytest.mark.parametrize(
    ("kernel", "values", "ridges"),
    [((3, 4), (3, 1), [1.0]), ((3, 3), (4, 1), [1.0]), ((3, 3), (3, 1), []),
     ((3, 3), (3, 1), [0.0])],
)  # fmt: skip
def test_leave_one_out_refuses_what_does_not_go_together(kernel, values, ridges):
    with pytest.raises(inr.InrError):
        leave_one_out(torch.zeros(kernel), torch.zeros(values), ridges)


def test_patches_are_neighbouring_samples():
    picture = inr.from_array(np.zeros((90, 70), np.float32), kind="image")
    patches = dense_patches(picture, points=100, count=4, seed=0)
    assert len(patches) == 4
    for patch in patches:
        rows, columns = np.divmod(patch.numpy(), 70)
        assert (np.ptp(rows), np.ptp(columns), len(patch)) == (9, 9, 100)
    assert len({int(patch[0]) for patch in patches}) == 4


def test_thin_and_small_signals_give_what_they_have():
    thin = inr.from_array(np.zeros((3, 400), np.float32), kind="image")
    assert [len(patch) for patch in dense_patches(thin, points=300, count=1, seed=0)] == [300]
    (tiny,) = dense_patches(inr.from_array(np.zeros((5, 5), np.float32), kind="image"), points=100, count=8, seed=0)
    assert tiny.tolist() == list(range(25))


def test_scattered_patches_are_nearest_neighbours():
    coords = np.random.default_rng(0).random((500, 2))
    scattered = inr.signals.from_samples(coords, coords[:, :1])
    (patch, *_) = dense_patches(scattered, points=40, count=3, seed=0)
    assert len(patch) == 40
    assert np.ptp(coords[patch.numpy()], axis=0).max() < 0.6  # 8 % of the square


def test_a_climb_ends_two_octaves_beyond_the_least():
    errors = climb(lambda octave: 1.0 + (octave - 3) ** 2)
    assert sorted(errors) == [-1, 0, 1, 2, 3, 4, 5]
    assert refined(errors) == pytest.approx(3.0)
    assert refined({0: 1.0, 1: 2.0}) == 0.0  # at the end there is nothing to refine


@pytest.mark.long
@pytest.mark.parametrize(("parts", "least"), [(FOURIER, 2.0), (SIREN, 1.25)], ids=["sigma", "omega"])
def test_choices_rise_with_the_band_of_the_signal(parts, least):
    found = [choose_frequencies(band_limited(64, cycles), parts)[1][0].value for cycles in (4, 8, 16)]
    assert found == sorted(found)
    assert found[-1] > least * found[0]  # omega rises less: a SIREN's layers make multiples of it


@pytest.mark.long
def test_sigma_is_within_an_octave_of_the_spread_of_a_planted_spectrum():
    # Frequencies within a disc of radius r have a standard deviation of r/2 along each axis. At 32 cycles there are
    # two samples a cycle, and no number predicts what was left out.
    for cycles in (4, 8, 16):
        _, (choice,) = choose_frequencies(band_limited(64, cycles), FOURIER)
        assert abs(math.log2(choice.value / (cycles / 2))) <= 1, (cycles, choice.value)


def test_choices_are_a_function_of_the_seed():
    signal = band_limited(24, 5)
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first, second = (choose_frequencies(signal, FOURIER, seed=3, points=144, count=1) for _ in range(2))
    assert first[0] == second[0]
    assert first[1][0].ladder == second[1][0].ladder
    assert torch.equal(torch.random.get_rng_state(), state)


def test_nothing_is_chosen_where_nothing_is_open():
    parts = {**FOURIER, "encoding": {"name": "fourier", "sigma": 3.0}}
    assert choose_frequencies(band_limited(16, 3), parts) == (parts, [])


@pytest.mark.long
def test_a_setup_is_completed_with_numbers():
    signal = band_limited(32, 5)
    setup = default_setup(signal).with_parts(signal, encoding="fourier:sigma=auto,frequencies=32")
    assert setup.choices[0].value == setup.encoding["sigma"]
    inner = default_setup(signal).with_parts(signal, encoding="sape:over=(fourier:kind=radial,sigma=auto)")
    assert inner.encoding["over"]["sigma"] == inner.choices[0].value


@pytest.mark.parametrize(
    "given",
    mostly_long(
        [
            {"activation": "sine:first_omega=auto"},
            {"encoding": "shifted:width=auto,features=64"},
            {"encoding": "shifted:basis=rff,sigma=auto,features=64"},
            {"encoding": "learned-fourier:sigma=auto,frequencies=32"},
            {"activation": "finer:omega=auto"},
            {"activation": "h-siren:omega=auto"},
        ]
    ),
    ids=str,
)
def test_every_part_with_an_automatic_parameter_gets_a_number(given):
    signal = band_limited(24, 4)
    (choice,) = default_setup(signal).with_parts(signal, network="mlp:depth=1,width=32", **given).choices
    assert choice.value > 0
    assert len(choice.ladder) >= 4


def test_sounds_have_it_in_the_first_layer():
    tone = np.sin(np.arange(2000) / 9).astype(np.float32)
    signal = inr.from_array(tone, kind="audio", sample_rate=8000)
    setup = default_setup(signal).with_parts(signal, activation="sine:omega=auto", network="mlp:depth=1,width=32")
    assert set(setup.activation) == {"name", "first_omega"}
    assert abs(math.log2(setup.activation["first_omega"] / (1000 / 9))) <= 1  # the tone's, per unit of [-1, 1]


def test_a_fit_keeps_the_number_in_its_field(tmp_path):
    signal = band_limited(24, 4)
    parts = {"encoding": "fourier:sigma=auto,frequencies=16", "network": "mlp:depth=1,width=8"}
    fitted = inr.fit(signal, **parts, steps=2, engine="eager")
    fitted.save(tmp_path / "field.inr")
    sigma = inr.load(tmp_path / "field.inr").config()["encoding"]["sigma"]
    assert sigma == fitted.config()["encoding"]["sigma"] > 0


@pytest.mark.parametrize(
    "build",
    [lambda: inr.encodings.FourierFeatures(2, sigma=AUTO), lambda: inr.activations.Sine(omega=AUTO)],
)
def test_a_part_without_a_signal_says_what_is_needed(build):
    with pytest.raises(inr.InrError, match="auto is chosen for a signal when it is fitted"):
        build()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"encoding": "fourier:kind=positional,sigma=auto"}, "does not read sigma"),
        ({"encoding": "fourier:sigma=automatic"}, "must be a finite number"),
        ({"encoding": "per-axis:x=(fourier:sigma=auto),y=(identity)"}, "auto"),
        ({"activation": "relu:omega=auto"}, "no parameter"),
    ],
)
def test_auto_where_it_means_nothing_is_refused(given, reason):
    with pytest.raises(inr.InrError, match=reason):
        inr.fit(band_limited(16, 3), steps=1, **given)


@pytest.mark.long
def test_far_numbers_have_a_second_opinion():
    signal, given = band_limited(32, 5), {"name": "fourier", "sigma": 100.0}
    ((number, choice),) = second_opinions(signal, FOURIER, {"encoding": given})
    assert (number, choice.parameter) == (100.0, "sigma")
    assert choice.value < 25
    assert second_opinions(signal, FOURIER, {"encoding": {"name": "fourier"}}) == []


@pytest.mark.long
def test_a_suggestion_can_be_fitted():
    signal = band_limited(16, 3)
    suggestion = inr.suggest(signal)
    assert set(suggestion.choices) == {"fourier", "sine"}
    best = max(choice.psnr for choice in suggestion.choices.values())
    assert suggestion.choices[suggestion.best].psnr == best
    assert "  <- better" in str(suggestion)
    assert inr.fit(signal, **suggestion.parts, network="mlp:depth=1,width=8", steps=1).metrics


@pytest.mark.parametrize(
    "values", [[[0] * 8] * 8, pytest.param([[0, 1, 2]], marks=pytest.mark.long)], ids=["flat", "3x1"]
)
def test_flat_and_tiny_signals_get_a_finite_number(values):
    suggestion = inr.suggest(inr.from_array(np.array(values, np.uint8), kind="image"))
    assert all(math.isfinite(choice.value) for choice in suggestion.choices.values())


@pytest.mark.parametrize("way", ["kernel", "fresh"])
@pytest.mark.parametrize(("parts", "least"), [(FOURIER, 2.0), (SIREN, 1.2)], ids=["sigma", "omega"])
def test_untrained_networks_tell_smooth_from_rough(way, parts, least):
    opened = {part: {name: way if value == AUTO else value for name, value in config.items()}
              for part, config in parts.items()}  # fmt: skip
    opened["network"] = {"name": "mlp", "depth": 1, "width": 24}
    smooth, rough = (
        choose_frequencies(band_limited(32, cycles), opened, points=144, count=1)[1][0] for cycles in (2, 12)
    )
    assert rough.value > least * smooth.value
    assert (smooth.way, smooth.unit) == (way, "cycles" if way == "fresh" else "dB")


def test_choices_by_kernels_are_those_of_refits():
    """The figure of each number is the error of regression on all samples but one, refitted for every sample."""
    signal, (patch,) = band_limited(12, 3), dense_patches(band_limited(12, 3), points=16, count=1, seed=0)
    parts = {**FOURIER, "encoding": {**FOURIER["encoding"], "frequencies": 8, "sigma": 2.0},
             "network": {"name": "mlp", "depth": 1, "width": 8}}  # fmt: skip
    coords, values = signal.coords(patch).double(), signal.values(patch)
    values = (values - values.mean(0)).double()
    torch.manual_seed(0)
    kernel = tangent_kernel(inr.Field.build(signal.domain, **parts).double(), coords)
    refits = []
    for ridge in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        missed = []
        for out in range(len(patch)):
            others = [index for index in range(len(patch)) if index != out]
            added = kernel + ridge * kernel.diagonal().mean() * torch.eye(len(patch), dtype=torch.float64)
            weights = torch.linalg.solve(added[others][:, others], values[others])
            missed.append(float((kernel[out, others] @ weights - values[out]).square()))
        refits.append(sum(missed) / len(missed))
    found = kernel_error(signal, parts, [(coords.float(), values.float())], 0)
    assert found == pytest.approx(min(refits), rel=1e-3)


def test_choices_by_spectra_are_those_of_all_candidates():
    signal = band_limited(24, 6)
    opened = {**FOURIER, "encoding": {**FOURIER["encoding"], "sigma": "fresh"},
              "network": {"name": "mlp", "depth": 1, "width": 16}}  # fmt: skip
    _, (choice,) = choose_frequencies(signal, opened)
    values = signal.values(torch.arange(signal.size)).reshape(24, 24, 1).numpy()
    for sigma, distance in choice.ladder:
        outputs = []
        for seed in range(10):
            torch.manual_seed(seed)
            parts = {**opened, "encoding": {**opened["encoding"], "sigma": sigma}}
            with torch.no_grad():
                field = inr.Field.build(signal.domain, **parts)
                outputs.append(field(signal.coords(torch.arange(signal.size))).reshape(24, 24, 1).numpy())
        assert distance == pytest.approx(fresh_distance(values, outputs), rel=1e-4)
    assert min(choice.ladder, key=lambda each: each[1])[0] == pytest.approx(choice.value, rel=0.5)


def test_spectra_are_of_whole_grids():
    places = np.random.default_rng(0).random((50, 2))
    scattered = inr.signals.from_samples(places, places[:, :1])
    with pytest.raises(inr.InrError, match="auto and kernel take any samples"):
        choose_frequencies(scattered, {**FOURIER, "encoding": {"name": "fourier", "sigma": "fresh"}})
    with pytest.raises(inr.InrError, match="by auto, kernel, fresh, not 'luck'"):
        inr.suggest(band_limited(8, 2), by="luck")
