"""Files of arrays that are damaged, or that say more than they hold."""

import io
import zipfile

import numpy as np
import pytest

import inr
from inr.reconstruction import estimate_noise, problem


def _claiming(path, shape):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<c8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kspace.npy", head.getvalue() + bytes(64))


def test_headers_that_say_more_than_there_is(tmp_path):
    _claiming(path := tmp_path / "a.npz", (10**6, 10**6))
    with pytest.raises(inr.InrError, match="says that it is"):
        problem(None, path)


def test_files_that_are_cut_short_or_none(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, kspace=np.ones((8, 8), complex), mask=np.ones((8, 8)))
    whole = path.read_bytes()
    for data in (b"", b"hello", whole[:100], whole[:-30], whole[:60] + bytes(40) + whole[100:]):
        path.write_bytes(data)
        with pytest.raises(inr.InrError, match=r"no readable \.npz file"):
            problem(None, path)


def test_objects_are_not_unpacked(tmp_path):
    np.savez(path := tmp_path / "a.npz", gx=np.array([{}], object), gy=np.ones((4, 4)))
    with pytest.raises(inr.InrError, match=r"no readable \.npz file"):
        problem(None, path)


def test_the_noise_of_a_row_is_not_estimated():
    with pytest.raises(inr.InrError, match="at least 3 x 3 pixels, not 9 x 1"):
        estimate_noise(np.ones((1, 9, 3)))


def test_seeds():
    with pytest.raises(inr.InrError, match="a seed is 0 or more, got -1"):
        problem("inpaint", np.eye(8), keep=0.5, seed=-1)


def test_a_source_that_lies_nowhere_near():
    mask = np.zeros((8, 8), bool)
    mask[3:5, 3:5] = True
    with pytest.raises(inr.InrError, match="no pixel of the mask lies within"):
        problem("composite", np.eye(8), mask=mask, background=np.eye(8), offset=(10**30, 0))
