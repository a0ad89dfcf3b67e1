"""The example of codebooks: canonical form, scores, and plane waves where the formula is known."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "ris_codebook"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """The modules of the example."""
    monkeypatch.syspath_prepend(str(FOLDER))
    found = importlib.import_module("codebooks"), importlib.import_module("predict")
    for name in ("codebooks", "predict"):
        monkeypatch.delitem(sys.modules, name)
    return found


def test_the_canonical_form_knows_no_signs(modules):
    codebooks, _ = modules
    known = codebooks.synthetic(count=20)
    states = known.rows[:, :, None] * known.columns[:, None, :]
    rng = np.random.default_rng(0)
    for signs in (1, rng.choice([-1, 1], (20, 1, 1))):
        rows, columns = codebooks.canonical(states * signs)
        np.testing.assert_array_equal(rows, known.rows)
        np.testing.assert_array_equal(columns, known.columns)
    states[3, 2, 1] *= -1
    with pytest.raises(ValueError, match="rows times columns"):
        codebooks.canonical(states)


def test_a_codebook_in_files_and_its_scores(modules, tmp_path):
    codebooks, _ = modules
    known = codebooks.synthetic(count=20)
    states = known.rows[:, :, None] * known.columns[:, None, :]
    np.save(tmp_path / "codebook_list.npy", ((states + 1) // 2).astype(np.uint8))
    np.save(tmp_path / "coordinate_list.npy", known.places)
    np.save(tmp_path / "row_indices.npy", np.concatenate([known.learned, known.tested]))
    read = codebooks.load(tmp_path)
    np.testing.assert_array_equal(read.columns, known.columns)
    np.testing.assert_array_equal(read.tested, known.tested)
    rows, columns = read.rows[read.tested].copy(), read.columns[read.tested].copy()
    assert codebooks.score(read, rows, columns) == codebooks.Score(1.0, 1.0, 1.0, 1.0)
    columns[:, 1:] *= -1  # 15 of 24 free bits, and 1 - 15 / 8 of the columns' sum
    found = codebooks.score(read, rows, columns)
    assert (found.free, found.bits, found.whole) == pytest.approx((9 / 24, 10 / 25, 0.0))
    assert found.gain == pytest.approx(14 / 16)


def test_plane_waves_are_right_as_often_as_common_phases_let_them(modules):
    codebooks, predict = modules
    known = codebooks.synthetic(count=2000, flips=0.0)
    columns = predict.waves(predict.directions(known.places)[1], known.columns, known.learned)
    rows = predict.waves(predict.directions(known.places)[0], known.rows, known.learned)
    found = codebooks.score(known, rows[known.tested], columns[known.tested])
    assert found.free == pytest.approx(0.75, abs=0.04)  # of 200 places, whose bits hang together
