"""inr compress, decompress and recompress: files, figures, exit statuses, and what is refused."""

import numpy as np
import pytest
from PIL import Image

import inr
from inr import container
from tests.cli.clirun import contents, one_line

FEW = ("--codec", "mlp", "--steps", 20, "--engine", "cpu:threads=1")


@pytest.fixture
def compressed(inr_cli, photo, kept):
    """photo.inr, in at most 400 bytes."""
    if not kept:
        run = inr_cli("compress", photo.name, "--bytes", 400, *FEW, "-q")
        assert (run.status, run.out, run.err) == (0, "", "")
        kept.append(photo.with_suffix(".inr").read_bytes())
    photo.with_suffix(".inr").write_bytes(kept[0])
    return photo.with_suffix(".inr")


@pytest.fixture(scope="module")
def kept():
    """What the first of these tests compressed, for the others."""
    return []


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


def test_a_picture_goes_there_and_back(inr_cli, photo):
    run = inr_cli("compress", photo.name, "--bytes", 400, *FEW)
    assert run.status == 0
    for word in ("photo.inr", "bits a sample", "dB, decoded"):
        assert word in run.out
    assert photo.with_suffix(".inr").stat().st_size <= 400
    assert inr_cli("decompress", "photo.inr").status == 0
    with Image.open("photo.decoded.png") as picture:
        decoded = np.asarray(picture)
    assert np.array_equal(decoded, inr.decompress(photo.with_suffix(".inr").read_bytes()))


def test_the_result_for_scripts(inr_cli, photo):
    result = inr_cli("compress", photo.name, "--bpp", 4, *FEW, "--json").json
    size = photo.with_suffix(".inr").stat().st_size
    assert result["bytes"] == size
    assert result["bits_per_sample"] == 8 * size / (32 * 24)
    assert result["missed"] is None
    assert result["psnr"] > 5


def test_without_a_target_it_is_three_tenths_of_a_bit(inr_cli, tmp_path):
    Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save(tmp_path / "black.png")
    assert inr_cli("compress", "black.png", *FEW, "-q").status == 0
    assert (tmp_path / "black.inr").stat().st_size <= 0.3 * 64 * 96 / 8


def test_other_sizes_and_parts(inr_cli, compressed):
    assert inr_cli("decompress", "photo.inr", "--size", "64x48", "-o", "big.png").status == 0
    assert size_of("big.png") == (64, 48)
    assert inr_cli("decompress", "photo.inr", "--box", "-1:0,-1:0", "-o", "part.png").status == 0
    assert size_of("part.png") == (16, 12)


@pytest.mark.long
def test_reference_weights_go_by_a_file(inr_cli, compressed):
    again = ("compress", "photo.png", "--bytes", 300, *FEW, "-q", "--initial", "photo.inr", "-o", "second.inr")
    assert inr_cli(*again).status == 0
    for command in ("decompress", "info", "render"):
        run = inr_cli(command, "second.inr")
        assert run.status == 2
        assert "reference weights w" in one_line(run.err)
    assert inr_cli("decompress", "second.inr", "--initial", "photo.inr").status == 0
    assert size_of("second.decoded.png") == (32, 24)


def test_a_missed_target_is_said_and_the_file_is_kept(inr_cli, photo):
    run = inr_cli("compress", photo.name, "--bytes", 10, *FEW)
    assert run.status == 3
    assert "the target was missed" in run.err
    assert "more than asked for; photo.inr is the nearest to it" in run.err
    assert inr_cli("decompress", "photo.inr", "-q").status == 0


def test_a_damaged_enhancement_is_said_and_the_rest_is_decoded(inr_cli, compressed):
    whole = container.loads(compressed.read_bytes())
    detail = container.Section("detail.1", {"payload": np.zeros(30, np.uint8)}, "bytes", base=False)
    data = container.dumps(whole.header, [*whole.sections.values(), detail])
    compressed.write_bytes(data[:-4])
    run = inr_cli("decompress", "photo.inr")
    assert run.status == 4
    assert "damaged or cut in section detail.1: decoded without" in run.err
    assert size_of("photo.decoded.png") == (32, 24)
    info = inr_cli("info", "photo.inr")
    assert info.status == 4
    assert "detail.1: decoded without" in info.out


def test_a_damaged_base_is_refused(inr_cli, compressed, tmp_path):
    data = bytearray(compressed.read_bytes())
    data[-5] ^= 1
    compressed.write_bytes(data)
    before = contents(tmp_path)
    for command in ("decompress", "render", "info"):
        run = inr_cli(command, "photo.inr")
        assert run.status == 2
        assert "section 'base' is damaged" in one_line(run.err)
    assert contents(tmp_path) == before


def test_memory_is_bounded(inr_cli, compressed, tmp_path):
    before = contents(tmp_path)
    run = inr_cli("decompress", "photo.inr", "--max-memory", "2kB")
    assert run.status == 2
    assert "more than the limit" in one_line(run.err)
    run = inr_cli("decompress", "photo.inr", "--size", "40000x40000")
    assert run.status == 2
    assert "more than the limit of 1.07 GB" in one_line(run.err)
    assert "'much' is no number of bytes" in one_line(inr_cli("decompress", "photo.inr", "--max-memory", "much").err)
    assert contents(tmp_path) == before


def test_info_tells_the_codec_and_its_bits(inr_cli, compressed):
    result = inr_cli("info", "photo.inr", "--json").json
    assert result["codec"] == "mlp"
    assert result["bits_per_weight"] == 8 * result["bytes"] / result["parameters"]
    assert [section["name"] for section in result["sections"]] == ["header", "base"]
    assert "mlp, " in inr_cli("info", "photo.inr").out


@pytest.mark.long
def test_a_fitted_field_is_recompressed(inr_cli, field_file):
    plain = field_file.stat().st_size
    run = inr_cli("recompress", "photo.inr", "--bytes", 300, *FEW[2:], "--signal", "photo.png", "--json")
    assert run.status == 0
    assert run.json["bytes"] == field_file.with_name("photo.small.inr").stat().st_size <= 300 < plain
    assert inr_cli("decompress", "photo.small.inr").status == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compress", "photo.png", "--bpp", "1", "--psnr", "30"), ["bpp and psnr"]),
        (("compress", "photo.png", "--bpp", "-1"), ["positive"]),
        (("compress", "photo.png", "--bytes", "0"), ["at least 1 byte"]),
        (("compress", "photo.png", "--codec", "mlq"), ["unknown codec 'mlq'", "mlp"]),
        (("compress", "photo.png", "--steps", "0"), ["at least 1 step"]),
        (("compress", "absent.png"), ["absent.png"]),
        (("compress", "photo.png", "-o", "photo.png"), ["the input itself"]),
        (("compress", "photo.png", "-o", "nowhere/photo.inr"), ["nowhere"]),
        (("decompress", "photo.png"), ["not an .inr file"]),
        (("recompress", "absent.inr"), ["absent.inr"]),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(inr_cli, photo, tmp_path, arguments, words):
    before = contents(tmp_path)
    run = inr_cli(*arguments)
    assert run.status == 2
    for word in words:
        assert word in one_line(run.err)
    assert contents(tmp_path) == before


def test_nothing_is_overwritten_without_force(inr_cli, compressed, tmp_path):
    before = contents(tmp_path)
    run = inr_cli("compress", "photo.png", "--bytes", 400, *FEW)
    assert (run.status, contents(tmp_path)) == (2, before)
    assert "--force" in one_line(run.err)
    assert inr_cli("compress", "photo.png", "--bytes", 300, *FEW, "--force", "-q").status == 0
    assert compressed.stat().st_size <= 300
