"""Files read and written section by section."""

import numpy as np
import pytest

from inr import container
from inr._errors import DamagedFile, InrError
from inr.container import Payload, Section, Sections

pytestmark = pytest.mark.quick

SECTIONS = [
    Section("first", {"w": np.arange(5.0)}),
    Section("second", {"w": np.zeros(300, np.int16)}, "deflated"),
    Section("third", {"w": np.ones((2, 3), np.float32)}, base=False),
]


@pytest.fixture
def path(tmp_path):
    container.write(tmp_path / "three.inr", {"note": 1}, SECTIONS)
    return tmp_path / "three.inr"


def test_sections_come_one_at_a_time(path):
    found = Sections(path)
    assert (found.header, [entry.name for entry in found.table]) == ({"note": 1}, ["first", "second", "third"])
    for section in SECTIONS:
        np.testing.assert_array_equal(found.read(section.name).tensors["w"], section.tensors["w"])
    assert found.damaged() == ()


def test_the_bytes_are_those_of_a_file_written_at_once(path):
    again = path.with_name("again.inr")
    container.write_payloads(again, {"note": 1}, [Payload.of(section) for section in SECTIONS])
    assert again.read_bytes() == path.read_bytes()
    sections = Sections(path)
    container.write_payloads(again, {"note": 1}, [sections.payload(each.name) for each in SECTIONS], force=True)
    assert again.read_bytes() == path.read_bytes()


def test_damage_is_told_of_the_section_that_has_it(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    sections = Sections(path)
    assert sections.damaged() == ("third",)
    sections.read("second")
    with pytest.raises(DamagedFile, match=r"three\.inr: section 'third' is damaged"):
        sections.read("third")
    with pytest.raises(DamagedFile, match="changed before"):
        container.write_payloads(path.with_name("no.inr"), {}, [sections.payload("third")])
    assert not path.with_name("no.inr").exists()


def test_what_ends_early_or_late_is_seen(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert Sections(path).damaged() == ("third",)
    path.write_bytes(whole + b"x")
    with pytest.raises(DamagedFile, match="1 bytes follow"):
        Sections(path)
    for length in (0, 3, 12, 20):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedFile):
            Sections(path)


def test_a_section_is_no_larger_than_allowed(path):
    with pytest.raises(InrError, match="max_bytes"):
        Sections(path, max_bytes=50).read("first")
    with pytest.raises(DamagedFile, match="takes more than the 100 bytes"):  # 632 of them in few
        Sections(path, max_bytes=100).read("second")


def test_what_does_not_inflate_is_damaged(tmp_path):
    coder = container.coders["deflated"]
    data = coder.encode({"w": np.arange(9)})
    np.testing.assert_array_equal(coder.decode(memoryview(data), 1 << 20)["w"], np.arange(9))
    for bad in (data[:-2], data + b"x", b"junk", b""):
        with pytest.raises(InrError):
            coder.decode(memoryview(bad), 1 << 20)
