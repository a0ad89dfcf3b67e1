"""Reading uploads: what comes of good files, and that bad ones cost a sentence and nothing else."""

import io
import json
import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inr
from inr import container
from inr._errors import InrError
from inr.serving.store import Store
from inr.serving.work import ReadLimits, lossless_of, read, signal_of
from inr.serving.work._reader import _kept
from inr.serving.work._sandbox import landlock_version
from inr.signals import lossless_bytes
from tests.serving import jail


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "service")


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """The name that uploads have on the disk."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder / "01a22818"


def png(size: tuple[int, int] = (40, 30)) -> bytes:
    made = io.BytesIO()
    rows = np.arange(size[0] * size[1] * 3, dtype=np.uint32).reshape(size[1], size[0], 3) * 977 % 251
    Image.fromarray(rows.astype(np.uint8)).save(made, "PNG")
    return made.getvalue()


def packed(save, *arrays, **named) -> bytes:
    made = io.BytesIO()
    save(made, *arrays, **named)
    return made.getvalue()


GOOD = {
    "photo.png": png(),
    "pixel.png": png((1, 1)),
    "line.png": png((2, 3000)),
    "volume.npy": packed(np.save, np.linspace(0, 1, 5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)),
    "points.npz": packed(np.savez, coords=np.random.default_rng(0).random((50, 2)), values=np.arange(50.0)),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_read_is_the_signal_that_the_library_reads(store, upload, name):
    upload.write_bytes(GOOD[name])
    found = read(upload, name, {}, store)
    expected = inr.open(upload)
    signal = signal_of(store.path(found.array_sha256), found.description)
    assert found.kind == expected.domain.kind
    assert signal.domain == expected.domain
    assert signal.array.dtype == expected.array.dtype
    assert np.array_equal(signal.array, expected.array)
    assert (signal.positions is None) == (expected.positions is None)
    assert signal.positions is None or np.array_equal(signal.positions, expected.positions)
    assert lossless_of(found.description).bytes == lossless_bytes(expected, upload)
    assert found.description["size"] == expected.size
    preview = found.description["preview"]
    assert (preview is None) == (name == "points.npz")
    if preview is not None:
        with Image.open(store.path(preview)) as picture:
            assert picture.format == "WEBP"
            assert max(picture.size) <= 768


CORNERS = "v 0 0 0\nv 2 0 0\nv 0 2 0\nv 0 0 2\n"
TETRAHEDRON = (CORNERS + "f 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n").encode()
SQUARE = b'<svg xmlns="http://www.w3.org/2000/svg"><rect x="1" width="4" height="4"/></svg>'


@pytest.mark.parametrize(
    ("name", "data", "options", "holds", "where"),
    [
        ("tetra.obj", TETRAHEDRON, {}, "mesh", [[0.3, 0.3, 0.3], [1.5, 1.5, 1.5]]),
        ("square.svg", SQUARE, {"as_shape": "occupancy"}, "outline", [[3, 2], [0.5, 0.5]]),
    ],
)
def test_shapes_are_kept_as_what_they_are(store, upload, name, data, options, holds, where):
    upload.write_bytes(data)
    found = read(upload, name, options, store)
    assert (found.kind, found.description["holds"], found.description["preview"]) == ("shape", holds, None)
    assert found.description["lossless_bytes"] == len(data)
    signal = signal_of(store.path(found.array_sha256), found.description, name)
    assert signal.domain.meta["represents"] == options.get("as_shape", "sdf")
    inside = signal.solid.inside(signal.domain.coordinates(np.array(where, float)))
    assert inside.tolist() == [True, False]


@pytest.mark.parametrize(
    ("name", "data", "options", "words"),
    [
        ("a.obj", CORNERS.encode(), {}, "a.obj"),
        ("a.obj", (CORNERS + "f 1 3 2\n").encode(), {}, "a.obj has one triangle"),
        ("a.obj", TETRAHEDRON.replace(b"v 2 0 0", b"v nan 0 0"), {}, "no finite numbers"),
        ("a.obj", TETRAHEDRON.replace(b"2", b"0"), {}, "a.obj"),
        ("a.obj", TETRAHEDRON, {"sampling": "area"}, "a.obj holds a shape, which has no sampling"),
        ("a.xyz", b"0 0 0\n1 0 0\n0 1 0\n", {}, "a surface takes 4 at least"),
        ("a.svg", SQUARE, {"as_shape": "eikonal"}, "learned as sdf or occupancy"),
        ("a.svg", SQUARE, {"as_shape": "blob"}, "as_shape is one of sdf, occupancy, eikonal"),
        ("a.svg", SQUARE, {}, "a.svg"),
    ],
)
def test_what_is_no_shape_costs_a_sentence(store, upload, name, data, options, words):
    upload.write_bytes(data)
    with pytest.raises(InrError, match=words) as refused:
        read(upload, name, options, store)
    assert "\n" not in str(refused.value)
    assert upload.name not in str(refused.value)


def test_options_are_those_of_opening(store, upload):
    upload.write_bytes(GOOD["photo.png"])
    found = read(upload, "photo.png", {"value_range": "0:500", "sampling": "point", "srgb": False}, store)
    signal = signal_of(store.path(found.array_sha256), found.description)
    assert signal.domain.values.high == (500.0,)
    assert signal.domain.sampling == "point"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"value_range": "9:1"}, "write LOW,HIGH"),
        ({"nodata": "x"}, "nodata is a number"),
        ({"sampling": "dots"}, "area, point, band, not 'dots'"),
        ({"path": "/etc/passwd"}, "has no option 'path'"),
        ({"variable": "t"}, "photo.png is no data set"),
    ],
)
def test_options_that_make_no_sense_are_refused(store, upload, options, words):
    upload.write_bytes(GOOD["photo.png"])
    with pytest.raises(InrError, match=words):
        read(upload, "photo.png", options, store)


def test_a_field_is_kept_as_it_is(store, upload):
    upload.write_bytes(FIELD)
    found = read(upload, "cat.inr", {}, store)
    assert found.kind == "field"
    assert store.path(found.array_sha256).read_bytes() == FIELD


def bomb_png() -> bytes:
    """A picture of 3.6 thousand million pixels in few bytes."""
    header = b"\x00\x00\xea\x60\x00\x00\xea\x60\x08\x02\x00\x00\x00"

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


def bomb_npz() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        head = packed(np.save, np.zeros((1, 1)))[:128].replace(b"(1, 1)", b"(99999, 99999)")
        archive.writestr("values.npy", head + bytes(1 << 22))
        archive.writestr("coords.npy", packed(np.save, np.zeros((1, 2))))
    return made.getvalue()


FIELD = container.dumps({"field": {}, "domain": {}}, [container.Section("base", {"w": np.ones(9, np.float32)})])


HOSTILE = {
    "nothing.png": b"",
    "cut.png": png()[:200],
    "bomb.png": bomb_png(),
    "bomb.npz": bomb_npz(),
    "page.html": b"<!doctype html><script>alert(1)</script>",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "list.m3u8": b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "list.ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "picture and page.gif": b"GIF89a<html><script>alert(1)</script>" + b"PK\x03\x04" + bytes(100),
    "pickle.npy": packed(np.save, np.array([{"a": 1}], dtype=object), allow_pickle=True),
    "lying.inr": FIELD[:-12] + bytes(12),
    "cut.inr": FIELD[:-20],
    "long.inr": FIELD[:5] + bytes([255] * 8) + FIELD[13:],
    "noise.mp4": b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 20,
    "sound.wav": b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data"
    + bytes([255] * 4),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_cost_a_sentence(store, upload, name, tmp_path):
    upload.write_bytes(HOSTILE[name])
    with pytest.raises(InrError) as refused:
        read(upload, name, {}, store)
    words = str(refused.value)
    assert "\n" not in words
    assert str(tmp_path) not in words
    assert name in words
    assert not list((tmp_path / "service" / "blobs").glob("??/*"))


def test_a_reader_has_so_much_time(store, upload):
    upload.write_bytes(png())
    with pytest.raises(InrError, match=r"photo\.png takes more than 0 seconds to read"):
        read(upload, "photo.png", {}, store, limits=ReadLimits(wall_seconds=0.0))


def test_a_reader_has_so_much_memory(store, upload):
    upload.write_bytes(png((2000, 2000)))
    with pytest.raises(InrError, match=r"photo\.png.*(memory|broke what reads it)"):
        read(upload, "photo.png", {}, store, limits=ReadLimits(memory=4 << 20))


def test_a_reader_decodes_no_more_than_it_may(store, upload):
    upload.write_bytes(png())
    with pytest.raises(InrError, match=r"photo\.png"):
        read(upload, "photo.png", {}, store, limits=ReadLimits(decoded=1000))


def test_a_sound_of_hours_in_few_bytes_is_refused(store, upload):
    soundfile = pytest.importorskip("soundfile")
    made = io.BytesIO()
    soundfile.write(made, np.zeros((1_000_000, 2), np.int16), 8000, format="FLAC")
    upload.write_bytes(made.getvalue())
    assert len(made.getvalue()) < 100_000
    with pytest.raises(InrError, match=r"silence\.flac"):
        read(upload, "silence.flac", {}, store, limits=ReadLimits(decoded=1_000_000))


def lies() -> dict[str, tuple[str, bytes]]:
    """What a reader that a file took over might leave: a description, and samples."""
    signal = inr.from_array(np.zeros((3, 4, 3), np.uint8))
    honest = {
        "kind": "image", "domain": signal.domain.to_json(), "lossless_bytes": 9, "lossless_format": "PNG", "size": 12,
    }  # fmt: skip
    samples = packed(np.save, signal.array)
    return {
        "no JSON": ("{", samples),
        "a list": ("[]", samples),
        "no domain": (json.dumps({"kind": "image"}), samples),
        "no numbers": (json.dumps({**honest, "domain": {"kind": "image", "axes": 3}}), samples),
        "another shape": (json.dumps(honest), packed(np.save, np.zeros((9, 9, 3), np.uint8))),
        "another type": (json.dumps(honest), packed(np.save, np.zeros((3, 4, 3), np.float64))),
        "objects": (json.dumps(honest), packed(np.save, np.array([{}], dtype=object), allow_pickle=True)),
        "fewer samples": (json.dumps(honest), samples[:-9]),
        "no samples": (json.dumps({**honest, "kind": "field"}), samples),
        "a long text": (" " * (33 << 20), samples),
    }


@pytest.mark.parametrize("lie", lies())
def test_a_reader_that_lies_is_not_believed(store, tmp_path, lie):
    description, samples = lies()[lie]
    (tmp_path / "description.json").write_text(description)
    (tmp_path / "array").write_bytes(samples)
    with pytest.raises(InrError, match="cat broke what reads it"):
        _kept(tmp_path, store, "cat")


def test_a_link_that_a_reader_leaves_is_not_followed(store, tmp_path):
    description, samples = lies()["no samples"]
    (tmp_path / "secret").write_bytes(samples)
    (tmp_path / "description.json").write_text(description)
    (tmp_path / "field.inr").symlink_to(tmp_path / "secret")
    with pytest.raises(InrError, match="cat broke what reads it"):
        _kept(tmp_path, store, "cat")
    assert not list((tmp_path / "service" / "blobs").glob("??/*"))


@pytest.mark.skipif(landlock_version() < 1, reason="this kernel has no Landlock")
def test_a_reader_can_do_nothing_but_read(tmp_path):
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("a")
    file.with_name("other").write_text("a")
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, jail.__file__, str(file), str(folder)], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert run.stdout.splitlines() == ["read the file", "write the folder"]
