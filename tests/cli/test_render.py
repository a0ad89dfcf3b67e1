"""inr render: back into the signal's kind, at any size, crop and rate."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import inr
from tests.cli.clirun import QUICK, contents

pytestmark = pytest.mark.quick


def test_a_picture_at_its_own_size(inr_cli, field_file):
    run = inr_cli("render", "photo.inr")
    assert (run.status, run.out) == (0, "")
    assert run.err == "inr: wrote photo.render.png: 32 x 24\n"
    with Image.open("photo.render.png") as image:
        assert image.size == (32, 24)
        pixels = np.asarray(image)
    expected = inr.load("photo.inr").render().clip(0, 255)
    assert np.abs(pixels - expected).max() <= 0.5 + 1e-3


def test_any_engine_renders_the_same(inr_cli, field_file):
    for name, engine in (("a", "eager"), ("b", "auto")):
        assert inr_cli("render", "photo.inr", "--engine", engine, "-o", f"{name}.png", "-q").status == 0
    with Image.open("a.png") as a, Image.open("b.png") as b:
        assert np.abs(np.asarray(a).astype(int) - np.asarray(b)).max() <= 1
    assert "unknown engine" in inr_cli("render", "photo.inr", "--engine", "warp", "-o", "c.png").err


def test_sizes_scales_and_boxes(inr_cli, field_file):
    for options, size in (
        (("--size", "50x20"), (50, 20)),
        (("--size", "64x"), (64, 48)),
        (("--size", "x6"), (8, 6)),
        (("--scale", "2"), (64, 48)),
        (("--scale", "0.01"), (1, 1)),
        (("--box", "-1:0,-1:1"), (16, 24)),
        (("--box", "-1:0,-1:1", "--scale", "3"), (48, 72)),
        (("--box", "-1:0,-1:1", "--size", "7x5"), (7, 5)),
    ):
        assert inr_cli("render", "photo.inr", *options, "-o", "out.png", "--force", "-q").status == 0
        with Image.open("out.png") as image:
            assert image.size == size


def test_a_crop_is_that_part_of_the_whole(inr_cli, field_file):
    assert inr_cli("render", "photo.inr", "-o", "whole.png", "-q").status == 0
    assert inr_cli("render", "photo.inr", "--box", "0:1,-1:0", "-o", "part.png", "-q").status == 0
    with Image.open("whole.png") as whole, Image.open("part.png") as part:
        difference = np.asarray(whole)[:12, 16:].astype(int) - np.asarray(part)
    assert np.abs(difference).max() <= 1


def test_quiet_and_force(inr_cli, field_file):
    run = inr_cli("render", "photo.inr", "-q")
    assert (run.status, run.out, run.err) == (0, "", "")
    before = contents(field_file.parent)
    assert inr_cli("render", "photo.inr").status == 2
    assert contents(field_file.parent) == before
    assert inr_cli("render", "photo.inr", "--scale", "2", "--force").status == 0
    assert contents(field_file.parent).keys() == before.keys()


def test_a_sound_keeps_its_duration(inr_cli, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    wave = (20_000 * np.sin(np.arange(800) / 9)).astype(np.int16)
    soundfile.write(tmp_path / "tone.wav", wave, 8000)
    assert inr_cli("fit", "tone.wav", *QUICK, "--no-comparison", "-q", "--engine", "eager").status == 0
    for options, samples, rate in (
        ((), 800, 8000),
        (("--scale", "2"), 1600, 16000),
        (("--size", "400"), 400, 4000),
        (("--box", "0:1"), 400, 8000),
    ):
        assert inr_cli("render", "tone.inr", *options, "-o", "out.wav", "--force", "-q").status == 0
        info = soundfile.info("out.wav")
        assert (info.frames, info.samplerate) == (samples, rate)


def test_a_volume_keeps_its_place(inr_cli, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    affine = np.array([[-2.0, 0, 0, 30], [0, 3, 0, -10], [0, 0.5, 4, 5], [0, 0, 0, 1]])
    data = np.random.default_rng(0).random((6, 8, 10)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(data, affine), tmp_path / "scan.nii.gz")
    assert inr_cli("fit", "scan.nii.gz", *QUICK, "--no-comparison", "-q", "--engine", "eager").status == 0
    assert inr_cli("render", "scan.inr", "-q").status == 0
    same = nibabel.load("scan.render.nii.gz")
    assert same.shape == (6, 8, 10)
    np.testing.assert_allclose(same.affine, affine, atol=1e-5)
    assert inr_cli("render", "scan.inr", "--box", "0:1,-1:0,-1:1", "--scale", "2", "-o", "part.nii", "-q").status == 0
    part = nibabel.load("part.nii")
    assert part.shape == (6, 8, 20)
    # the first fine voxel lies a quarter of a coarse one into voxel (3, 0, 0)
    np.testing.assert_allclose(part.affine @ [0, 0, 0, 1], affine @ [2.75, -0.25, -0.25, 1], atol=1e-5)
    np.testing.assert_allclose(part.affine[:3, :3], affine[:3, :3] / 2, atol=1e-6)


def test_a_video_of_frames(inr_cli, tmp_path):
    (tmp_path / "frames").mkdir()
    for index in range(3):
        Image.new("RGB", (20, 12), (60 * index, 10, 200)).save(tmp_path / "frames" / f"{index}.png")
    assert inr_cli("fit", "frames", *QUICK, "--no-comparison", "-q", "--engine", "eager").status == 0
    assert inr_cli("render", "frames.inr", "--size", "10x6x5", "-o", "out", "-q").status == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [f"000{n}.png" for n in range(1, 6)]
    assert inr_cli("render", "frames.inr", "-o", "out").status == 2
    assert inr_cli("render", "frames.inr", "-o", "out", "--force", "-q").status == 0
    assert len(list(Path("out").iterdir())) == 3


def test_scattered_samples_become_a_grid_of_samples(inr_cli, tmp_path):
    rng = np.random.default_rng(0)
    coords = np.concatenate([[[10.0, -5.0], [30.0, 5.0]], rng.uniform((10, -5), (30, 5), (50, 2))])
    np.savez(tmp_path / "points.npz", coords=coords, values=coords.sum(axis=1))
    assert inr_cli("fit", "points.npz", *QUICK, "--no-comparison", "-q").status == 0
    run = inr_cli("render", "points.inr")
    assert run.status == 2
    assert "--size" in run.err
    assert inr_cli("render", "points.inr", "--size", "4x2", "-q").status == 0
    with np.load("points.render.npz") as grid:
        np.testing.assert_allclose(
            grid["coords"][:5], [[12.5, -2.5], [17.5, -2.5], [22.5, -2.5], [27.5, -2.5], [12.5, 2.5]]
        )
        assert grid["values"].shape == (8,)


def test_a_size_out_of_proportion_is_said(inr_cli, field_file):
    run = inr_cli("render", "photo.inr", "--size", "50x20", "-o", "out.png")
    assert run.status == 0
    assert "50 x 20 is not in the proportions of 32 x 24" in run.err
    assert "--size 50x keeps them" in run.err
    assert "proportions" not in inr_cli("render", "photo.inr", "--size", "64x48", "-o", "b.png").err


def test_half_the_size_is_the_mean_of_two_by_two_pixels(inr_cli, field_file):
    field = inr.load("photo.inr")
    assert field.domain.sampling == "area"
    assert inr_cli("render", "photo.inr", "--scale", "0.5", "-o", "half.png", "-q").status == 0
    means = field.render().reshape(12, 2, 16, 2, 3).mean((1, 3)).clip(0, 255)
    with Image.open("half.png") as image:
        assert np.abs(np.asarray(image) - means).max() <= 0.5 + 1e-2


def test_rates_are_of_sounds_and_frames_of_videos(inr_cli, field_file, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "tone.wav", (20_000 * np.sin(np.arange(800) / 9)).astype(np.int16), 8000)
    assert inr_cli("fit", "tone.wav", *QUICK, "--no-comparison", "-q", "--engine", "eager").status == 0
    assert inr_cli("render", "tone.inr", "--rate", "24000", "-o", "fast.wav", "-q").status == 0
    samples, rate = soundfile.read("fast.wav")
    assert (len(samples), rate) == (2_400, 24_000)
    spectrum = np.square(np.abs(np.fft.rfft(samples * np.hanning(2_400))))
    assert spectrum[810:].sum() < 1e-5 * spectrum.sum()
    for options, words in (
        (("photo.inr", "--rate", "9000"), "--rate is for audio, and this field is of kind image"),
        (("photo.inr", "--fps", "50"), "--fps is for video"),
        (("tone.inr", "--rate", "0"), "--rate must be a positive number"),
        (("tone.inr", "--rate", "9000", "--scale", "2"), "--rate and --scale contradict each other"),
    ):
        run = inr_cli("render", *options, "-o", "no")
        assert run.status == 2
        assert words in run.err


def test_frames_in_between(inr_cli, tmp_path):
    frames = (127 + 100 * np.sin(np.mgrid[:4, :12, :16].sum(0) / 3)).astype(np.uint8)
    signal = inr.from_array(np.stack([frames] * 3, -1), kind="video", fps=10)
    parts = {"network": "mlp:depth=1,width=8", "encoding": "identity", "activation": "sine"}
    field = inr.fit(signal, steps=5, engine="eager", **parts)
    field.save(tmp_path / "clip.inr")
    assert inr_cli("render", "clip.inr", "--fps", "20", "-o", "frames", "-q").status == 0
    assert len([*Path("frames").iterdir()]) == 8


def test_what_a_fit_is_for(inr_cli, photo):
    options = (*QUICK, "--no-comparison", "--force", "--json")
    zoom, memory = (inr_cli("fit", "photo.png", *options, "--for", each).json for each in ("zoom", "memory"))
    assert set(zoom["metrics"]) == {"psnr", "psnr_between", "rmse", "max_error", "ssim"}
    assert zoom["metrics"] != memory["metrics"]
    assert inr.load("photo.inr").domain.sampling == "point"
    assert inr_cli("fit", "photo.png", *options, "--sampling", "point").status == 0
    for wrong, words in (
        (("--for", "fun"), "--for is one of zoom, memory"),
        (("--sampling", "x"), "--sampling is one of"),
    ):
        run = inr_cli("fit", "photo.png", *options, *wrong)
        assert run.status == 2
        assert words in run.err


def test_a_profile_is_kept_or_turned_into_srgb(inr_cli, tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"....").replace(b"gXYZ", b"rXYZ").replace(b"....", b"gXYZ")  # red means green
    Image.new("RGB", (6, 4), (200, 30, 60)).save(tmp_path / "a.png", icc_profile=swapped, dpi=(200, 200))
    for options, colour, profile in (((), (200, 30, 60), swapped), (("--srgb",), (30, 200, 60), None)):
        fitted = inr_cli("fit", "a.png", "--samples", "--no-comparison", "--force", "-q", *options)
        assert fitted.status == 0, fitted.err
        for suffix in ("png", "webp", "tif"):
            assert inr_cli("render", "a.inr", "-o", f"b.{suffix}", "--size", "12x8", "--force", "-q").status == 0
            with Image.open(f"b.{suffix}") as image:
                np.testing.assert_allclose(image.getpixel((5, 5)), colour, atol=1)
                assert image.info.get("icc_profile") == profile
                assert suffix == "webp" or image.info["dpi"] == pytest.approx((400, 400), rel=1e-3)


@pytest.fixture
def scattered_field(tmp_path):
    rng = np.random.default_rng(0)
    coords = rng.random((300, 2)) * [4.0, 2.0]
    field = inr.fit(
        inr.signals.from_samples(coords, coords[:, 0] - 3 * coords[:, 1], box=[(0, 4), (0, 2)]),
        steps=60, network="mlp:depth=1,width=16", encoding="identity", activation="sine", learning_rate=1e-2,
    )  # fmt: skip
    field.save(tmp_path / "points.inr")
    return field


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_scattered_samples_are_rendered_to_grids(inr_cli, scattered_field, suffix):
    run = inr_cli("render", "points.inr", "--size", "8x5", "-o", f"grid{suffix}")
    assert run.status == 0, run.err
    found = inr.open(f"grid{suffix}").array[..., 0]
    assert found.shape == (5, 8)
    x, y = np.meshgrid((np.arange(8) + 0.5) / 2, (np.arange(5) + 0.5) * 0.4)
    limits = scattered_field.domain.values
    expected = scattered_field.at(np.stack([x, y], axis=-1))[..., 0].clip(limits.low[0], limits.high[0])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_picture_of_heights_keeps_them_or_says_that_it_does_not(inr_cli, tmp_path):
    heights = np.add.outer(np.arange(12.0), np.arange(16.0)).astype(np.float32) + 240
    signal = inr.from_array(heights, kind="image")
    inr.compression.sampled(signal).save(tmp_path / "heights.inr")
    for suffix in (".npy", ".tif"):
        run = inr_cli("render", "heights.inr", "-o", f"a{suffix}")
        assert (run.status, "255" in run.err) == (0, False)
        np.testing.assert_array_equal(inr.open(f"a{suffix}").array[..., 0], heights)
    run = inr_cli("render", "heights.inr", "-o", "a.png")
    assert run.status == 0
    assert "values from 240 to 266 are 0 to 255 in it" in run.err


def test_what_is_rendered_is_clipped_to_the_range_that_it_is_measured_over(inr_cli, tmp_path):
    signal = inr.from_array(np.tile(np.float32([[0, 1], [1, 0]]), (8, 8)), value_range=(0.0, 1.0))
    field = inr.fit(signal, steps=30, network="mlp:depth=1,width=16", learning_rate=3e-2)
    field.save(tmp_path / "steep.inr")
    assert inr_cli("render", "steep.inr", "-o", "steep.npy").status == 0
    found = np.load("steep.npy")
    assert found.min() >= 0
    assert found.max() <= 1
    error = np.sqrt(np.mean((found - signal.array[..., 0]) ** 2))
    assert field.metrics["rmse"] == pytest.approx(error, rel=1e-4)


def test_blurs_and_levels_in_one_pass(inr_cli, photo):
    parts = "--encoding", "fourier:frequencies=16,sigma=3", "--activation", "linear", "--network", "mlp:depth=1,width=8"
    assert inr_cli("fit", photo, *QUICK, *parts, "-o", "waves.inr", "--engine", "eager").status == 0
    for options in (("--size", "8x"), ("--scale", "0.3", "--box", "-1:0.2,-0.6:1")):
        for name, further in (("mean", ()), ("once", ("--prefilter",))):
            run = inr_cli(
                "render", "waves.inr", *options, *further, "-o", f"{name}.png", "--force", "--engine", "eager"
            )
            assert run.status == 0
            assert "rough" not in run.err
        with Image.open("mean.png") as mean, Image.open("once.png") as once:
            assert np.abs(np.asarray(mean).astype(int) - np.asarray(once)).max() <= 2
    assert inr_cli("render", "waves.inr", "--blur", "3,0", "-o", "blurred.png", "-q", "--engine", "eager").status == 0
    expected = inr.render(inr.load("waves.inr").blurred([3.0, 0.0]), engine="eager").clip(0, 255)
    with Image.open("blurred.png") as image:
        assert np.abs(np.asarray(image) - expected).max() <= 0.5 + 1e-3
    assert "not 'x'" in inr_cli("render", "waves.inr", "--blur", "x", "-o", "c.png").err


def test_what_a_filter_cannot_scale_is_refused(inr_cli, field_file):
    run = inr_cli("render", "photo.inr", "--prefilter", "-o", "c.png")
    assert run.status == 2
    assert "rendering averages any field" in run.err
