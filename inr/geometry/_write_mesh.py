"""Meshes to files: PLY and STL as binary, OBJ as text, glTF as one binary file."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from inr._errors import InrError
from inr._files import replacing
from inr._srgb import linear_light
from inr.geometry._mesh import Mesh

_AT_ONCE = 1 << 16  # rows that are made into bytes at a time


def mesh_format(path: str | os.PathLike[str]) -> str:
    """The suffix of a file that a mesh can be written to.

    Args:
        path: of the file.

    Raises:
        InrError: there is no such format.

    >>> inr.geometry.mesh_format("bunny.PLY")
    '.ply'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise InrError(f"meshes are written as {', '.join(_WRITERS)}, not '{suffix or path}'")
    return suffix


def write_mesh(path: str | os.PathLike[str], mesh: Mesh, *, force: bool = False) -> None:
    """Write a mesh in the format that the suffix names.

    Numbers are of 32 bits, but those of vertices in PLY, which are of 64 where the mesh's are, and in OBJ, which is
    text, with colours behind positions, as many programs have them. STL has neither normals of vertices nor colours.

    Args:
        path: .ply, .obj, .stl or .glb.
        mesh: with normals and colours or without.
        force: whether to overwrite an existing file.

    Raises:
        InrError: another suffix, an existing file without `force`, or a failure of the file system.
    """
    writer = _WRITERS[mesh_format(path)]
    with replacing(Path(path), force=force) as temporary, temporary.open("wb") as file:
        writer(file, mesh)


def _write_rows(file: IO[bytes], count: int, kind: list[tuple[Any, ...]], columns: dict[str, np.ndarray]) -> None:
    """Rows of a structure, from columns, some at a time."""
    for start in range(0, count, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, count))
        rows = np.zeros(part.stop - start, np.dtype(kind))
        for name, column in columns.items():
            rows[name] = column[part]
        file.write(rows.tobytes())


def _write_ply(file: IO[bytes], mesh: Mesh) -> None:
    number = "double" if mesh.vertices.dtype == np.float64 else "float"
    properties = [f"{number} {axis}" for axis in "xyz"]
    kind: list[tuple[Any, ...]] = [("vertex", "<f8" if number == "double" else "<f4", 3)]
    columns = {"vertex": mesh.vertices}
    if mesh.normals is not None:
        properties += [f"float n{axis}" for axis in "xyz"]
        kind.append(("normal", "<f4", 3))
        columns["normal"] = mesh.normals
    if mesh.colours is not None:
        properties += [f"uchar {name}" for name in ("red", "green", "blue")]
        kind.append(("colour", "u1", 3))
        columns["colour"] = mesh.colours
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(mesh.vertices)}"]
    header += [f"property {each}" for each in properties]
    header += [f"element face {len(mesh.faces)}", "property list uchar int vertex_indices", "end_header"]
    file.write(("\n".join(header) + "\n").encode())
    _write_rows(file, len(mesh.vertices), kind, columns)
    corners = {"count": np.broadcast_to(np.uint8(3), len(mesh.faces)), "face": mesh.faces}
    _write_rows(file, len(mesh.faces), [("count", "u1"), ("face", "<i4", 3)], corners)


def _write_stl(file: IO[bytes], mesh: Mesh) -> None:
    file.write(b"binary STL".ljust(80) + np.uint32(len(mesh.faces)).tobytes())
    for start in range(0, len(mesh.faces), _AT_ONCE):
        corners = mesh.vertices[mesh.faces[start : start + _AT_ONCE]].astype(np.float64)
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        columns = {"normal": normals / np.where(lengths > 0, lengths, 1), "corners": corners}
        _write_rows(file, len(corners), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("unused", "<u2")], columns)


def _write_obj(file: IO[bytes], mesh: Mesh) -> None:
    if mesh.colours is None:
        _write_lines(file, "v %.9g %.9g %.9g\n", mesh.vertices)
    else:
        rows = np.concatenate([mesh.vertices, mesh.colours / 255], 1)
        _write_lines(file, "v %.9g %.9g %.9g %.4g %.4g %.4g\n", rows)
    if mesh.normals is None:
        _write_lines(file, "f %d %d %d\n", mesh.faces.astype(np.int64) + 1)
        return
    _write_lines(file, "vn %.5g %.5g %.5g\n", mesh.normals)
    _write_lines(file, "f %d//%d %d//%d %d//%d\n", np.repeat(mesh.faces.astype(np.int64) + 1, 2, axis=1))


def _write_lines(file: IO[bytes], line: str, rows: np.ndarray) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        file.write((line * len(part) % tuple(part.ravel().tolist())).encode())


def _write_glb(file: IO[bytes], mesh: Mesh) -> None:
    """Binary glTF 2.0: a description as JSON, then the arrays."""
    vertices = mesh.vertices.astype("<f4")
    arrays = [(vertices, "VEC3", 5126, 34962)]  # what it is, float, and that it is of vertices
    attributes = {"POSITION": 0}
    if mesh.normals is not None:
        attributes["NORMAL"] = len(arrays)
        arrays.append((mesh.normals.astype("<f4"), "VEC3", 5126, 34962))
    if mesh.colours is not None:
        attributes["COLOR_0"] = len(arrays)
        light = np.ones((len(mesh.colours), 4), np.float32)  # which is what glTF has, and not its tones
        light[:, :3] = linear_light(np.arange(256) / 255)[mesh.colours]
        arrays.append(((light * 65535 + 0.5).astype("<u2"), "VEC4", 5123, 34962))
    arrays.append((mesh.faces.astype("<u4").reshape(-1, 1), "SCALAR", 5125, 34963))
    views, accessors, start = [], [], 0
    for place, (array, shape, number, target) in enumerate(arrays):
        views.append({"buffer": 0, "byteOffset": start, "byteLength": array.nbytes, "target": target})
        accessors.append({"bufferView": place, "componentType": number, "count": len(array), "type": shape})
        start += array.nbytes
    if len(vertices):
        accessors[0] |= {"min": vertices.min(0).tolist(), "max": vertices.max(0).tolist()}
    if mesh.colours is not None:
        accessors[attributes["COLOR_0"]]["normalized"] = True
    primitive = {"attributes": attributes, "indices": len(arrays) - 1}
    description = {
        "asset": {"version": "2.0", "generator": "inr"}, "scene": 0, "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}], "meshes": [{"primitives": [primitive]}], "buffers": [{"byteLength": start}],
        "bufferViews": views, "accessors": accessors,
    }  # fmt: skip
    text = json.dumps(description, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    file.write(b"glTF" + np.array([2, 12 + 8 + len(text) + 8 + start, len(text)], "<u4").tobytes() + b"JSON" + text)
    file.write(np.uint32(start).tobytes() + b"BIN\0")
    for array, *_ in arrays:
        file.write(np.ascontiguousarray(array).data)


_WRITERS: dict[str, Callable[[IO[bytes], Mesh], None]] = {
    ".ply": _write_ply,
    ".obj": _write_obj,
    ".stl": _write_stl,
    ".glb": _write_glb,
}
