"""inr compare: the sheet, its figures, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from inr.compression import peers
from inr.compression.peers import PEERS, Peer
from tests.cli.clirun import one_line

FEW = ("--codec", "coin", "--steps", 5, "--engine", "cpu:threads=1")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """AVIF at its quickest."""
    peer = Peer("AVIF", {**PEERS["AVIF"].options, "speed": 9}, "quality", range(0, 101, 10), "avif")
    monkeypatch.setitem(PEERS, "AVIF", peer)


@pytest.fixture
def larger(tmp_path):
    """A picture with room for several regions."""
    y, x = np.mgrid[:160, :176]
    pixels = np.stack([127 + 100 * np.sin(x / 5), 127 + 90 * np.cos(y * x / 400), 0.8 * x + y], axis=-1)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "larger.png")
    return tmp_path / "larger.png"


def test_a_sheet_and_its_figures(inr_cli, larger):
    found = inr_cli("compare", "larger.png", "--bpp", 1, *FEW, "--json").json
    assert found["file"] == "larger.compare.png"
    with Image.open("larger.compare.png") as sheet:
        assert sheet.width > 1000
    assert (found["width"], found["height"]) == (176, 160)
    ours, *others = found["codecs"]
    assert ours["codec"] == "inr coin"
    assert ours["bytes"] <= 3_520
    assert [row["codec"] for row in others] == [name for name, peer in PEERS.items() if peer.available]
    for row in others:
        assert row["bytes"] <= ours["bytes"]
        assert row["bits_per_pixel"] == pytest.approx(8 * row["bytes"] / (176 * 160))
        assert 10 < row["psnr"] < 60
        assert 0 < row["ssim"] < 1
        assert row["ms_ssim"] is None
    assert [crop["name"] for crop in found["crops"]] == ["A", "B", "C"]
    assert found["crops"][0]["why"] == "where codecs differ most"


def test_words_for_people(inr_cli, photo):
    run = inr_cli("compare", photo.name, "--bytes", 600, *FEW, "--codecs", "jpeg,webp")
    assert run.status == 0
    assert "wrote photo.compare.png" in run.err
    for word in ("inr coin", "WebP", "JPEG", "dB"):
        assert word in run.out
    assert "AVIF" not in run.out


def test_a_pdf_holds_the_pixels_as_they_are(inr_cli, larger):
    assert inr_cli("compare", "larger.png", "--bpp", 1, *FEW, "--codecs", "jpeg", "-o", "sheet.pdf", "-q").status == 0
    data = larger.with_name("sheet.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert data.count(b"/Width 48") == 9  # three regions of the original, of ours and of JPEG
    assert b"/DCTDecode" not in data


def test_a_file_that_is_there_is_shown_as_it_is(inr_cli, photo):
    assert inr_cli("compress", photo.name, "--bytes", 500, *FEW, "-q").status == 0
    size = photo.with_suffix(".inr").stat().st_size
    found = inr_cli("compare", photo.name, "--file", "photo.inr", "--codecs", "jpeg", "--json").json
    assert found["codecs"][0]["bytes"] == size
    run = inr_cli("compare", photo.name, "--file", "photo.inr", "--bpp", 1, "--force")
    assert run.status == 2
    assert one_line(run.err) == "--file shows a file as it is; leave out --bpp"


def test_a_file_of_another_picture_is_refused(inr_cli, photo, larger):
    assert inr_cli("compress", photo.name, "--bytes", 500, *FEW, "-q").status == 0
    run = inr_cli("compare", "larger.png", "--file", "photo.inr")
    assert run.status == 2
    assert one_line(run.err) == "photo.inr holds another picture: 32 x 24 x 3 instead of 176 x 160 x 3"


def test_codecs_that_have_no_file_so_small_are_said(inr_cli, photo):
    run = inr_cli("compare", photo.name, "--bytes", 250, *FEW, "--codecs", "jpeg")
    assert run.status == 3
    assert "the smallest JPEG takes" in run.err
    assert photo.with_name("photo.compare.png").exists()


@pytest.mark.parametrize(
    ("mode", "told"), [("L", ""), ("LA", "laid on white"), ("RGBA", "laid on white"), ("I;16", "rounded to 8 bits")]
)
def test_what_other_codecs_do_not_take_is_said(inr_cli, tmp_path, mode, told):
    if mode == "I;16":
        Image.fromarray((np.arange(40 * 30).reshape(30, 40) * 50).astype(np.uint16)).save(tmp_path / "odd.png")
    else:
        pixels = np.zeros((30, 40, len(mode)), np.uint8)
        pixels[...] = np.arange(40)[:, None] * 6
        Image.fromarray(pixels[..., 0] if mode == "L" else pixels, mode).save(tmp_path / "odd.png")
    run = inr_cli("compare", "odd.png", "--bytes", 800, *FEW, "--codecs", "jpeg")
    assert run.status == 0
    assert (told in run.err) if told else ("odd.png:" not in run.err)


def test_of_an_animation_the_frame_is_named(inr_cli, tmp_path):
    frames = [Image.fromarray(np.full((24, 32, 3), 60 * each, np.uint8)) for each in range(3)]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:], duration=100)
    run = inr_cli("compare", "clip.gif", "--bytes", 400, *FEW, "--codecs", "jpeg")
    assert "clip.gif: it is animated: frame 1 of 3 is taken" in run.err


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("-o", "sheet.gif"), "a sheet is a PNG or a PDF; call it sheet.png"),
        (("--codecs", "gif"), "no codec 'gif' to compare with; there are AVIF, JPEG 2000, WebP, JPEG"),
        (("-o", "photo.png"), "photo.png exists"),
    ],
)
def test_bad_input(inr_cli, photo, options, line):
    run = inr_cli("compare", photo.name, *FEW, *options)
    assert run.status == 2
    assert one_line(run.err).startswith(line)


def test_signals_that_are_no_pictures_are_refused(inr_cli, tmp_path):
    np.save(tmp_path / "map.npy", np.zeros((8, 9), np.float32))
    run = inr_cli("compare", "map.npy")
    assert run.status == 2
    assert "pictures are compared with other codecs" in one_line(run.err)


def test_a_codec_that_pillow_was_built_without_is_said(inr_cli, photo, monkeypatch):
    monkeypatch.setattr(peers.features, "check", lambda name: False)
    run = inr_cli("compare", photo.name, "--codecs", "avif")
    assert run.status == 2
    assert "built without AVIF" in one_line(run.err)
