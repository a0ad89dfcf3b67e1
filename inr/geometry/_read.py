"""Reading meshes: which format a file has is told by its content, and by its name where that says nothing."""

import re
from pathlib import Path

from inr._errors import InrError
from inr.geometry._gltf import parse_glb
from inr.geometry._mesh import Mesh
from inr.geometry._obj import parse_obj
from inr.geometry._off import parse_off
from inr.geometry._ply import parse_ply
from inr.geometry._points import OrientedPoints, parse_xyz
from inr.geometry._stl import is_stl, parse_stl

_PARSERS = {"glb": parse_glb, "ply": parse_ply, "off": parse_off, "stl": parse_stl, "obj": parse_obj, "xyz": parse_xyz}
_OFF_MAGIC = (b"OFF", b"COFF", b"NOFF", b"CNOFF", b"STOFF")
# what parsers stumble over
_DAMAGED = (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


def shape_format(name: str, head: bytes, size: int) -> str | None:
    """The format of a file of a mesh or of points.

    Args:
        name: of the file.
        head: its first bytes.
        size: of the file, in bytes.

    Returns:
        "glb", "ply", "off", "stl", "obj" or "xyz"; None for other files.

    >>> inr.geometry.shape_format("cube.off", b"OFF 8 12 0", 200)
    'off'
    """
    if head.startswith(b"glTF"):
        return "glb"
    if head.startswith((b"ply\n", b"ply\r")):
        return "ply"
    if head.split(None, 1)[:1] and head.split(None, 1)[0] in _OFF_MAGIC:
        return "off"
    suffix = Path(name).suffix.lower()
    if is_stl(head, size):
        return "stl"
    if suffix == ".stl" and not re.match(rb"\s*solid\b", head):  # binary, and not of the length that it says
        return "stl"
    if suffix in (".obj", ".xyz") and b"\0" not in head:
        return suffix[1:]
    return None


def read_shape(path: Path, form: str) -> Mesh | OrientedPoints:
    """The mesh in a file, or its points where there are no faces.

    Args:
        path: of the file.
        form: as `shape_format` has it.

    Raises:
        InrError: the file is damaged, or holds neither.
    """
    try:
        return _PARSERS[form](path.read_bytes())
    except InrError as error:
        raise InrError(f"{path}: {error}") from None
    except _DAMAGED as error:
        raise InrError(f"{path} is damaged, or no {form.upper()} file: {error}") from None
