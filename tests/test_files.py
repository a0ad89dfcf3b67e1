"""Files are replaced whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from inr._errors import InrError
from inr._files import check_writable, replacing

pytestmark = pytest.mark.quick


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("force", [False, True])
def test_a_new_file_appears_whole(tmp_path, force):
    path = tmp_path / "a.png"
    with replacing(path, force=force) as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["a.png"]


def test_an_existing_file_is_kept_unless_forced(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(InrError, match=r"a\.png exists; choose another name, or overwrite it with --force"):
        check_writable(path)
    with pytest.raises(InrError, match="exists"), replacing(path):
        pytest.fail("nothing may be written")
    assert path.read_bytes() == b"old"
    with replacing(path, force=True) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.png"]


def test_a_file_that_came_to_be_meanwhile_is_kept(tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(InrError, match="exists"), replacing(path) as temporary:
        temporary.write_bytes(b"mine")
        path.write_bytes(b"theirs")
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("bug"), InrError("said already")])
def test_whatever_ends_the_writing_the_old_file_stays(tmp_path, error):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    kind = error if isinstance(error, type) else type(error)
    with pytest.raises(kind), replacing(path, force=True) as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "the disk is full; free some space"), (errno.EIO, "Input/output error"), (errno.EDQUOT, "quota")],
)
def test_a_failing_file_system_is_one_line(tmp_path, code, words):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(InrError, match=rf"cannot write .*a\.png: .*{words}"), replacing(path, force=True):
        raise OSError(code, os.strerror(code))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_really_full_disk(tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(InrError, match="the disk is full"), replacing(path), Path("/dev/full").open("wb") as file:
        file.write(b"x" * 100_000)
        file.flush()
    assert names(tmp_path) == []


def test_a_writer_that_wrote_nothing_is_no_file(tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(InrError, match=r"cannot write .*a\.png"), replacing(path) as temporary:
        temporary.unlink()
    assert names(tmp_path) == []


def test_a_directory_or_a_missing_folder_is_refused_early(tmp_path):
    with pytest.raises(InrError, match="is a directory; give a file name inside it"):
        check_writable(tmp_path, force=True)
    with pytest.raises(InrError, match="does not exist; create it first"):
        check_writable(tmp_path / "nowhere" / "a.png")


def test_a_folder_that_cannot_be_written_is_refused_early(tmp_path, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("inr._files.tempfile.TemporaryFile", refuse)
    with pytest.raises(InrError, match=r"cannot write .*a\.png: Permission denied"):
        check_writable(tmp_path / "a.png")


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("force", [False, True])
def test_permissions_are_those_of_any_new_file(tmp_path, force):
    usual = tmp_path / "usual"
    usual.touch()
    path = tmp_path / "a.png"
    with replacing(path, force=force) as temporary:
        temporary.touch()
    assert path.stat().st_mode == usual.stat().st_mode


def test_a_file_system_without_hard_links(tmp_path, monkeypatch):
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "a.png"
    with replacing(path) as temporary:
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["a.png"]


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.png", tmp_path / "link.png"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with replacing(link, force=True) as temporary:
        temporary.write_bytes(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["link.png", "target.png"]


def test_an_overwritten_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "a.png"
    path.touch()
    path.chmod(0o600)
    with replacing(path, force=True) as temporary:
        temporary.write_bytes(b"new")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no /dev/null on this system")
def test_a_device_is_never_replaced():
    with pytest.raises(InrError, match="is not a regular file"):
        check_writable(Path("/dev/null"), force=True)


def test_a_long_name_is_no_obstacle_and_too_long_a_name_is_one_line(tmp_path):
    path = tmp_path / ("a" * 250 + ".png")
    with replacing(path) as temporary:
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    with pytest.raises(InrError, match="cannot write"):
        check_writable(tmp_path / ("a" * 300))
    with pytest.raises(InrError, match="cannot write"), replacing(tmp_path / ("a." + "b" * 240)):
        pytest.fail("its temporary name is too long")


def test_a_link_to_itself_is_one_line(tmp_path):
    path = tmp_path / "a.png"
    path.symlink_to(path)
    with pytest.raises(InrError), replacing(path) as temporary:
        temporary.write_bytes(b"whole")
    assert names(tmp_path) == ["a.png"]
