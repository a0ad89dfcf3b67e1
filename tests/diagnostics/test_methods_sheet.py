"""The sheet of what several methods made of the same data."""

import numpy as np
import pytest
from PIL import Image

import inr
from inr.diagnostics import ReconstructedPicture, methods_sheet

_DOMAIN = inr.from_array(np.zeros((8, 12), np.uint8), kind="image").domain


def _methods():
    return [ReconstructedPicture(name, np.full((8, 12, 1), 50.0, np.float32)) for name in ("ours", "theirs")]


def test_a_sheet_has_a_row_more_where_the_truth_is_known(tmp_path):
    given = np.full((4, 6, 1), 100, np.float32)
    for name, truth in (("without.png", None), ("with.png", np.zeros((8, 12, 1), np.float32))):
        facts = ["a fact that is so long that it has to be wrapped, " * 5]
        methods_sheet(_methods(), tmp_path / name, title="t", facts=facts, domain=_DOMAIN, given=given, truth=truth)
    with Image.open(tmp_path / "without.png") as first, Image.open(tmp_path / "with.png") as second:
        assert first.width == second.width
        assert second.height > 1.5 * first.height


def test_what_was_not_given_has_a_colour_of_its_own(tmp_path):
    given = np.full((8, 12, 1), 100, np.float32)
    given[2:4, 3:9] = np.nan
    methods_sheet(_methods(), tmp_path / "sheet.png", title="t", domain=_DOMAIN, given=given)
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet).reshape(-1, 3)
    blue = (pixels == (150, 175, 225)).all(1).sum()
    assert blue == 12 * (-(-320 // 12)) ** 2  # every pixel is enlarged to a whole square


def test_a_sheet_is_a_png_and_overwrites_nothing(tmp_path):
    given = np.zeros((8, 12, 1), np.float32)
    with pytest.raises(inr.InrError, match="is a PNG"):
        methods_sheet(_methods(), tmp_path / "sheet.pdf", title="t", domain=_DOMAIN, given=given)
    (tmp_path / "sheet.png").write_text("mine")
    with pytest.raises(inr.InrError, match="exists"):
        methods_sheet(_methods(), tmp_path / "sheet.png", title="t", domain=_DOMAIN, given=given)
