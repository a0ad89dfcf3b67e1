"""Volumes and scattered samples there and back: .npy, .npz, NIfTI."""

import gzip

import numpy as np
import pytest

from inr.signals import ScatteredSignal, Signal, write
from inr.signals import open as open_signal

nibabel = pytest.importorskip("nibabel")

AFFINE = np.array([[0, -2.0, 0, 10], [1.5, 0, 0, -20], [0, 0, 3.0, 5], [0, 0, 0, 1]])


def volume(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return (100 * np.random.default_rng(3).normal(size=shape)).astype(dtype)


@pytest.mark.parametrize("shape", [(9,), (3, 4), (3, 4, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".nii", ".nii.gz"])
def test_volumes_keep_every_bit(tmp_path, shape, suffix):
    signal = Signal.from_array(volume(*shape), kind="volume")
    signal.save(tmp_path / f"a{suffix}")
    found = open_signal(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(found.array, signal.array)
    if "nii" not in suffix:
        assert found.domain == signal.domain


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("suffix", [".npy", ".nii"])
def test_types_are_kept(tmp_path, dtype, suffix):
    signal = Signal.from_array(np.arange(60).reshape(3, 4, 5).astype(dtype), kind="volume")
    signal.save(tmp_path / f"a{suffix}")
    found = open_signal(tmp_path / f"a{suffix}")
    assert found.array.dtype == dtype
    np.testing.assert_array_equal(found.array, signal.array)


def test_channels_come_back_as_a_last_axis(tmp_path):
    signal = Signal.from_array(volume(3, 4, 5, 2), channels_last=True)
    signal.save(tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), signal.array)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_nifti_keeps_its_axes_affine_and_units(tmp_path, suffix, kind):
    data = volume(4, 5, 6, dtype=np.int16)
    nibabel.save(kind(data, AFFINE), tmp_path / f"a{suffix}")
    signal = open_signal(tmp_path / f"a{suffix}")
    assert [(axis.name, axis.size, axis.unit, axis.high) for axis in signal.domain.axes] == [
        ("x", 4, "mm", 4 * 1.5), ("y", 5, "mm", 5 * 2.0), ("z", 6, "mm", 6 * 3.0)
    ]  # fmt: skip
    np.testing.assert_array_equal(signal.array[..., 0], data.transpose(2, 1, 0))
    signal.save(tmp_path / f"b{suffix}")
    written = nibabel.load(tmp_path / f"b{suffix}")
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), data)
    np.testing.assert_array_equal(written.affine, AFFINE)
    assert open_signal(tmp_path / f"b{suffix}").domain == signal.domain


def test_a_series_of_volumes_has_a_time_axis(tmp_path):
    image = nibabel.Nifti1Image(volume(3, 4, 5, 6), np.eye(4))
    image.header.set_zooms((1, 1, 2, 0.5))
    image.header.set_xyzt_units("mm", "msec")
    nibabel.save(image, tmp_path / "a.nii")
    signal = open_signal(tmp_path / "a.nii")
    axis = signal.domain.axes[3]
    assert (axis.name, axis.size, axis.unit, axis.high) == ("t", 6, "ms", 3)
    assert signal.domain.shape == (6, 5, 4, 3)
    signal.save(tmp_path / "b.nii")
    assert open_signal(tmp_path / "b.nii").domain == signal.domain


def test_trailing_axes_of_one_drop_out(tmp_path):
    nibabel.save(nibabel.Nifti1Image(volume(3, 4, 5, 1, 1), np.eye(4)), tmp_path / "a.nii")
    assert open_signal(tmp_path / "a.nii").domain.shape == (5, 4, 3)
    nibabel.save(nibabel.Nifti1Image(volume(3, 4, 1), np.eye(4)), tmp_path / "b.nii")
    assert open_signal(tmp_path / "b.nii").domain.shape == (4, 3)


def test_more_voxels_leave_the_corners_where_they_are(tmp_path):
    nibabel.save(nibabel.Nifti1Image(volume(4, 5, 6), AFFINE), tmp_path / "a.nii")
    domain = open_signal(tmp_path / "a.nii").domain
    write(tmp_path / "b.nii", volume(12, 5, 8, 1), domain)  # z, y, x: half as fine in z, the same in y, half in x
    written = nibabel.load(tmp_path / "b.nii")
    assert written.shape == (8, 5, 12)
    for corner in np.ndindex(2, 2, 2):
        before = AFFINE @ [*(np.array(corner) * (4, 5, 6) - 0.5), 1]
        after = written.affine @ [*(np.array(corner) * (8, 5, 12) - 0.5), 1]
        np.testing.assert_allclose(after, before, atol=1e-6)
    assert open_signal(tmp_path / "b.nii").domain.axes[0].high == domain.axes[0].high


def test_stored_slopes_are_applied(tmp_path):
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "a.nii")
    signal = open_signal(tmp_path / "a.nii")
    assert signal.domain.dtype == "float32"
    np.testing.assert_allclose(signal.array[..., 0], np.arange(24).reshape(2, 3, 4).T * 0.5 - 3)


def test_big_endian_files_are_read(tmp_path):
    header = nibabel.Nifti1Header(endianness=">")
    data = volume(3, 4, 5)
    nibabel.save(nibabel.Nifti1Image(data.astype(">f4"), np.eye(4), header), tmp_path / "a.nii")
    np.testing.assert_array_equal(open_signal(tmp_path / "a.nii").array[..., 0].T, data)
    np.save(tmp_path / "a.npy", data.astype(">f4"))
    found = open_signal(tmp_path / "a.npy")
    np.testing.assert_array_equal(found.array[..., 0], data)
    assert found.domain.dtype == "float32"


def test_equal_volumes_make_equal_files(tmp_path):
    signal = Signal.from_array(volume(3, 4, 5))
    for name in ("a", "b"):
        signal.save(tmp_path / f"{name}.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_fortran_order_is_only_a_layout(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(volume(3, 4, 5)))
    np.testing.assert_array_equal(open_signal(tmp_path / "a.npy").array[..., 0], volume(3, 4, 5))


def test_nifti_of_several_channels_is_refused(tmp_path, refused):
    signal = Signal.from_array(volume(3, 4, 5, 2), channels_last=True)
    refused(lambda: signal.save(tmp_path / "a.nii"), "one channel", ".npy")
    assert list(tmp_path.iterdir()) == []


def test_a_nifti_pair_and_other_gzip_files_are_refused(tmp_path, refused):
    nibabel.save(nibabel.Nifti1Pair(volume(3, 4, 5), np.eye(4)), tmp_path / "a.hdr")
    refused(lambda: open_signal(tmp_path / "a.hdr"), "pair", ".nii")
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"something else altogether" * 50))
    refused(lambda: open_signal(tmp_path / "a.gz"), "no known format")


def test_colour_nifti_is_refused(tmp_path, refused):
    data = np.zeros((3, 4, 5), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii")
    refused(lambda: open_signal(tmp_path / "a.nii"), "real numbers")


def test_scattered_samples_keep_every_bit(tmp_path):
    rng = np.random.default_rng(0)
    for channels in (1, 3):
        signal = Signal.from_samples(rng.random((50, 2)), rng.normal(size=(50, channels)))
        signal.save(tmp_path / f"{channels}.npz")
        found = open_signal(tmp_path / f"{channels}.npz")
        assert isinstance(found, ScatteredSignal)
        np.testing.assert_array_equal(found.array, signal.array)
        np.testing.assert_array_equal(found.positions, signal.positions)
        assert found.domain == signal.domain


def test_scattered_samples_are_written_with_their_places(tmp_path, refused):
    signal = Signal.from_samples(np.random.default_rng(0).random((5, 2)), np.arange(5))
    refused(lambda: write(tmp_path / "a.npz", signal.array, signal.domain), "coords", "(5, 2)")
    write(tmp_path / "a.npz", signal.array[:3], signal.domain, coords=signal.positions[:3])
    assert open_signal(tmp_path / "a.npz").size == 3


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("bonsai.nii.gz", (256, 256, 256)),
        ("mni_icbm152_t1.nii.gz", (189, 233, 197)),
        ("stent.npz", (256, 128, 128)),
    ],
)
def test_scans(shared_data, name, shape):
    signal = open_signal(shared_data / "volume" / name)
    assert (signal.domain.kind, signal.domain.shape) == ("volume", shape)
    assert len(set(signal.domain.values.low + signal.domain.values.high)) == 2
