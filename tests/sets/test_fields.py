"""Sets in files: what comes back, what is read for it, what damage costs, and what others can do with the weights."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import inr
from inr import container
from inr._errors import DamagedFile, InrError, InrWarning
from inr.container import Payload, Section, Sections
from inr.sets import Fields, fit_many, load_set
from inr.signals import grid_coords

TINY = {"network": "mlp:depth=2,width=8", "activation": "sine:omega=5", "encoding": "identity", "steps": 4}
NAMES = ("a", "b", "cat.png", "d", "e", "f", "ä")


def pictures() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(0, 255, (6, 6 + index % 2), dtype=np.uint8) for index in range(len(NAMES))]


@pytest.fixture(scope="module")
def fields() -> Fields:
    """Seven fields in blocks of three."""
    labels = {"a": 3, "b": "dog", "cat.png": "cat"}
    return fit_many(pictures(), names=NAMES, labels=labels, block=3, workers=1, **TINY)


@pytest.fixture
def path(fields, tmp_path) -> Path:
    fields.save(tmp_path / "set.inr")
    return tmp_path / "set.inr"


def spoil(path: Path, section: str) -> None:
    """Flip a bit in the middle of a section."""
    sections, data = Sections(path), bytearray(path.read_bytes())
    start = sections.header_size
    for entry in sections.table:
        if entry.name == section:
            data[start + entry.size // 2] ^= 1
        start += entry.size
    path.write_bytes(data)


def test_everything_comes_back(fields, path):
    found = load_set(path)
    assert len(found) == 7
    assert (found.names, found.labels, found.reasons) == (
        NAMES,
        (3, "dog", "cat", None, None, None, None),
        fields.reasons,
    )
    assert found.counts.tolist() == [3, 3, 1]
    assert found.sizes.tolist() == [[6, 6], [6, 7]] * 3 + [[6, 6]]
    for name in ("psnr", "steps"):
        np.testing.assert_array_equal(getattr(found, name), getattr(fields, name))
    np.testing.assert_array_equal(found.weights(), fields.weights())
    assert found.header == json.loads(json.dumps(fields.header))
    assert found.damaged() == ()


def test_a_set_that_was_read_is_saved_to_the_same_bytes(path):
    load_set(path).save(path.with_name("again.inr"))
    assert path.with_name("again.inr").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("key", [1, -6, "b"])
def test_a_field_is_had_by_place_and_by_name(fields, path, key):
    field = load_set(path)[key]
    assert field.domain.shape == (6, 7)
    assert field.metrics == {"psnr": fields.psnr[1]}
    assert field.fit["steps"] == 4
    signal = inr.from_array(pictures()[1]).measured_as("point")
    assert inr.fitting.whole_psnr(field, signal) == pytest.approx(fields.psnr[1], abs=1e-4)  # float32 sums


def test_fields_come_in_their_order(fields):
    shapes = [field.domain.shape for field in fields]
    assert shapes == [(6, 6), (6, 7), (6, 6), (6, 7), (6, 6), (6, 7), (6, 6)]
    assert "cat.png" in fields
    assert "dog.png" not in fields


def test_building_a_field_draws_nothing(fields):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fields[0]
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("key", "words"), [("cat.jpg", "did you mean 'cat.png'"), (7, "7 fields"), (-8, "no number -8")]
)
def test_a_field_that_is_not_there(fields, key, words):
    with pytest.raises(InrError, match=words):
        fields[key]


def test_a_name_reads_one_block_of_rows(path, monkeypatch):
    read = []
    whole = Sections.read
    monkeypatch.setattr(Sections, "read", lambda self, name: read.append(name) or whole(self, name))
    fields = load_set(path)
    assert read == ["index"]
    fields["d"], fields["e"]
    assert read == ["index", "rows.1"]


def test_other_blocks_may_be_damaged(fields, path):
    spoil(path, "rows.0")
    spoil(path, "rows.2")
    found = load_set(path)
    np.testing.assert_array_equal(found["e"].render(), fields["e"].render())
    assert found.damaged() == ("a", "b", "cat.png", "ä")
    with pytest.raises(DamagedFile, match=r"rows\.0.*checksum.*the fields a, b, cat\.png") as raised:
        found["b"]
    assert raised.value.section == "rows.0"


def test_weights_of_damaged_blocks_are_no_numbers(fields, path):
    spoil(path, "rows.1")
    with pytest.warns(InrWarning, match="the fields d, e, f"):
        weights = load_set(path).weights()
    assert np.isnan(weights[3:6]).all()
    np.testing.assert_array_equal(weights[[0, 1, 2, 6]], fields.weights()[[0, 1, 2, 6]])


def test_damaged_sets_are_not_saved(path):
    spoil(path, "rows.1")
    with pytest.raises(DamagedFile):
        load_set(path).save(path.with_name("copy.inr"))
    assert not path.with_name("copy.inr").exists()


def test_a_cut_file_keeps_the_blocks_before_the_cut(fields, path):
    path.write_bytes(path.read_bytes()[:-1])
    found = load_set(path)
    assert found.damaged() == ("ä",)
    assert found["f"].metrics == {"psnr": fields.psnr[5]}


@pytest.mark.parametrize("section", ["header", "index"])
def test_without_header_or_index_a_set_is_refused(path, section):
    if section == "index":
        spoil(path, section)
    else:
        data = bytearray(path.read_bytes())
        data[40] ^= 1
        path.write_bytes(data)
    with pytest.raises(DamagedFile) as raised:
        load_set(path)
    assert raised.value.section == section
    assert str(path) in str(raised.value)


def test_no_flipped_bit_goes_unseen(path):
    whole = path.read_bytes()
    for place in range(0, len(whole), 61):
        data = bytearray(whole)
        data[place] ^= 16
        path.write_bytes(data)
        try:
            damaged = load_set(path).damaged()
        except InrError:
            continue
        assert damaged, place


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameters": 10**9}, "layout"),
        ({"layout": [{"name": "w", "shape": [1 << 40], "start": 0}]}, "layout"),
        ({"layout": 3}, "describes no set"),
        ({"field": {"encoding": {"name": "identity"}}}, "describes no set"),
        ({"set": {"format": 2}}, "newer version"),
        ({"fit": None}, "describes no set"),
        ({"fit": {"seed": -1, "steps": 1, "batch": 1, "init": "own", "rates": {}, "psnr": None}}, "fitted with"),
    ],
)
def test_headers_that_lie_are_refused(path, change, words):
    sections = Sections(path)
    payloads = [sections.payload(entry.name) for entry in sections.table]
    container.write_payloads(path.with_name("lie.inr"), sections.header | change, payloads)
    with pytest.raises(InrError, match=words):
        load_set(path.with_name("lie.inr"))


@pytest.mark.parametrize(
    "change",
    [
        {"counts": np.array([3, 3, 2])}, {"counts": np.array([7])}, {"names": np.frombuffer(b'["a"]', np.uint8)},
        {"names": np.frombuffer(b"{}", np.uint8)}, {"reasons": np.full(7, 9, np.uint8)}, {"psnr": np.zeros((7, 0))[:3]},
        {"labels": np.frombuffer(b"[[1],1,1,1,1,1,1]", np.uint8)}, {"sizes": np.ones((7, 3), np.int64)},
    ],
)  # fmt: skip
def test_indices_that_lie_are_refused(path, change):
    sections = Sections(path)
    index = sections.read("index")
    lie = Payload.of(replace(index, tensors={**index.tensors, **change}))
    rows = [sections.payload(f"rows.{number}") for number in range(3)]
    container.write_payloads(path.with_name("lie.inr"), sections.header, [lie, *rows])
    with pytest.raises(DamagedFile) as raised:
        load_set(path.with_name("lie.inr"))
    assert raised.value.section == "index"


def test_rows_that_lie_are_refused(path):
    sections = Sections(path)
    rows = sections.read("rows.0")
    lie = Payload.of(replace(rows, tensors={**rows.tensors, "domain": np.full(3, 9, np.uint32)}))
    others = [sections.payload(name) for name in ("rows.1", "rows.2")]
    container.write_payloads(path.with_name("lie.inr"), sections.header, [sections.payload("index"), lie, *others])
    with pytest.raises(DamagedFile, match=r"rows\.0"):
        load_set(path.with_name("lie.inr"))["a"]


def test_single_fields_and_sets_name_each_other(path, tmp_path):
    with pytest.raises(InrError, match=r"a set of fields, not one: inr\.load_set"):
        inr.load(path)
    load_set(path)[0].save(tmp_path / "one.inr")
    with pytest.raises(InrError, match=r"no set of fields; inr\.load"):
        load_set(tmp_path / "one.inr")


def test_a_reader_from_before_sets_says_what_would_read_them(path, monkeypatch):
    known = {name: coder for name, coder in container.coders.items() if name != "deflated"}
    monkeypatch.setattr("inr.container._file.coders", known)
    with pytest.raises(InrError, match=r"'deflated' of section 'index' is not known.*pip install -U inr"):
        container.read(path)


def test_others_compute_values_by_what_the_file_says(fields, path):
    """A network by numpy, with layout, formula and constants as the header has them in words."""
    sections = Sections(path)
    header, rows = sections.header, sections.read("rows.0").tensors
    assert header["formula"]["activation"].startswith(
        "φ(z) = sin(ω z); first layer: omega = 5; hidden layer: omega = 5"
    )
    row = rows["weights"][1].astype(np.float64)
    tensors = {
        each["name"]: row[each["start"] : each["start"] + int(np.prod(each["shape"]))].reshape(each["shape"])
        for each in header["layout"]
    }
    domain = json.loads(bytes(rows["domains"]))[rows["domain"][1]]
    height, width = 6, 7
    y, x = np.meshgrid((2 * np.arange(height) + 1) / height - 1, (2 * np.arange(width) + 1) / width - 1, indexing="ij")
    hidden = np.stack([x.ravel(), y.ravel()], axis=1)
    for layer in range(3):
        hidden = hidden @ tensors[f"network.layers.{layer}.weight"].T + tensors[f"network.layers.{layer}.bias"]
        hidden = np.sin(5 * hidden) if layer < 2 else hidden
    low, high = domain["values"]["low"][0], domain["values"]["high"][0]
    values = low + (hidden + 1) / 2 * (high - low)
    found = fields["b"]
    own = found.in_units(found(grid_coords((height, width), torch.arange(height * width))))
    np.testing.assert_allclose(values, own.detach().numpy(), atol=1e-3)  # of 255, in float32


def test_layouts_say_where_tensors_stand(fields):
    assert [(slot.name, slot.shape, slot.start, slot.stop) for slot in fields.layout[:2]] == [
        ("network.layers.0.weight", (8, 2), 0, 16),
        ("network.layers.0.bias", (8,), 16, 24),
    ]
    assert fields.weights().shape == (7, fields[0].parameter_count)


def test_sections_that_are_not_there_are_named(tmp_path):
    container.write(tmp_path / "a.inr", {}, [Section("one", {"x": np.zeros(2)})])
    with pytest.raises(DamagedFile, match="no section 'two'"):
        Sections(tmp_path / "a.inr").read("two")
