"""inr reconstruct: its outputs, its table, and what is refused."""

import numpy as np
import pytest
from PIL import Image

import inr
from tests.cli.clirun import one_line

FEW = ("--steps", 3, "--engine", "eager", "--encoding", "identity", "--network", "mlp:depth=1,width=8", "--batch", 64)


@pytest.fixture
def mask(photo):
    """Bright where a square is unknown, of the picture's size."""
    with Image.open(photo) as picture:
        marked = np.zeros(picture.size[::-1], np.uint8)
    marked[3:9, 4:12] = 255
    path = photo.with_name("mask.png")
    Image.fromarray(marked).save(path)
    return path


def test_a_picture_a_field_and_a_sheet(inr_cli, photo, mask):
    outputs = "-o", "filled.png", "-o", "filled.inr"
    found = inr_cli("reconstruct", photo.name, "--task", "inpaint", "--mask", mask.name, *outputs, *FEW, "--json").json
    assert found["task"] == "inpaint"
    assert [row["method"] for row in found["methods"]] == ["field", "biharmonic"]
    assert found["best"] is None
    assert found["files"] == ["filled.png", "filled.inr", "filled.sheet.png"]
    unknown = np.asarray(Image.open(mask)) > 0
    np.testing.assert_array_equal(
        np.asarray(Image.open("filled.png"))[~unknown], np.asarray(Image.open(photo))[~unknown]
    )
    assert inr.load("filled.inr").domain.shape == unknown.shape
    with Image.open("filled.sheet.png") as sheet:
        assert sheet.width > 900


def test_all_methods_are_measured_where_the_truth_is_known(inr_cli, photo):
    run = inr_cli("reconstruct", photo.name, "--task", "inpaint", "--keep", 0.5, *FEW, "--no-sheet")
    assert run.status == 0
    assert run.out.count("dB") == 2
    assert "(best)" in run.out
    assert "pixels are known" in run.err
    assert "wrote photo.reconstructed.png" in run.err
    assert "sheet" not in run.err


def test_arrays_say_themselves_what_is_to_be_done(inr_cli, tmp_path):
    rows, across = np.indices((16, 20)) / 4
    np.savez(tmp_path / "slopes.npz", gx=np.cos(across) + 0 * rows, gy=0 * across - np.sin(rows))
    found = inr_cli("reconstruct", "slopes.npz", "-o", "picture.tif", *FEW, "--json").json
    assert found["task"] == "gradients"
    assert found["methods"][1]["method"] == "FFT"
    with Image.open("picture.tif") as picture:
        assert picture.size == (20, 16)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "Give a task"),
        (("--task", "sharpen"), "unknown task 'sharpen'"),
        (("--task", "inpaint"), "no pixel is unknown"),
        (("--task", "inpaint", "--factor", 2), "takes no factor"),
        (("--task", "composite", "--mask", "mask.png", "--background", "photo.png", "--offset", "3"), "x,y in pixels"),
        (("--task", "denoise", "-o", "out.wav"), "out.wav"),
        (("--task", "denoise", "-o", "photo.png"), "is the input itself"),
        (("--task", "denoise", "--sheet", "sheet.pdf"), "a sheet is a PNG"),
        (("--task", "denoise", "-o", "a.png", "--sheet", "a.png"), "written twice"),
        (("--task", "inpaint", "--mask", "mask.png", "-o", "mask.png", "--force"), "is the input itself"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(inr_cli, photo, mask, options, words):
    before = sorted(path.name for path in photo.parent.iterdir())
    run = inr_cli("reconstruct", photo.name, *options)
    assert run.status == 2
    assert words in one_line(run.err)
    assert sorted(path.name for path in photo.parent.iterdir()) == before


def test_masks_of_another_size_and_arrays_of_other_names(inr_cli, photo, tmp_path):
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "small.png")
    run = inr_cli("reconstruct", photo.name, "--task", "inpaint", "--mask", "small.png")
    assert (run.status, "one size" in one_line(run.err)) == (2, True)
    np.savez(tmp_path / "other.npz", values=np.zeros(3))
    run = inr_cli("reconstruct", "other.npz")
    assert (run.status, "holds values" in one_line(run.err)) == (2, True)
    np.savez(tmp_path / "complex.npz", gx=np.ones((4, 4)) * 1j, gy=np.ones((4, 4)))
    run = inr_cli("reconstruct", "complex.npz")
    assert (run.status, "complex numbers where real ones are meant" in one_line(run.err)) == (2, True)


def test_nothing_is_overwritten_without_force(inr_cli, photo, mask):
    arguments = ("reconstruct", photo.name, "--task", "inpaint", "--mask", mask.name, "--no-sheet", *FEW)
    assert inr_cli(*arguments).status == 0
    assert inr_cli(*arguments).status == 2
    assert inr_cli(*arguments, "--force", "-q").status == 0


def test_the_magnitude_of_a_scan_is_a_picture(inr_cli, tmp_path):
    kspace = np.zeros((12, 16), complex)
    kspace[6, 8], kspace[6, 9] = 10j, 3
    np.savez(tmp_path / "mri.npz", kspace=kspace, mask=np.ones((12, 16)))
    run = inr_cli("reconstruct", "mri.npz", "-o", "a.png", *FEW)
    assert run.status == 0, run.err
    with Image.open("a.png") as picture:
        assert (picture.mode, picture.size) == ("L", (16, 12))


def test_angles_may_lie_in_a_file_of_their_own(inr_cli, tmp_path):
    Image.fromarray(np.ones((6, 16), np.float32)).save(tmp_path / "views.tif")
    np.savetxt(tmp_path / "degrees.txt", np.arange(0, 180, 30))
    run = inr_cli("reconstruct", "views.tif", "--task", "ct", "--angles", "degrees.txt", "-o", "a.png", *FEW)
    assert run.status == 0, run.err
    (tmp_path / "degrees.txt").write_text("1\n2\n")
    run = inr_cli("reconstruct", "views.tif", "--task", "ct", "--angles", "degrees.txt", "-o", "b.png", *FEW)
    assert "6 views, but there are 2 angles" in one_line(run.err)


def test_volumes_are_for_python(inr_cli, tmp_path):
    kspace = np.zeros((4, 6, 8), complex)
    kspace[2, 3, 4] = 5
    np.savez(tmp_path / "mri.npz", kspace=kspace)
    assert "volumes are for Python" in one_line(inr_cli("reconstruct", "mri.npz", "-o", "a.png", *FEW).err)
