"""Contact sheets, and sets as files of other programs."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from inr._errors import InrError, InrWarning, MissingExtra
from inr.container import Sections
from inr.sets import contact_sheet, export, fit_many, load_set
from inr.sets._sheet import chosen_for_sheet

TINY = {"network": "mlp:depth=1,width=8", "activation": "sine:omega=5", "encoding": "identity", "steps": 3}
NAMES = ("a", "b", "c", "d", "ä")


@pytest.fixture(scope="module")
def fields():
    draw = np.random.default_rng(0)
    return fit_many(draw.random((5, 8, 8), np.float32), names=NAMES, labels=[4, 5, 6, 7, 8], block=2, **TINY)


@pytest.fixture
def damaged(fields, tmp_path):
    """The set without its second block."""
    fields.save(tmp_path / "set.inr")
    sections, data = Sections(tmp_path / "set.inr"), bytearray((tmp_path / "set.inr").read_bytes())
    data[sections.header_size + sum(entry.size for entry in sections.table[:2]) + 9] ^= 1
    (tmp_path / "set.inr").write_bytes(data)
    return load_set(tmp_path / "set.inr")


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 5000])
def test_worst_and_best_are_on_the_sheet(count):
    psnr = np.random.default_rng(count).normal(30, 3, count)
    places = chosen_for_sheet(psnr)
    assert len(places) == min(count, 100) == len(set(places))
    assert {psnr.argmin(), psnr.argmax()} <= set(places)
    assert (np.diff(places) > 0).all()


def test_fields_without_numbers_are_the_worst():
    psnr = np.full(300, 30.0)
    psnr[[17, 205]] = np.nan, np.inf
    assert {17, 205} <= set(chosen_for_sheet(psnr))


def test_a_sheet_shows_the_fields(fields, tmp_path):
    contact_sheet(fields, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB")).astype(int)
    worst = fields.psnr.argmin()
    shown = fields[int(worst)].render()[..., 0]
    low, high = fields[int(worst)].domain.values.low[0], fields[int(worst)].domain.values.high[0]
    tones = np.rint(np.clip((shown - low) / (high - low), 0, 1) * 255)
    left, top = 20 + 106 * (worst % 4), 20 + 56 + (96 + 10 + 30) * (worst // 4)
    tile = sheet[top + 6 : top + 96 : 12, left + 6 : left + 96 : 12, 0]  # the middle of each of 8 x 8 pixels
    np.testing.assert_allclose(tile, tones, atol=1)
    assert sheet[top - 4, left].tolist() == [0xC8, 0x10, 0x2E]


def test_sheets_are_pngs_and_overwrite_nothing(fields, tmp_path):
    with pytest.raises(InrError, match=r"sheet\.png"):
        contact_sheet(fields, tmp_path / "sheet.jpg")
    (tmp_path / "sheet.png").write_bytes(b"")
    with pytest.raises(InrError, match="exists"):
        contact_sheet(fields, tmp_path / "sheet.png")


def test_damaged_fields_are_grey_on_a_sheet(damaged, tmp_path):
    contact_sheet(damaged, tmp_path / "sheet.png")
    sheet = Image.open(tmp_path / "sheet.png").convert("RGB")
    assert sheet.getpixel((20 + 106 * 2 + 40, 20 + 56 + 40)) == (0xD2, 0xD2, 0xD7)


def test_safetensors_hold_all_that_others_need(fields, tmp_path):
    export(fields, tmp_path / "w.safetensors")
    with safe_open(tmp_path / "w.safetensors", "np") as file:
        told, keys = file.metadata(), set(file.keys())
        tensors = {key: file.get_tensor(key) for key in keys}
    assert keys == {slot.name for slot in fields.layout} | {"psnr", "steps", "label"}
    rows = np.concatenate([tensors[slot.name].reshape(5, -1) for slot in fields.layout], axis=1)
    np.testing.assert_array_equal(rows, fields.weights())
    assert tensors["network.layers.0.weight"].shape == (5, 8, 2)
    np.testing.assert_array_equal(tensors["psnr"], fields.psnr)
    assert tensors["label"].tolist() == [4, 5, 6, 7, 8]
    assert tuple(json.loads(told["names"])) == NAMES
    assert json.loads(told["formula"]) == fields.formula


def test_parquet_holds_a_row_a_field(fields, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    export(fields, tmp_path / "w.parquet")
    table = parquet.read_table(tmp_path / "w.parquet")
    assert table.column_names == ["name", "label", "psnr", "steps", "reason", "size", "weights"]
    rows = table.to_pydict()
    assert (tuple(rows["name"]), rows["label"], rows["size"][0]) == (NAMES, [4, 5, 6, 7, 8], [8, 8])
    np.testing.assert_array_equal(np.array(rows["weights"], np.float32), fields.weights())
    np.testing.assert_array_equal(rows["psnr"], fields.psnr)
    assert json.loads(table.schema.metadata[b"inr"])["formula"] == fields.formula


def test_damaged_fields_are_left_out_of_tables(fields, damaged, tmp_path):
    with pytest.warns(InrWarning, match="the fields c, d"):
        export(damaged, tmp_path / "w.safetensors")
    with safe_open(tmp_path / "w.safetensors", "np") as file:
        assert json.loads(file.metadata()["names"]) == ["a", "b", "ä"]
        np.testing.assert_array_equal(file.get_tensor("psnr"), fields.psnr[[0, 1, 4]])


def test_what_cannot_be_exported(fields, tmp_path, monkeypatch):
    with pytest.raises(InrError, match=r"\.safetensors or \.parquet"):
        export(fields, tmp_path / "w.csv")
    (tmp_path / "w.safetensors").write_bytes(b"")
    with pytest.raises(InrError, match="exists"):
        export(fields, tmp_path / "w.safetensors")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'inr\[parquet\]'"):
        export(fields, tmp_path / "w.parquet")
