"""Compressed files: headers in few bytes, what is damaged and what is left, bounds."""

import json

import numpy as np
import pytest

import inr
from inr import DamagedFile, InrError, Signal, container
from inr.compression import Payload
from inr.compression.codecs import codecs
from inr.compression.files import pack, unpack

MAP = Signal.from_array(np.random.default_rng(0).random((46, 90)).astype(np.float32), kind="volume", value_range=(0, 1))
PICTURE = Signal.from_array(np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def codec():
    return codecs.build("mlp")


@pytest.fixture(scope="module")
def data(codec):
    return pack(codec, PICTURE.domain, codec.encode(PICTURE, 200, steps=10, engine="cpu:threads=1"))


def test_the_header_of_a_map_takes_32_bytes():
    sphere = codecs.build("mlp:sphere=true")
    assert len(pack(sphere, MAP.domain, [Payload("base", bytes(200))])) - 200 == 32


def test_only_what_is_not_usual_is_told(data):
    header = container.loads(data).header
    assert header == {"codec": "mlp", "domain": {"kind": "image", "shape": [12, 16], "sampling": "area"}}
    told = container.loads(pack(codecs.build("mlp:sphere=true"), MAP.domain, [Payload("base", b"x")])).header
    assert told["codec"] == "mlp:sphere=true"


def test_the_field_comes_back_by_every_way(data, tmp_path):
    path = tmp_path / "picture.inr"
    path.write_bytes(data)
    fields = [unpack(container.loads(data)), inr.load(path), inr.compression.decode(data)]
    rendered = [field.render() for field in fields]
    assert all(np.array_equal(rendered[0], each) for each in rendered[1:])
    assert not fields[0].training


def test_a_field_from_a_compressed_file_can_be_saved_as_any_other(data, tmp_path):
    field = inr.compression.decode(data)
    field.save(tmp_path / "plain.inr")
    assert np.array_equal(inr.load(tmp_path / "plain.inr").render(), field.render())


def changed(data, **header):
    """The file with another header, its checksums right."""
    contents = container.loads(data)
    told = {key: value for key, value in (contents.header | header).items() if value is not None}
    return container.dumps(told, list(contents.sections.values()))


@pytest.mark.parametrize(
    ("header", "error", "message"),
    [
        ({"codec": 5}, DamagedFile, "names no codec"),
        ({"domain": None}, DamagedFile, "no grid"),
        ({"domain": {"kind": "image", "shape": [0, 4]}}, DamagedFile, "describes no grid"),
        ({"codec": "vvc"}, InrError, "does not have: unknown codec 'vvc'.*pip install -U"),
        ({"codec": "mlp:rings=3"}, InrError, "no parameter 'rings'"),
        ({"domain": {"kind": "image", "shape": [12, 16], "channels": 1 << 40}}, DamagedFile, "limit"),
        ({"domain": {"kind": "image", "shape": [1 << 40, 1 << 40]}}, DamagedFile, "octaves"),
    ],
)
def test_headers_that_make_no_sense_are_refused(data, header, error, message):
    with pytest.raises(error, match=message):
        unpack(container.loads(changed(data, **header)))


def test_a_file_without_base_is_refused(data):
    contents = container.loads(data)
    other = container.dumps(contents.header, [])
    with pytest.raises(DamagedFile, match="no section 'base'"):
        unpack(container.loads(other))


def test_sections_of_another_coding_are_no_payloads(data):
    raw = container.Section("base", {"payload": np.zeros(9, np.uint8)}, "raw")
    with pytest.raises(DamagedFile, match="no section 'base'"):
        unpack(container.loads(container.dumps(container.loads(data).header, [raw])))


def test_every_flipped_bit_and_every_cut_is_refused(data):
    for position in range(0, len(data), 3):
        broken = bytearray(data)
        broken[position] ^= 1 << position % 8
        with pytest.raises(InrError):
            inr.compression.decode(broken)
        with pytest.raises(InrError):
            inr.compression.decode(data[:position])


def test_weights_beyond_the_limit_are_refused(data):
    with pytest.raises(InrError, match="limit of 300"):
        inr.compression.decode(data, max_bytes=300)


def test_samples_beyond_the_limit_are_refused(data):
    with pytest.raises(InrError, match="more than the limit"):
        inr.decompress(data, shape=(100_000, 100_000))


def test_headers_are_plain_json(data):
    assert json.loads(json.dumps(container.loads(data).header)) == container.loads(data).header
