"""The comparison sheet: one for every kind, drawn from what the field and the signal really are."""

import numpy as np
import pytest
import torch
from PIL import Image

import inr
from inr.diagnostics import comparison_sheet
from inr.diagnostics._pictures import picture_rows, video_rows, volume_rows
from inr.diagnostics._pixels import error_picture, fitted, picture
from tests.tables import mostly_long

RNG = np.random.default_rng(0)


def _scattered(dimensions):
    coords = RNG.uniform(-1, 1, (60, dimensions))
    return inr.Signal.from_samples(coords, np.sin(3 * coords).sum(axis=1))


SIGNALS = {
    "grey": lambda: inr.Signal.from_array(RNG.integers(0, 255, (20, 30), dtype=np.uint8)),
    "RGB": lambda: inr.Signal.from_array(RNG.integers(0, 255, (20, 30, 3), dtype=np.uint8)),
    "RGBA": lambda: inr.Signal.from_array(RNG.integers(0, 255, (20, 30, 4), dtype=np.uint8)),
    "grey with alpha": lambda: inr.Signal.from_array(RNG.random((20, 30, 2)), kind="image"),
    "five bands": lambda: inr.Signal.from_array(RNG.random((20, 30, 5)), kind="image"),
    "two pixels": lambda: inr.Signal.from_array(np.array([[3, 200]], dtype=np.uint8)),
    "sound": lambda: inr.Signal.from_array(RNG.normal(size=3000), kind="audio", sample_rate=8000),
    "stereo": lambda: inr.Signal.from_array(RNG.normal(size=(300, 2)), kind="audio", sample_rate=8000),
    "short sound": lambda: inr.Signal.from_array(RNG.normal(size=20), kind="audio", sample_rate=8000),
    "silence": lambda: inr.Signal.from_array(np.zeros(500), kind="audio", sample_rate=8000),
    "video": lambda: inr.Signal.from_array(RNG.random((4, 10, 12, 3)), kind="video"),
    "two frames": lambda: inr.Signal.from_array(RNG.random((2, 10, 12)), kind="video"),
    "curve": lambda: inr.Signal.from_array(RNG.random(50), kind="volume"),
    "volume": lambda: inr.Signal.from_array(RNG.random((6, 7, 8)), kind="volume"),
    "4-D": lambda: inr.Signal.from_array(RNG.random((3, 4, 5, 6)), kind="volume"),
    "scattered 1-D": lambda: _scattered(1),
    "scattered 2-D": lambda: _scattered(2),
    "scattered 3-D": lambda: _scattered(3),
}


def _field(signal):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return inr.Field.build(signal.domain, network="mlp:depth=1,width=8")


# one of each layout first
@pytest.mark.parametrize(
    "kind", mostly_long(dict.fromkeys(["RGBA", "sound", "video", "curve", "volume", "scattered 2-D", *SIGNALS]), 6)
)
def test_every_kind_has_a_sheet(kind, tmp_path):
    signal = SIGNALS[kind]()
    comparison_sheet(_field(signal), signal, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.mode == "RGB"
        assert 200 < sheet.width < 3400
        pixels = np.asarray(sheet)
    assert (pixels != 255).any(axis=(0, 1)).all()
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (border == 255).all()  # nothing is cut off by the paper's edge


def test_existing_sheets_and_other_formats_are_refused(tmp_path):
    signal = SIGNALS["grey"]()
    (tmp_path / "sheet.png").write_text("precious")
    with pytest.raises(inr.InrError, match="exists"):
        comparison_sheet(_field(signal), signal, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_text() == "precious"
    comparison_sheet(_field(signal), signal, tmp_path / "sheet.png", force=True)
    with pytest.raises(inr.InrError, match=r"sheet\.png"):
        comparison_sheet(_field(signal), signal, tmp_path / "sheet.jpg")


def test_panels_show_the_signal_the_field_and_their_difference():
    pixels = RNG.integers(0, 255, (400, 500, 3), dtype=np.uint8)
    signal = inr.Signal.from_array(pixels)
    field = _field(signal)
    ((original, fit, error),) = picture_rows(field, signal)
    np.testing.assert_array_equal(np.asarray(original.image), pixels)
    expected = field.render().clip(0, 255)
    assert np.abs(np.asarray(fit.image) - expected).max() <= 0.51
    factor = int(error.note.removeprefix("x"))
    difference = np.abs(expected - pixels) * factor
    assert np.abs(np.asarray(error.image) - difference.clip(0, 255)).max() <= 0.51


def test_a_diverged_field_is_drawn_all_the_same(tmp_path):
    signal = SIGNALS["RGB"]()
    field = _field(signal)
    torch.nn.init.constant_(field.network.layers[-1].weight, float("nan"))
    field.metrics = {"psnr": float("nan")}
    comparison_sheet(field, signal, tmp_path / "sheet.png")


@pytest.mark.parametrize(("size", "factor"), [(1.0, 1), (0.3, 2), (0.04, 20), (1e-3, 1000), (0.0, 1000)])
def test_errors_are_amplified_by_round_factors(size, factor):
    domain = inr.Signal.from_array(RNG.random((4, 4, 3))).domain
    original = np.zeros((8, 9, 3), dtype=np.float32)
    fit = original + np.float32(size * domain.values.data_range)
    fit[::2] *= -1
    shown, by = error_picture(original, fit, domain)
    assert by == factor
    np.testing.assert_allclose(shown, 255 * size * factor, atol=0.51)


def test_transparency_lies_over_a_checkerboard():
    values = np.zeros((16, 16, 4), dtype=np.uint8)
    values[:, 8:] = (10, 20, 30, 255)
    values[0, 0, 3] = 1
    shown = picture(values, inr.Signal.from_array(values).domain)
    assert (shown[:, 8:] == (10, 20, 30)).all()
    assert len(np.unique(shown[1:, :8])) == 2


def test_panels_are_neither_huge_nor_tiny():
    assert fitted(np.zeros((3000, 1500, 3), np.uint8)).size == (512, 1024)
    assert fitted(np.zeros((3, 2, 3), np.uint8)).size == (214, 321)
    assert fitted(np.zeros((3, 90_000, 3), np.uint8)).size == (1024, 1)
    assert fitted(np.zeros((500, 700, 3), np.uint8)).size == (700, 500)


def test_a_large_picture_gets_a_crop_where_the_error_is_largest():
    pixels = np.zeros((600, 2400), dtype=np.uint8)
    pixels[100:140, 1500:1540] = 255
    signal = inr.Signal.from_array(pixels)
    field = _field(signal)
    with torch.no_grad():
        for parameter in field.network.layers[-1].parameters():
            parameter.zero_()
        field.network.layers[-1].bias.fill_(-1.0)
    whole, crop = picture_rows(field, signal)
    assert crop[0].image.size == whole[0].image.size == (1024, 256)
    assert np.asarray(crop[0].image).max() == 255
    left, top = (int(number) for number in crop[0].note.removeprefix("at ").partition(":")[0].split(", "))
    assert left <= 1500
    assert left + 1024 >= 1540
    np.testing.assert_array_equal(np.asarray(crop[0].image)[..., 0], pixels[top : top + 256, left : left + 1024])


def test_frames_of_a_video():
    frames = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.full((1, 330, 340, 3), 50, np.uint8)
    signal = inr.Signal.from_array(frames, kind="video")
    rows = video_rows(_field(signal), signal)
    assert [row[0].note for row in rows] == ["frame 1 of 5", "frame 3 of 5", "frame 5 of 5"]
    assert [int(np.asarray(row[0].image).max()) for row in rows] == [0, 100, 200]


def test_slices_of_a_volume_stand_upright_and_keep_the_shape_of_voxels(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    data = RNG.random((330, 5, 6)).astype(np.float32)  # x, y, z
    nibabel.save(nibabel.Nifti1Image(data, np.diag([1.0, -1.0, 3.0, 1.0])), tmp_path / "scan.nii")
    signal = inr.open(tmp_path / "scan.nii")
    (axial, coronal, sagittal) = (row[0] for row in volume_rows(_field(signal), signal))
    grey = signal.domain.values.normalise(data) * 127.5 + 127.5
    # y points down in the scanner's frame already; z points up, and is three times as coarse
    assert axial.image.size == (330, 5)
    np.testing.assert_allclose(np.asarray(axial.image)[..., 0], grey[:, :, 3].T, atol=0.6)
    assert coronal.image.size == (330, 18)
    np.testing.assert_allclose(np.asarray(coronal.image)[::3, :, 0], grey[:, 2, ::-1].T, atol=0.6)
    assert sagittal.note == "x = 166 of 330"
