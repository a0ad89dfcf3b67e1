"""Codec "latent" with its own fit, in few steps: files that decode without torch, and land at their target."""

import json
import subprocess
import sys

import numpy as np
import pytest

import inr
from inr.compression import FitSeries, compress_and_measure

OPTIONS = {"codec": "latent:preset=lop", "engine": "cpu:threads=1"}
READ = (
    "import json, sys, numpy as np; from inr.compression.latent_files import read_samples\n"
    "samples, domain = read_samples(sys.argv[1]); np.save(sys.argv[2], samples)\n"
    "print(json.dumps([name for name in ('torch', 'scipy.sparse', 'inr.field') if name in sys.modules]))"
)


@pytest.fixture(scope="module")
def picture():
    y, x = np.mgrid[0:31, 0:62]  # too low to be halved, for which kernels would be made
    planes = [np.sin(x / (6 + each)) * np.cos(y / 7 + each) * 90 + 128 for each in range(3)]
    return inr.from_array(np.stack(planes, axis=-1).astype(np.uint8), kind="image")


@pytest.fixture(scope="module")
def made(picture):
    return compress_and_measure(picture, bytes=900, steps=200, **OPTIONS)


def test_a_file_lands_below_its_bytes_and_reproduces_the_picture(made, picture):
    assert len(made.data) <= 900
    assert made.missed is None
    assert made.psnr > 30
    assert np.array_equal(inr.compression.decode(made.data).signal.array, inr.decompress(made.data))


def test_reading_takes_no_torch_and_gives_the_same_samples(made, tmp_path):
    (tmp_path / "a.inr").write_bytes(made.data)
    run = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "a.inr", tmp_path / "a.npy"], check=True, capture_output=True, text=True
    )
    assert json.loads(run.stdout) == []
    assert np.array_equal(np.load(tmp_path / "a.npy"), inr.decompress(made.data))


def test_equal_input_gives_equal_bytes(made, picture):
    assert compress_and_measure(picture, bytes=900, steps=200, **OPTIONS).data == made.data


@pytest.mark.long
def test_work_goes_on_from_a_checkpoint_to_the_same_bytes(made, picture, tmp_path):
    checkpoint = tmp_path / "work.checkpoint"
    fits = FitSeries(checkpoint=checkpoint, on_event=lambda event: event.step < 90 or fits.stop())
    stopped = compress_and_measure(picture, bytes=900, steps=200, fits=fits, **OPTIONS)
    assert stopped.ended == "interrupted: the file is of the weights as they were"
    assert inr.decompress(stopped.data).shape == (31, 62, 3)
    resumed = FitSeries(checkpoint=checkpoint, resume=True)
    assert compress_and_measure(picture, bytes=900, steps=200, fits=resumed, **OPTIONS).data == made.data


@pytest.mark.long
def test_qualities_give_larger_and_better_files(picture):
    found = [compress_and_measure(picture, quality=quality, steps=120, **OPTIONS) for quality in (10, 50, 90)]
    assert [each.psnr for each in found] == sorted(each.psnr for each in found)
    assert [len(each.data) for each in found] == sorted(len(each.data) for each in found)


@pytest.mark.long
def test_a_bound_on_the_error_of_a_map_holds(picture):
    heights = inr.from_array(picture.array[..., :1].astype(np.float32) * 7 - 300, kind="image")
    made = compress_and_measure(heights, max_error=12.5, steps=120, **OPTIONS)
    assert made.missed is None
    assert np.abs(inr.decompress(made.data) - heights.array).max() <= 12.5


@pytest.mark.long
@pytest.mark.parametrize(("fit", "step"), [(1, 1), (1, 30), (2, 90)])
def test_alpha_that_is_interrupted_leaves_no_noise_for_colour(picture, tmp_path, fit, step):
    noise = np.random.default_rng(3).normal(0, 9, (31, 62))
    alpha = np.clip(np.hypot(*np.mgrid[-15:16, -31:31]) * 14 + noise, 0, 255).astype(np.uint8)
    signal = inr.from_array(np.concatenate([picture.array, alpha[..., None]], axis=2))
    checkpoint, begun = tmp_path / "work.checkpoint", 0

    def stop(event):
        nonlocal begun
        begun += event.kind == "start"
        if begun == fit and event.step >= step:
            fits.stop()

    fits = FitSeries(checkpoint=checkpoint, on_event=stop)
    stopped = compress_and_measure(signal, bytes=700, steps=120, fits=fits, **OPTIONS)
    assert ("colour had not been fitted" in stopped.ended) == (fit == 1)
    found = inr.decompress(stopped.data)
    seen = alpha > 0
    error = np.square(found[seen][:, :3] - picture.array[seen].astype(float)).mean()
    assert error < 1.1 * picture.array[seen].astype(float).var(0).mean()
    resumed = FitSeries(checkpoint=checkpoint, resume=True)
    whole = compress_and_measure(signal, bytes=700, steps=120, **OPTIONS)
    assert compress_and_measure(signal, bytes=700, steps=120, fits=resumed, **OPTIONS).data == whole.data


@pytest.mark.parametrize("stage", ["rounding networks", "searching better latents", "landing at the target"])
@pytest.mark.long
def test_work_that_ends_while_it_is_finished_goes_on_to_the_same_bytes(made, picture, tmp_path, stage):
    checkpoint = tmp_path / "work.checkpoint"
    fits = FitSeries(checkpoint=checkpoint, on_event=lambda event: event.message != stage or fits.stop())
    stopped = compress_and_measure(picture, bytes=900, steps=200, fits=fits, **OPTIONS)
    assert len(stopped.data) <= 900
    assert stopped.ended is not None
    resumed = FitSeries(checkpoint=checkpoint, resume=True)
    assert compress_and_measure(picture, bytes=900, steps=200, fits=resumed, **OPTIONS).data == made.data
