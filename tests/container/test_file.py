"""Round trips, order and limits of .inr files."""

import errno
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inr import container
from inr._errors import DamagedFile, InrError
from inr.container import Section

pytestmark = pytest.mark.quick

DTYPES = ["<f2", "<f4", "<f8", "<i1", "<i2", "<i4", "<i8", "<u1", "<u2", "<u4", "<u8", "?"]

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,12}", fullmatch=True).filter(lambda name: name != "header")
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
headers = st.dictionaries(st.text(), json_values, max_size=5)
arrays = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0)))
tensors = st.dictionaries(st.text().filter(lambda name: name != "__metadata__"), arrays, max_size=3)


@st.composite
def section_lists(draw: st.DrawFn) -> list[Section]:
    chosen = draw(st.lists(names, max_size=4, unique=True))
    base = draw(st.integers(0, len(chosen)))
    return [Section(name, draw(tensors), base=position < base) for position, name in enumerate(chosen)]


def assert_same_tensors(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].shape == tensor.shape
        assert found[name].tobytes() == tensor.tobytes()


@given(headers, section_lists())
def test_everything_comes_back(header, sections):
    contents = container.loads(container.dumps(header, sections))
    assert contents.header == header
    assert contents.damaged == ()
    assert list(contents.sections) == [section.name for section in sections]
    for section in sections:
        found = contents.sections[section.name]
        assert (found.name, found.coding, found.base) == (section.name, section.coding, section.base)
        assert_same_tensors(found.tensors, section.tensors)


def test_bytes_depend_on_content_only():
    first, second = np.arange(6.0), np.ones((2, 2), dtype=np.int16)
    one = container.dumps({"a": 1, "b": {"c": 2, "d": 3}}, [Section("s", {"x": first, "y": second})])
    two = container.dumps({"b": {"d": 3, "c": 2}, "a": 1}, [Section("s", {"y": second, "x": first})])
    assert one == two
    strided = container.dumps({}, [Section("s", {"x": np.arange(12.0).reshape(3, 4).T[::2].astype(">f8")})])
    assert strided == container.dumps({}, [Section("s", {"x": np.arange(12.0).reshape(3, 4).T[::2].copy()})])


def test_arrays_come_back_writable_and_own_their_memory():
    data = bytearray(container.dumps({}, [Section("s", {"x": np.zeros(3, dtype=np.float32)})]))
    array = container.loads(data).sections["s"].tensors["x"]
    array += 1
    assert container.loads(data).sections["s"].tensors["x"].tolist() == [0, 0, 0]


def test_the_table_accounts_for_every_byte():
    sections = [Section("network", {"w": np.zeros(100)}), Section("residual", {"r": np.zeros(7)}, base=False)]
    data = container.dumps({"k": 1}, sections)
    contents = container.loads(data)
    assert [(entry.name, entry.coding, entry.base) for entry in contents.table] == [
        ("network", "raw", True),
        ("residual", "raw", False),
    ]
    assert contents.header_size + sum(entry.size for entry in contents.table) == len(data)


def test_a_small_header_costs_tens_of_bytes():
    header = {
        "domain": {
            "kind": "image",
            "axes": [
                {"name": "x", "size": 768, "unit": "pixel", "low": 0.0, "high": 768.0},
                {"name": "y", "size": 512, "unit": "pixel", "low": 0.0, "high": 512.0},
            ],
            "channels": 3,
            "values": {"low": [0.0], "high": [255.0]},
            "dtype": "uint8",
            "meta": {},
        },
        "encoding": {"name": "hash", "levels": 12},
    }
    contents = container.loads(container.dumps(header, [Section("network", {})]))
    assert contents.header_size <= 70  # 64 when this was written, 13 of them preamble


@pytest.mark.parametrize(
    ("header", "sections", "message"),
    [
        ({"x": float("nan")}, [], "plain JSON"),
        ({"x": object()}, [], "plain JSON"),
        ({"x": "\ud800"}, [], "plain JSON"),
        ({"x": "y" * (1 << 20)}, [], "more than the 1048576"),
        ({}, [Section("a", {}), Section("a", {})], "'a' is taken"),
        ({}, [Section("header", {})], "'header' is taken"),
        ({}, [Section("", {})], "cannot name a section"),
        ({}, [Section("a\n", {})], "cannot name a section"),
        ({}, [Section("é", {})], "cannot name a section"),
        ({}, [Section("a", {}, base=False), Section("b", {})], "base section 'b' comes after"),
        ({}, [Section("a", {}, coding="zip")], r"coding 'zip' of section 'a' is not known \(known: [a-z, ]*raw"),
        ({}, [Section("a", {"w": np.zeros(2, dtype=complex)})], "section 'a': tensor 'w' is complex128"),
        ({}, [Section("a", {"w": np.array([None])})], "section 'a': tensor 'w' is object"),
        ({}, [Section("a", {"__metadata__": np.zeros(2)})], "__metadata__"),
        ({}, [Section("a", {"\ud800": np.zeros(2)})], "section 'a'"),
        ({}, [Section(f"s{i}", {}) for i in range(4097)], "4097 sections"),
    ],
)
def test_what_no_file_can_hold_is_refused(header, sections, message):
    with pytest.raises(InrError, match=message):
        container.dumps(header, sections)


def test_other_coders_by_name(monkeypatch):
    monkeypatch.setattr("inr.container._coders.coders", coders := dict(container.coders))
    monkeypatch.setattr("inr.container._file.coders", coders)
    container.register_coder(
        "bits",
        lambda tensors: np.packbits(tensors["b"]).tobytes(),
        lambda payload, limit: {"b": np.unpackbits(np.frombuffer(payload, dtype=np.uint8))},
    )
    bits = np.array([1, 0, 1, 1, 0, 0, 1, 0], dtype=np.uint8)
    data = container.dumps({}, [Section("s", {"b": bits}, coding="bits")])
    assert container.loads(data).sections["s"].tensors["b"].tolist() == bits.tolist()
    assert container.loads(data).table[0].size == 1
    with pytest.raises(InrError, match="'bits' is registered already"):
        container.register_coder("bits", lambda tensors: b"", lambda payload, limit: {})
    del coders["bits"]
    with pytest.raises(InrError, match=r"'bits' of section 's' is not known.*pip install -U inr"):
        container.loads(data)


def test_write_and_read(tmp_path: Path):
    path = tmp_path / "a.inr"
    container.write(path, {"k": 1}, [Section("s", {"x": np.arange(3)})])
    assert container.read(path).sections["s"].tensors["x"].tolist() == [0, 1, 2]
    with pytest.raises(InrError, match="exists; choose another name"):
        container.write(path, {"k": 2}, [])
    container.write(path, {"k": 2}, [], force=True)
    assert container.read(path).header == {"k": 2}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.inr"]


def test_a_refused_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "a.inr"
    container.write(path, {"k": 1}, [])
    with pytest.raises(InrError, match="plain JSON"):
        container.write(path, {"k": float("inf")}, [], force=True)
    assert container.read(path).header == {"k": 1}


def test_read_names_the_file_and_the_rule(tmp_path: Path):
    path = tmp_path / "a.inr"
    with pytest.raises(InrError, match=r"cannot read .*a\.inr: No such file"):
        container.read(path)
    with pytest.raises(InrError, match=r"is a directory; give an \.inr file"):
        container.read(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(DamagedFile, match=r"a\.inr: the file is empty") as caught:
        container.read(path)
    assert caught.value.section == "header"
    container.write(path, {}, [Section("s", {"x": np.zeros(100)})], force=True)
    with pytest.raises(InrError, match="more than the limit of 100"):
        container.read(path, max_bytes=100)


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch):
    path = tmp_path / "a.inr"
    container.write(path, {}, [])

    def refuse(self, mode):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InrError, match=r"cannot read .*a\.inr: Permission denied"):
        container.read(path)
