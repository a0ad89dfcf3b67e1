"""Fitting sets: what is taken for signals, what is refused, and that nothing is lost by whatever ends a run."""

import errno
import json
import os
import signal as posix_signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inr
from inr._errors import InrError, InrWarning
from inr.sets import fit_many, load_set

TINY = {"network": "mlp:depth=1,width=8", "activation": "sine:omega=5", "encoding": "identity", "steps": 3}


def waves(count: int = 7, shape: tuple[int, ...] = (6, 6)) -> list[np.ndarray]:
    y, x = np.indices(shape[:2])
    return [
        np.broadcast_to((127 + 90 * np.sin((x + k * y) / 3)).reshape(*shape[:2], *[1] * (len(shape) - 2)), shape)
        .astype(np.uint8).copy() for k in range(count)
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path) -> Path:
    """Seven pictures in a folder, of which two are in folders of their own."""
    (tmp_path / "pics" / "cats").mkdir(parents=True)
    (tmp_path / "pics" / ".hidden").mkdir()
    for place, pixels in enumerate(waves()):
        Image.fromarray(pixels).save(tmp_path / "pics" / ("cats" if place < 2 else "") / f"{place}.png")
    (tmp_path / "pics" / ".hidden" / "x.png").write_bytes(b"")
    (tmp_path / "pics" / "old.inr").write_bytes(b"")
    return tmp_path / "pics"


def test_a_field_depends_on_its_signal_and_name_only():
    names = list("abcdefg")
    whole = fit_many(waves(), names=names, workers=2, block=3, **TINY)
    some = fit_many({name: waves()[names.index(name)] for name in "fbd"}, workers=1, **TINY)
    np.testing.assert_array_equal(some.weights(), whole.weights()[[5, 1, 3]])


def test_starts_are_shared_or_own_or_given():
    shared, own = (fit_many([waves()[0]] * 2, init=init, **TINY).weights() for init in ("shared", "own"))
    assert np.abs(shared[0] - shared[1]).max() < 0.1 < np.abs(own[0] - own[1]).max()
    field = fit_many(waves(1), **TINY)[0]
    begun = fit_many(waves(1), init=field, steps=3)
    assert begun.config == field.config()
    assert begun.psnr[0] > inr.fitting.whole_psnr(field, inr.from_array(waves(1)[0]).measured_as("point"))


def test_signals_come_in_many_forms(folder):
    expected = fit_many(waves(), **TINY)
    assert expected.names == tuple(f"{place:06d}" for place in range(7))
    signals = [inr.from_array(each) for each in waves()]
    for form in (np.stack(waves()), signals, iter(waves()), (each for each in signals), tuple(waves())):
        np.testing.assert_array_equal(fit_many(form, **TINY).weights(), expected.weights())
    paths = sorted(folder.rglob("[0-9].png"))
    listed = fit_many(paths, **TINY)
    assert listed.names == ("2.png", "3.png", "4.png", "5.png", "6.png", "cats/0.png", "cats/1.png")
    np.testing.assert_array_equal(fit_many(map(str, paths), names=listed.names, **TINY).weights(), listed.weights())


def test_wide_arrays_are_narrowed_where_nothing_is_lost():
    whole = fit_many(np.stack(waves(2)).astype(np.float64), **TINY)  # without a remark on steps one by one
    assert whole[0].domain.dtype == "float32"
    with pytest.warns(InrWarning, match="step by step"):
        assert fit_many([waves(1)[0] / 7], **TINY)[0].domain.dtype == "float64"


def test_folders_of_files_give_names_and_labels(folder):
    found = fit_many(folder, **TINY)
    assert found.names == ("2.png", "3.png", "4.png", "5.png", "6.png", "cats/0.png", "cats/1.png")
    assert found.labels == (None,) * 5 + ("cats",) * 2
    assert fit_many(folder, labels={"2.png": 7}, **TINY).labels == (7, *[None] * 6)


def test_samples_alone_are_learned_unless_asked_otherwise():
    field = fit_many(waves(1), **TINY)[0]
    assert field.domain.sampling == "point"
    assert field.fit["lattice_only"] is True


def test_signals_may_differ_in_size():
    found = fit_many([waves(1, (5, 8))[0], waves(1, (9, 4))[0]], **TINY)
    assert [field.render().shape for field in found] == [(5, 8, 1), (9, 4, 1)]


def test_large_signals_make_small_blocks(monkeypatch):
    monkeypatch.setattr("inr.sets._fit_many._MOST_SAMPLES", 80)  # of 36 each
    assert fit_many(waves(), **TINY).counts.tolist() == [2, 2, 2, 1]


def test_values_may_be_mapped_as_wanted():
    assert fit_many(waves(1), value_range=(0.0, 510.0), **TINY)[0].domain.values.high == (510.0,)


@pytest.mark.parametrize(
    ("signals", "options", "words"),
    [
        ([], {}, "no signals"),
        (iter([]), {}, "no signals"),
        (3, {}, "a folder, a list or an iterator"),
        ("nowhere", {}, "nowhere is no folder"),
        (waves(2), {"names": ["a"]}, "2 signals and 1 names"),
        (waves(2), {"names": ["a", "a"]}, "two signals are called 'a'"),
        (iter(waves(2)), {"names": ["a", "a"]}, "two signals are called 'a'"),
        (iter(waves(2)), {"names": ["a"]}, "more signals than the 1 names"),
        (waves(2), {"names": ["a", "\ud800"]}, "no UTF-8"),
        (waves(2), {"names": ["a", ""]}, "a name is a word"),
        (waves(2), {"labels": [1]}, "2 signals and 1 labels"),
        (waves(2), {"labels": [1, 2.5]}, "whole number, not 2.5"),
        (waves(2), {"labels": {"c": 1}}, "label for 'c'"),
        ({"a": waves(1)[0]}, {"names": ["a"]}, "leave out names"),
        (waves(2), {"workers": 0}, "from 1 to 256"),
        (waves(2), {"block": 0}, "at least 1 field"),
        (waves(2), {"seed": -1}, "seed"),
        (waves(2), {"init": "same"}, "shared or own, not 'same'"),
        (waves(2), {"resume": True}, "give out as well"),
        (waves(2), {"psnr": -3.0}, "target"),
        (waves(2), {"nodata": 0.0, "activation": "sinus"}, "unknown activation"),
        ([waves(1)[0], waves(1, (6, 6, 3))[0], waves(1)[0]], {},
         "2 kinds.*pictures of 1 channel: 2, as 000000; pictures of 3 channels: 1, as 000001"),
        (iter([waves(1)[0], np.zeros((2, 3, 4, 5))]), {}, "pictures of 1 channel.*arrays of"),
    ],
)  # fmt: skip
def test_what_makes_no_set_is_refused_in_one_line(signals, options, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InrError, match=words) as raised:
        fit_many(signals, **{**TINY, **options})
    assert "\n" not in str(raised.value)


def test_one_signal_is_no_set():
    with pytest.raises(InrError, match=r"inr\.fit fits one"):
        fit_many(inr.from_array(waves(1)[0]))


def test_empty_folders_are_refused(tmp_path):
    with pytest.raises(InrError, match="has no files to fit"):
        fit_many(tmp_path)


def test_what_cannot_be_read_is_left_out_and_told(folder):
    whole = fit_many(folder, **TINY)
    (folder / "4.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (folder / "cats" / "0.png").write_bytes(b"")
    with pytest.warns(InrWarning, match=r"2 signals could not be read.*4\.png, cats/0\.png"):
        found = fit_many(folder, block=2, **TINY)
    assert [name for name, _ in found.unread] == ["4.png", "cats/0.png"]
    assert "0 bytes" in found.unread[1][1]
    assert found.names == ("2.png", "3.png", "5.png", "6.png", "cats/1.png")
    np.testing.assert_array_equal(found.weights(), whole.weights()[[0, 1, 3, 4, 6]])


def test_nothing_that_can_be_read(folder):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"?")
    with pytest.raises(InrError, match=r"none of the 7 files of .*2\.png"):
        fit_many(folder, **TINY)


def test_fits_that_diverge_are_named():
    with pytest.warns(InrWarning, match=r"2 of 2 fits diverged.*: a, b;"):
        found = fit_many(waves(2), names=["a", "b"], **{**TINY, "steps": 60}, learning_rate=1e38)
    assert found.reasons == ("diverged", "diverged")


def test_what_a_run_tells_of_itself():
    seen = []
    fit_many(waves(), block=3, progress=seen.append, **TINY)
    assert (seen[-1].done, seen[-1].total, seen[-1].kept) == (7, 7, 0)
    assert [each.done for each in seen] == sorted(each.done for each in seen)


# going on

KILLED = """
import os, signal, sys
from pathlib import Path
from inr.sets import fit_many
from tests.sets.test_fit_many import TINY, waves

def die(course):
    # a field is done somewhat before its block is kept
    if len(list(Path(sys.argv[1] + ".blocks").glob("*.rows.inr"))) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

fit_many(waves(), labels=range(7), block=3, out=sys.argv[1], progress=die, **TINY)
"""


@pytest.mark.long
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, root):
    fit_many(waves(), labels=range(7), block=3, workers=2, out=tmp_path / "whole.inr", **TINY)
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "set.inr"], env=environment, check=False)
    assert killed.returncode == -posix_signal.SIGKILL
    kept = sorted((tmp_path / "set.inr.blocks").glob("*.rows.inr"))
    assert (len(kept), (tmp_path / "set.inr").exists()) == (2, False)
    seen = []
    found = fit_many(
        waves(), labels=range(7), block=3, out=tmp_path / "set.inr", resume=True, progress=seen.append, **TINY
    )
    assert seen[-1].kept == 6
    assert (tmp_path / "set.inr").read_bytes() == (tmp_path / "whole.inr").read_bytes()
    assert len(found) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set.inr", "whole.inr"]


def interrupted(path: Path, after: int = 3, **options: object) -> None:
    """A run that is interrupted once so many fields are done."""

    def interrupt(course: inr.sets.SetProgress) -> None:
        if course.done == after:
            posix_signal.raise_signal(posix_signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit_many(waves(), block=3, out=path, progress=interrupt, **{**TINY, **options})


def test_an_interrupted_run_keeps_its_blocks(tmp_path):
    path = tmp_path / "set.inr"
    whole = fit_many(waves(), block=3, **TINY)
    interrupted(path)
    with pytest.raises(InrError, match=r"holds an unfinished set; go on with --resume"):
        fit_many(waves(), block=3, out=path, **TINY)
    with pytest.raises(InrError, match=r"in another way \(steps was 3, is 4\)"):
        fit_many(waves(), block=3, out=path, resume=True, **{**TINY, "steps": 4})
    changed = waves()
    changed[1][2, 3] ^= 64
    seen = []
    found = fit_many(changed, block=3, out=path, resume=True, progress=seen.append, **TINY)
    assert seen[-1].kept == 0  # the block with the changed signal is made anew
    different = (found.weights() != whole.weights()).any(axis=1)
    assert different.tolist() == [False, True, *[False] * 5]
    assert [path.name for path in tmp_path.iterdir()] == ["set.inr"]


def test_force_begins_afresh_and_leaves_other_files_alone(tmp_path):
    path = tmp_path / "set.inr"
    interrupted(path)
    (tmp_path / "set.inr.blocks" / "mine.txt").write_text("keep")
    fit_many(waves(), block=3, out=path, force=True, **TINY)
    assert [each.name for each in (tmp_path / "set.inr.blocks").iterdir()] == ["mine.txt"]


def test_a_damaged_block_is_made_anew(tmp_path):
    path = tmp_path / "set.inr"
    interrupted(path)
    (kept,) = (tmp_path / "set.inr.blocks").glob("*.rows.inr")
    data = bytearray(kept.read_bytes())
    data[-8] ^= 1
    kept.write_bytes(data)
    found = fit_many(waves(), block=3, out=path, resume=True, **TINY)
    np.testing.assert_array_equal(found.weights(), fit_many(waves(), **TINY).weights())


def test_nothing_to_go_on_with(tmp_path):
    with pytest.raises(InrError, match="nothing to resume"):
        fit_many(waves(), out=tmp_path / "set.inr", resume=True, **TINY)
    (tmp_path / "set.inr").write_bytes(b"")
    with pytest.raises(InrError, match="exists"):
        fit_many(waves(), out=tmp_path / "set.inr", **TINY)
    with pytest.raises(InrError, match="does not exist"):
        fit_many(waves(), out=tmp_path / "nowhere" / "set.inr", **TINY)


def test_a_full_disk_is_one_line_and_keeps_what_is_done(tmp_path, monkeypatch):
    from inr import container

    writes, write = [], container.write

    def full(path: Path, *rest: object, **options: object) -> None:
        writes.append(path)
        if len(writes) == 2:
            raise InrError(f"cannot write {path}: {inr._files.describe(OSError(errno.ENOSPC, ''))}")
        write(path, *rest, **options)

    monkeypatch.setattr("inr.container.write", full)
    with pytest.raises(InrError, match=r"the disk is full.*kept in .*set\.inr\.blocks: go on with --resume") as raised:
        fit_many(waves(), block=3, out=tmp_path / "set.inr", **TINY)
    assert "\n" not in str(raised.value)
    assert len(list((tmp_path / "set.inr.blocks").glob("*.rows.inr"))) == 1
    seen = []
    fit_many(waves(), block=3, out=tmp_path / "set.inr", resume=True, progress=seen.append, **TINY)
    assert seen[-1].kept == 3


@pytest.mark.long
def test_memory_holds_one_block(tmp_path, monkeypatch):
    """Signals of earlier blocks are let go of before later ones are read."""
    import gc
    import weakref

    alive: list[weakref.ref] = []

    def signals():
        for pixels in waves():
            gc.collect()
            assert sum(ref() is not None for ref in alive) <= 4  # a block of three, and the one that ends it
            signal = inr.from_array(pixels)
            alive.append(weakref.ref(signal))
            yield signal

    found = fit_many(signals(), block=3, out=tmp_path / "set.inr", **TINY)
    assert (len(found), len(alive)) == (7, 7)


def test_equal_sets_give_equal_bytes_whatever_the_workers(tmp_path):
    fit_many(waves(), block=3, workers=1, out=tmp_path / "one.inr", **TINY)
    fit_many(waves(), block=3, workers=3, out=tmp_path / "three.inr", **TINY)
    assert (tmp_path / "one.inr").read_bytes() == (tmp_path / "three.inr").read_bytes()
    fit_many(waves(), block=3, **TINY).save(tmp_path / "memory.inr")
    assert (tmp_path / "one.inr").read_bytes() == (tmp_path / "memory.inr").read_bytes()


def test_the_file_holds_no_time(tmp_path):
    found = fit_many(waves(2), out=tmp_path / "set.inr", **TINY)
    assert set(json.loads(json.dumps(found.header))) == {
        "set", "domain", "field", "fit", "formula", "layout", "parameters",
    }  # fmt: skip
    assert load_set(tmp_path / "set.inr").header["set"] == {"format": 1, "inr": inr.__version__}
