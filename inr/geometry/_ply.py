"""Polygon File Format, PLY, binary and text."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.geometry._mesh import Mesh
from inr.geometry._points import OrientedPoints
from inr.geometry._polygons import triangulated

_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
_NORMAL, _COLOUR = ("nx", "ny", "nz"), ("red", "green", "blue")


@dataclass
class _Element:
    """What the header says of one kind of row; of a list the types of its length and of its numbers."""

    name: str
    count: int
    properties: list[tuple[str, str, str | None]] = field(default_factory=list)  # name, type, type of a list's length


def parse_ply(data: bytes) -> Mesh | OrientedPoints:
    """The mesh of a file; its points, with normals if it has them, where it has no faces."""
    end = data.find(b"end_header")
    if end < 0:
        raise InrError("the header has no end")
    form, elements = _header(data[:end].decode("ascii", "replace"))
    body = data[data.index(b"\n", end) + 1 :]
    rows = (
        _text_rows(body, elements)
        if form == "ascii"
        else _binary_rows(body, elements, "<" if "little" in form else ">")
    )
    columns = rows.get("vertex", {})
    if not all(axis in columns for axis in "xyz"):
        raise InrError("its vertices have no x, y and z")
    vertices = np.stack([columns[axis] for axis in "xyz"], 1).astype(np.float64)
    colours = None
    if all(name in columns and columns[name].dtype == np.uint8 for name in _COLOUR):
        colours = np.stack([columns[name] for name in _COLOUR], 1)
    lists = rows.get("face", {})
    name = next((name for name in ("vertex_indices", "vertex_index") if name in lists), None)
    if name is not None and len(lists[f"{name}:counts"]):
        corners = lists[name].astype(np.int64)
        return Mesh(vertices, triangulated(corners, lists[f"{name}:counts"]), colours=colours)
    if any(each.name == "tristrips" for each in elements):
        raise InrError("its triangles are strips, which are not read; export it with faces")
    normals = np.stack([columns[axis] for axis in _NORMAL], 1) if all(axis in columns for axis in _NORMAL) else None
    return OrientedPoints(vertices, normals)


def _header(text: str) -> tuple[str, list[_Element]]:
    form, elements = "", list[_Element]()
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["format"]:
            form = words[1]
        elif words[:1] == ["element"]:
            elements.append(_Element(words[1], int(words[2])))
        elif words[:1] == ["property"]:
            kind, count = (words[3], words[2]) if words[1] == "list" else (words[1], None)
            elements[-1].properties.append((words[-1], _TYPES[kind], None if count is None else _TYPES[count]))
    if form not in ("ascii", "binary_little_endian", "binary_big_endian") or any(each.count < 0 for each in elements):
        raise InrError("the header names no known format")
    return form, elements


def _binary_rows(body: bytes, elements: list[_Element], order: str) -> dict[str, dict[str, np.ndarray]]:
    """Columns by element and property; of lists the numbers in a row, and how many each has as "name:counts"."""
    found, place = {}, 0
    for element in elements:
        if any(count is not None for _, _, count in element.properties):
            found[element.name], place = _binary_lists(body, place, element, order)
            continue
        row = np.dtype([(name, order + kind) for name, kind, _ in element.properties])
        if place + row.itemsize * element.count > len(body):
            raise InrError("the file is cut short")
        table = np.frombuffer(body, row, element.count, place)
        found[element.name] = {name: table[name] for name, _, _ in element.properties}
        place += row.itemsize * element.count
    return found


def _binary_lists(body: bytes, place: int, element: _Element, order: str) -> tuple[dict[str, np.ndarray], int]:
    """The columns of an element that has lists, and where what follows begins."""
    # faces are nearly always triangles throughout: then all rows are alike, which is looked at first
    alike = np.dtype(
        [
            part
            for name, kind, count in element.properties
            for part in (
                [(name, order + kind)]
                if count is None
                else [(f"{name}:counts", order + count), (name, order + kind, 3)]
            )
        ]
    )
    if place + alike.itemsize * element.count <= len(body):
        table = np.frombuffer(body, alike, element.count, place)
        counts = [f"{name}:counts" for name, _, count in element.properties if count is not None]
        if all((table[name] == 3).all() for name in counts):
            return {
                str(name): table[name].ravel() for name in alike.names or ()
            }, place + alike.itemsize * element.count
    columns: dict[str, list[np.ndarray]] = {str(name): [] for name in alike.names or ()}
    for _ in range(element.count):
        for name, kind, count in element.properties:
            length = 1
            if count is not None:
                columns[f"{name}:counts"].append(np.frombuffer(body, order + count, 1, place))
                length = _length(columns[f"{name}:counts"][-1][0])
                place += np.dtype(count).itemsize
            columns[name].append(np.frombuffer(body, order + kind, length, place))
            place += np.dtype(kind).itemsize * length
    return {name: np.concatenate(parts) if parts else np.empty(0) for name, parts in columns.items()}, place


def _length(number: Any) -> int:
    """How many numbers a list has."""
    length = int(number)
    if length < 0:
        raise InrError(f"a list has {length} numbers")
    return length


def _text_rows(body: bytes, elements: list[_Element]) -> dict[str, dict[str, np.ndarray]]:
    """As `_binary_rows`, of text."""
    words = body.split()
    found, place = dict[str, dict[str, np.ndarray]](), 0
    for element in elements:
        if not any(count is not None for _, _, count in element.properties):
            width = len(element.properties)
            if place + width * element.count > len(words):
                raise InrError("the file is cut short")
            table = np.array(words[place : place + width * element.count], np.float64).reshape(-1, width)
            found[element.name] = {
                name: table[:, column].astype(kind) for column, (name, kind, _) in enumerate(element.properties)
            }
            place += width * element.count
            continue
        columns: dict[str, list[bytes]] = {}
        for _ in range(element.count):
            for name, _, count in element.properties:
                length = 1
                if count is not None:
                    columns.setdefault(f"{name}:counts", []).append(words[place])
                    length, place = _length(words[place]), place + 1
                columns.setdefault(name, []).extend(words[place : place + length])
                place += length
        if place > len(words):
            raise InrError("the file is cut short")
        found[element.name] = {name: np.array(column, np.float64).astype(np.int64) for name, column in columns.items()}
    return found
