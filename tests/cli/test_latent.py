"""Codec latent at the command line: targets, presets, beginnings of files, and decoding without torch."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import inr
from inr import container
from studies.compression.latent import network_bytes
from tests.cli.clirun import one_line
from tests.compression.latent.test_codec import stub as stub  # a fixture, which its own module explains

FEW = ("--codec", "latent", "--steps", 40, "--engine", "cpu:threads=1")
DECODE = """
import json, sys, inr.cli
sys.argv[:] = ["inr", "decompress", *sys.argv[1:]]
try:
    inr.cli.main()
except SystemExit as end:
    status = end.code or 0
print(json.dumps([status, sorted(name for name in sys.modules if "." not in name)]))
"""


@pytest.fixture(scope="module")
def picture():
    """56 x 40 pixels."""
    y, x = np.mgrid[:40, :56]
    grain = np.random.default_rng(0).normal(0, 8, (40, 56, 3))
    pixels = np.stack([127 + 100 * np.sin(x / 5), 127 + 90 * np.cos(y / 4), 3.0 * x + 2.0 * y], axis=-1) + grain
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def fitted(picture):
    """Its file, at a quality that leaves the finest grid not all 0."""
    return compressed(picture)


def compressed(picture):
    signal = inr.from_array(picture, kind="image")
    return inr.compress(signal, codec="latent", quality=95, steps=60, engine="cpu:threads=1")


@pytest.fixture
def fitted_hills(picture, fitted, tmp_path):
    """Both of them in the current folder of `inr_cli`."""
    Image.fromarray(picture).save(tmp_path / "hills.png")
    (tmp_path / "hills.inr").write_bytes(fitted)
    return tmp_path


@pytest.fixture(params=["stub", pytest.param("fitted_hills", marks=pytest.mark.long)])
def hills(request, picture, tmp_path):
    """The same with a fit that takes no time, whose kernels need not be compiled; with the codec's own in long runs."""
    made = request.getfixturevalue(request.param)
    if request.param == "fitted_hills":
        return made
    Image.fromarray(picture).save(tmp_path / "hills.png")
    (tmp_path / "hills.inr").write_bytes(compressed(picture))
    return tmp_path


def pixels_of(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_picture_goes_there_and_back(inr_cli, hills):
    run = inr_cli("compress", "hills.png", "--bytes", 1_200, *FEW, "--force", "--json")
    assert run.status == 0
    assert run.json["bytes"] == (hills / "hills.inr").stat().st_size <= 1_200
    assert inr_cli("decompress", "hills.inr", "-q").status == 0
    decoded = pixels_of("hills.decoded.png")
    assert np.array_equal(decoded, inr.decompress((hills / "hills.inr").read_bytes()))
    error = np.square(decoded.astype(float) - pixels_of("hills.png")).mean()
    assert run.json["psnr"] == pytest.approx(20 * np.log10(255) - 10 * np.log10(error))


@pytest.mark.long
def test_decoding_takes_no_torch(fitted_hills, fitted):
    run = subprocess.run(
        [sys.executable, "-c", DECODE, "hills.inr", "-o", "alone.png", "-q"],
        cwd=fitted_hills, check=True, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "NUMBA_NUM_THREADS": "1"},
    )  # fmt: skip
    status, modules = json.loads(run.stdout)
    assert status == 0
    assert "torch" not in modules
    assert np.array_equal(pixels_of(fitted_hills / "alone.png"), inr.decompress(fitted))


def test_other_sizes_and_parts(inr_cli, hills):
    for options, size in (
        (("--size", "112x80"), (112, 80)),
        (("--scale", 0.5), (28, 20)),
        (("--box", "0:1,0:1"), (28, 20)),
    ):
        assert inr_cli("decompress", "hills.inr", *options, "-o", "other.png", "--force", "-q").status == 0
        with Image.open("other.png") as picture:
            assert picture.size == size


def test_a_beginning_decodes_and_what_is_missing_is_said(inr_cli, hills):
    data = (hills / "hills.inr").read_bytes()
    contents = container.loads(data)
    assert len(contents.sections) > 1
    assert contents.base_size == contents.header_size + len(contents.sections["base"].tensors["payload"])
    assert container.loads(data[: contents.base_size]).sections.keys() == {"base"}
    refused = inr_cli("decompress", "hills.inr", "--prefix", (contents.base_size - 1) / len(data))
    assert refused.status == 2
    share = re.search(r"--prefix ([\d.]+), (\d+) of", one_line(refused.err))
    assert int(share[2]) == contents.base_size
    run = inr_cli("decompress", "hills.inr", "--prefix", share[1])
    assert run.status == 4
    assert "hills.inr is damaged or cut in section" in run.err
    assert "g0" in run.err
    beginning = pixels_of("hills.decoded.png")
    whole = inr.decompress(data)
    assert beginning.shape == whole.shape
    assert not np.array_equal(beginning, whole)
    assert inr_cli("decompress", "hills.inr", "--prefix", 1, "-o", "all.png", "-q").status == 0
    assert np.array_equal(pixels_of("all.png"), whole)


@pytest.mark.parametrize(
    ("prefix", "line"),
    [
        ("0.005", "the first 0.5 % of hills.inr do not decode: the shortest beginning that does is --prefix 0."),
        ("0", "--prefix is a share of the file's bytes, above 0 and up to 1, not 0"),
        ("1.5", "--prefix is a share of the file's bytes, above 0 and up to 1, not 1.5"),
    ],
)
def test_beginnings_that_do_not_decode_are_refused(inr_cli, hills, prefix, line):
    run = inr_cli("decompress", "hills.inr", "--prefix", prefix)
    assert run.status == 2
    assert one_line(run.err).startswith(line)


def test_damage_is_named(inr_cli, hills):
    data = bytearray((hills / "hills.inr").read_bytes())
    data[-3] ^= 1
    (hills / "hills.inr").write_bytes(data)
    run = inr_cli("decompress", "hills.inr")
    assert run.status == 4
    last = [*container.loads(bytes(data)).damaged]
    assert f"section {last[0]}: decoded without" in run.err


def test_lossless_is_refused_with_what_to_use(inr_cli, hills):
    run = inr_cli("compress", "hills.png", "--lossless", "-o", "new.inr")
    assert run.status == 2
    line = one_line(run.err)
    assert line.startswith("no codec here is lossless: a network that is fitted to a picture leaves errors")
    for word in ("PNG", "lossless WebP", "inr fit", "--max-error"):
        assert word in line
    assert not (hills / "new.inr").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--quality", 101), "a quality is a number from 0 to 100"),
        (("--quality", 50, "--bpp", 1), "give one of"),
        (("--quality", 50, "--codec", "mlp"), "a quality is a target of codec latent"),
        (("--preset", "slow"), "a preset is one of fast, default, best, not 'slow'"),
        (("--preset", "fast", "--seconds", 5), "give a preset, or steps or seconds"),
        (("--preset", "fast", "--codec", "mlp"), "presets are codec latent's"),
    ],
)
@pytest.mark.parametrize("command", ["compress", "compare"])
def test_what_contradicts_itself_is_refused(inr_cli, hills, command, options, words):
    output = "new.inr" if command == "compress" else "new.png"
    run = inr_cli(command, "hills.png", "-o", output, *options)
    assert run.status == 2
    assert words in one_line(run.err)


@pytest.mark.long
def test_larger_qualities_give_larger_files(inr_cli, fitted_hills):
    found = [
        inr_cli("compress", "hills.png", *FEW, "--quality", quality, "--force", "--json").json for quality in (10, 60)
    ]
    assert found[0]["bytes"] < found[1]["bytes"]
    assert found[0]["psnr"] < found[1]["psnr"]


def test_a_preset_that_is_capped_says_so(inr_cli, hills, monkeypatch):
    monkeypatch.setattr("inr.compression.preset_seconds", lambda preset, signal: (480.0, True), raising=False)
    monkeypatch.setattr("inr.compression.compress_and_measure", refuse)
    run = inr_cli("compress", "hills.png", "--preset", "fast", "-o", "new.inr")
    assert "--preset fast takes 8:00 at most" in run.err


def refuse(*args, **options):
    raise inr.InrError("enough")


@pytest.mark.long
def test_bytes_of_networks_are_those_in_the_file(fitted):
    assert 100 < network_bytes(fitted) < len(container.loads(fitted).sections["base"].tensors["payload"])


def test_compared_at_equal_bytes(inr_cli, hills):
    found = inr_cli("compare", "hills.png", "--file", "hills.inr", "--codecs", "jpeg", "--json").json
    assert found["codecs"][0]["codec"] == "inr latent"
    assert found["codecs"][0]["bytes"] == (hills / "hills.inr").stat().st_size


def test_info_tells_networks_and_grids(inr_cli, hills):
    told = inr_cli("info", "hills.inr", "--json").json
    assert told["codec"] == "latent"
    (colour,) = told["components"]
    assert (colour["name"], colour["coding"]) == ("colour", "latents")
    assert colour["network_bytes"] == network_bytes((hills / "hills.inr").read_bytes())
    assert sum(piece["bytes"] for piece in colour["pieces"]) + colour["network_bytes"] < told["bytes"]
    run = inr_cli("info", "hills.inr")
    for words in (f"preset {colour['preset']}", "networks", "grids 1 x 1 to 7 x 5"):
        assert words in run.out
    assert "parameters" not in run.out
    assert max(map(len, run.out.splitlines())) <= 80


@pytest.mark.long
def test_info_tells_every_grid(inr_cli, fitted_hills):
    (colour,) = inr_cli("info", "hills.inr", "--json").json["components"]
    grids = [grid for piece in colour["pieces"] for grid in piece["grids"]]
    assert grids[0] == [1, 1]
    assert grids[-1] == [56, 40]
    assert "grid 56 x 40" in inr_cli("info", "hills.inr").out


def test_info_of_a_beginning_tells_what_is_there(inr_cli, hills):
    data = (hills / "hills.inr").read_bytes()
    (hills / "cut.inr").write_bytes(data[:-20])
    run = inr_cli("info", "cut.inr", "--json")
    assert run.status == 4
    whole = inr_cli("info", "hills.inr", "--json").json["components"][0]["pieces"]
    assert run.json["components"][0]["pieces"] == whole[: len(run.json["components"][0]["pieces"])] != whole


def test_rendering_says_nothing_of_kernels(inr_cli, hills):
    run = inr_cli("render", "hills.inr", "-o", "large.png", "--size", "112x")
    assert run.status == 0
    assert run.err == "inr: wrote large.png: 112 x 80\n"


def test_its_weights_are_not_coded_anew(inr_cli, hills):
    run = inr_cli("recompress", "hills.inr", "--bytes", 600)
    assert run.status == 2
    assert "keeps samples, and has no weights to code anew" in one_line(run.err)


def test_of_an_animated_picture_the_frame_is_named(inr_cli, tmp_path):
    frames = [Image.fromarray(np.full((24, 32, 3), 60 * each, np.uint8)) for each in range(3)]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:], duration=100)
    run = inr_cli("compress", "clip.gif", "--quality", 20, "--steps", 5)
    assert run.status == 0
    assert "clip.gif: it is animated: frame 1 of 3 is taken" in run.err
    assert inr.decompress((tmp_path / "clip.inr").read_bytes()).shape[:2] == (24, 32)


def test_a_picture_for_which_the_usual_target_is_too_small_is_no_failure(inr_cli, tmp_path):
    Image.fromarray(np.full((1, 1, 3), 60, np.uint8)).save(tmp_path / "dot.png")
    usual = inr_cli("compress", "dot.png")
    assert usual.status == 0
    assert "the smallest there is" in usual.err
    assert inr_cli("compress", "dot.png", "--bytes", 5, "--force").status == 3
