"""Bad input through the command line: status 2, one line, nothing created, nothing lost."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inr.container import loads
from tests.cli.clirun import QUICK, contents, one_line

pytestmark = pytest.mark.quick


@pytest.fixture
def refused(inr_cli, tmp_path):
    """Run a command that must be refused in one line holding certain words, with every file left as it was."""

    def check(*args, words):
        before = contents(tmp_path)
        run = inr_cli(*args)
        assert run.status == 2
        line = one_line(run.err)
        for word in words:
            assert word in line
        assert run.out == ""
        assert contents(tmp_path) == before
        return line

    return check


def _png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


def _wav(samples: int) -> bytes:
    data = bytes(2 * samples)
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _cut_photo(folder: Path) -> None:
    data = (folder / "photo.png").read_bytes()
    (folder / "bad.png").write_bytes(data[: len(data) // 2])


def _single_frame(folder: Path) -> None:
    (folder / "frames").mkdir()
    Image.new("RGB", (9, 7)).save(folder / "frames" / "0001.png")


# what makes the file, its name, and what the line must say
FILES = {
    "missing": (lambda folder: None, "missing.png", ("missing.png", "does not exist")),
    "directory": (lambda folder: (folder / "folder").mkdir(), "folder", ("folder", "directory")),
    "empty": (lambda folder: (folder / "bad.png").touch(), "bad.png", ("bad.png", "empty")),
    "truncated PNG": (_cut_photo, "bad.png", ("bad.png", "damaged or cut short")),
    "truncated WAV": (
        lambda folder: (folder / "bad.wav").write_bytes(_wav(500)[:700]), "bad.wav", ("bad.wav", "cut short"),
    ),
    "text": (lambda folder: (folder / "bad.png").write_text("hello"), "bad.png", ("bad.png", "text file")),
    "huge claim": (
        lambda folder: (folder / "bad.png").write_bytes(_png(60_000, 60_000)), "bad.png", ("60000", "GiB"),
    ),
    "1-sample audio": (
        lambda folder: (folder / "bad.wav").write_bytes(_wav(1)), "bad.wav", ("bad.wav", "single sample"),
    ),
    "1-frame video": (_single_frame, "frames", ("frames", "one frame")),
    "NaN": (lambda folder: np.save(folder / "bad.npy", [np.nan, np.nan]), "bad.npy", ("bad.npy", "missing")),
    "Inf": (lambda folder: np.save(folder / "bad.npy", [1.0, np.inf]), "bad.npy", ("bad.npy", "infinite")),
    "complex": (lambda folder: np.save(folder / "bad.npy", [1j, 2.0]), "bad.npy", ("bad.npy", "real")),
    "object": (
        lambda folder: np.save(folder / "bad.npy", np.array([1, None]), allow_pickle=True),
        "bad.npy",
        ("bad.npy", "real"),
    ),
    "zero length": (lambda folder: np.save(folder / "bad.npy", np.zeros((0, 4))), "bad.npy", ("no samples",)),
    "five axes": (lambda folder: np.save(folder / "bad.npy", np.zeros((2,) * 5)), "bad.npy", ("1 to 4 axes",)),
    "lengths": (
        lambda folder: np.savez(folder / "bad.npz", coords=np.random.rand(10, 2), values=np.zeros(9)),  # noqa: NPY002
        "bad.npz",
        ("10 coords", "9 values"),
    ),
    "a field": (
        lambda folder: (folder / "bad.inr").write_bytes(b"\x89INR\x01"), "bad.inr", ("the signal itself", "inr render"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_signals_that_cannot_be_read(name, refused, photo):
    make, path, words = FILES[name]
    make(photo.parent)
    refused("fit", path, *QUICK, words=words)


# options, and what the line must say
OPTIONS = {
    "unknown encoding": (("--encoding", "hsh"), ("unknown encoding 'hsh'", "did you mean 'hash'")),
    "unknown activation": (("--activation", "sin"), ("did you mean 'sine'",)),
    "unknown network": (("--network", "mlq"), ("did you mean 'mlp'",)),
    "unknown teacher": (("--teacher", "unifrom"), ("did you mean 'uniform'",)),
    "unknown engine": (("--engine", "eagre"), ("did you mean 'eager'",)),
    "an engine not there": (("--engine", "tcnn"), ("'tcnn' is not available", "conda install")),
    "unknown parameter": (("--encoding", "hash:level=3"), ("no parameter 'level'", "did you mean 'levels'")),
    "out of range": (("--encoding", "hash:levels=99"), ("levels must be 1 to 32", "99")),
    "wrong type": (("--network", "mlp:depth=two"), ("depth must be a whole number", "two")),
    "not a spec": (("--network", "mlp:depth"), ("not key=value",)),
    "no steps": (("--steps", "0"), ("0 steps",)),
    "not a number": (("--steps", "many"), ("--steps", "integer", "inr fit --help")),
    "no seconds": (("--seconds", "-3"), ("-3 seconds",)),
    "seconds that are none": (("--seconds", "nan"), ("nan seconds",)),
    "a target beyond float32": (("--psnr", "500"), ("500 dB",)),
    "fewer steps than SAPE needs": (("--encoding", "sape", "--steps", "3"), ("needs at least", "steps")),
    "no batch": (("--batch", "0"), ("at least 1 sample",)),
    "no rate": (("--lr", "fast"), ("--lr fast",)),
    "a negative rate": (("--lr", "-1"), ("positive",)),
    "a rate of nothing": (("--encoding", "identity", "--lr", "encoding=1e-2"), ("'encoding'", "network")),
    "a rate twice": (("--lr", "network=1,network=2"), ("each part once",)),
    "schedule": (("--schedule", "linear"), ("cosine, exponential, constant",)),
    "seed": (("--seed", "-1"), ("seed", "-1")),
    "checkpoints": (("--checkpoint-every", "-1"), ("--checkpoint-every",)),
    "both sheets": (("--comparison", "a.png", "--no-comparison"), ("contradict",)),
    "no PNG": (("--comparison", "a.jpg"), ("PNG", "a.png")),
    "unknown option": (("--encodign", "hash"), ("unknown option --encodign", "did you mean --encoding")),
    "a second signal": (("other.png",), ("other.png",)),
    "no folder": (("-o", "nowhere/a.inr"), ("nowhere", "does not exist")),
    "under a file": (("-o", "photo.png/a.inr"), ("photo.png",)),
    "in /proc": (("-o", "/proc/a.inr"), ("/proc",)),
    "a folder as output": (("-o", "."), ("directory",)),
    "events nowhere": (("--events", "nowhere/log.jsonl"), ("nowhere",)),
    "no PNG of the teacher": (("--teacher-map", "a.jpg"), ("PNG", "a.png")),
    "sheet nowhere": (("--comparison", "nowhere/a.png"), ("nowhere",)),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_make_no_sense(name, refused, photo):
    options, words = OPTIONS[name]
    quick = ("--no-comparison",) if "--comparison" not in options else ()
    budget = () if {"--steps", "--seconds", "--psnr"} & set(options) else ("--steps", "20")
    refused("fit", "photo.png", *budget, *quick, *options, words=words)


def test_a_file_that_may_not_be_read(refused, photo, monkeypatch):
    import inr

    def forbid(path, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(inr, "open", forbid, raising=False)
    refused("fit", "photo.png", *QUICK, words=("photo.png", "Permission denied"))


def test_memory_that_is_not_there(refused, photo, monkeypatch):
    def exhausted(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("inr.compression.fit_options.make_fitter", exhausted)
    refused("fit", "photo.png", *QUICK, words=("not enough memory",))


def test_an_interrupt_while_reading(inr_cli, photo, monkeypatch):
    import inr

    def interrupted(path, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(inr, "open", interrupted, raising=False)
    run = inr_cli("fit", "photo.png", *QUICK)
    assert run.status == 130
    assert one_line(run.err) == "interrupted"
    assert set(contents(photo.parent)) == {"photo.png"}


@pytest.mark.parametrize("command", [("frobnicate",), ("fti", "photo.png"), ("--verzion",), ("fit",), ("render",)])
def test_usage_errors(command, refused):
    line = refused(*command, words=("--help",))
    if command[0] == "fti":
        assert "'fit'" in line
    if command[0] == "--verzion":
        assert "--version" in line


COMMANDS = {"info": ("info", "bad.inr"), "render": ("render", "bad.inr"), "resume": ("fit", "photo.png", "--resume")}


@pytest.mark.parametrize("command", ["info", "render"])
def test_damaged_fields_are_named_by_section(command, refused, field_file):
    data = field_file.read_bytes()
    parts = loads(data)
    network = parts.header_size
    bad = field_file.with_name("bad.inr")
    for changed, words in (
        (b"", ("empty",)),
        (data[:8], ("header",)),
        (data[: network - 3], ("header",)),
        (data[:-1], ("section 'network'", "truncated")),
        (data + b"x", ("1 bytes follow",)),
        (b"hello, world", ("not an .inr file",)),
    ):
        bad.write_bytes(changed)
        refused(*COMMANDS[command], words=(*words, "bad.inr"))


def test_any_flipped_byte_names_the_section(refused, field_file):
    data = field_file.read_bytes()
    start = loads(data).header_size
    places = [*range(0, start, 7), start, (start + len(data)) // 2, len(data) - 1]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 0x10
        field_file.with_name("bad.inr").write_bytes(changed)
        word = "header" if place < start else "section 'network'"
        refused("info", "bad.inr", words=(word, "bad.inr"))


def test_a_field_from_a_newer_version(refused, field_file):
    data = bytearray(field_file.read_bytes())
    version, length = 255, int.from_bytes(data[5:9], "little")
    body = bytes(data[13 : 13 + length])
    checksum = zlib.crc32(body, zlib.crc32(struct.pack("<BI", version, length)))
    data[4:13] = struct.pack("<BII", version, length, checksum)
    field_file.with_name("bad.inr").write_bytes(data)
    for command in (("info", "bad.inr"), ("render", "bad.inr")):
        refused(*command, words=("newer version", "pip install -U inr"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--size", "10"), ("each of the axes x, y", "WIDTHxHEIGHT")),
        (("--size", "0x10"), ("positive",)),
        (("--size", "bigxbig"), ("--size", "WIDTHxHEIGHT")),
        (("--size", "99999x99999"), ("GB", "--box")),
        (("--scale", "0"), ("--scale", "positive")),
        (("--scale", "nan"), ("--scale", "positive")),
        (("--size", "10x10", "--scale", "2"), ("contradict",)),
        (("--box", "0:1"), ("each of the axes x, y",)),
        (("--box", "0:2,0:1"), ("-1 <= low < high <= 1",)),
        (("--box", "1:0,0:1"), ("-1 <= low < high <= 1",)),
        (("--box", "a:b,0:1"), ("x0:x1,y0:y1",)),
        (("-o", "out.wav"), ("image is written as", ".png")),
        (("-o", "nowhere/out.png"), ("nowhere", "does not exist")),
        (("-o", "photo.png"), ("photo.png exists", "--force")),
    ],
)
def test_renders_that_make_no_sense(options, words, refused, field_file):
    refused("render", "photo.inr", *options, words=words)


def test_parts_that_are_not_there(refused):
    refused("parts", "flavour", words=("'flavour' is neither a kind of part nor a part", "encoding"))
    refused("parts", "fouriers", words=("did you mean 'fourier'",))
    refused("parts", "encoding", "hsh", words=("did you mean 'hash'",))
