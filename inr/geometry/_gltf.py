"""Binary glTF 2.0, GLB."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from inr._errors import InrError
from inr._srgb import srgb_tones
from inr.geometry._mesh import Mesh

_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_DEEPEST = 64  # nodes within nodes; a file may not nest them without end


def parse_glb(data: bytes) -> Mesh:
    """The triangles of the scene, placed by its nodes, with the colours of vertices.

    Materials, skins and animations are passed over.
    """
    document, binary = _chunks(data)
    unknown = set(document.get("extensionsRequired", ())) - {"KHR_mesh_quantization", "KHR_materials_unlit"}
    if unknown:
        raise InrError(f"the file needs {', '.join(sorted(unknown))}, which inr does not read; export it without")
    vertices, faces, colours, count = [], [], list[np.ndarray | None](), 0
    for number, transform in _placed_meshes(document):
        for primitive in document["meshes"][number]["primitives"]:
            positions = _accessor(document, binary, primitive["attributes"]["POSITION"]).astype(np.float64)
            corners = _corners(document, binary, primitive, len(positions))
            if corners is None:
                continue
            vertices.append(positions @ transform[:3, :3].T + transform[:3, 3])
            mirrored = np.linalg.det(transform[:3, :3]) < 0
            faces.append(count + (corners[:, ::-1] if mirrored else corners))
            colours.append(_tones(document, binary, primitive["attributes"], len(positions)))
            count += len(positions)
    if not faces:
        raise InrError("there are no faces")
    return Mesh(np.concatenate(vertices), np.concatenate(faces), colours=_all_colours(colours, vertices))


def _tones(document: Mapping[str, Any], binary: bytes, attributes: Mapping[str, int], count: int) -> np.ndarray | None:
    """The colours of so many vertices, sRGB, uint8 (n, 3); None where they have none."""
    if "COLOR_0" not in attributes:
        return None
    light = _accessor(document, binary, attributes["COLOR_0"])[:, :3].astype(np.float64)
    if light.shape != (count, 3):
        raise InrError(f"there are {count:,} vertices, and colours of {len(light):,}")
    return (srgb_tones(light) * 255 + 0.5).astype(np.uint8)


def _all_colours(found: list[np.ndarray | None], vertices: list[np.ndarray]) -> np.ndarray | None:
    """The colours of all parts, white where one has none; None where none has."""
    if all(each is None for each in found):
        return None
    parts = zip(found, vertices, strict=True)
    return np.concatenate([np.full(there.shape, 255, np.uint8) if each is None else each for each, there in parts])


def _chunks(data: bytes) -> tuple[Mapping[str, Any], bytes]:
    """The description and the numbers that it speaks of."""
    found: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "little")
        if place + 8 + length > len(data):
            raise InrError("the file is cut short")
        found.setdefault(data[place + 4 : place + 8], data[place + 8 : place + 8 + length])
        place += 8 + length
    if b"JSON" not in found:
        raise InrError("there is no description of a scene")
    document = json.loads(found[b"JSON"])
    if not isinstance(document, dict):
        raise InrError("the description of the scene is no object")
    return document, found.get(b"BIN\0", b"")


def _placed_meshes(document: Mapping[str, Any]) -> list[tuple[int, np.ndarray]]:
    """The meshes of the scene, each with where it is placed, (4, 4)."""
    nodes = document.get("nodes", [])
    scenes = document.get("scenes", [])
    roots = scenes[document.get("scene", 0)].get("nodes", []) if scenes else range(len(nodes))
    waiting = [(root, np.eye(4), 0) for root in roots]
    found: list[tuple[int, np.ndarray]] = []
    passed = 0
    while waiting:
        number, above, depth = waiting.pop()
        passed += 1
        if depth > _DEEPEST or passed > len(nodes):  # a node has one parent at most
            raise InrError("nodes are nested without end")
        node = nodes[number]
        transform = above @ _transform(node)
        if "mesh" in node:
            found.append((node["mesh"], transform))
        waiting += [(child, transform, depth + 1) for child in node.get("children", ())]
    return found


def _transform(node: Mapping[str, Any]) -> np.ndarray:
    """Where a node is placed within the one above it, (4, 4)."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    found = np.eye(4)
    found[:3, :3] = rotation * np.asarray(node.get("scale", (1.0, 1.0, 1.0)), np.float64)
    found[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return found


def _corners(document: Mapping[str, Any], binary: bytes, primitive: Mapping[str, Any], count: int) -> np.ndarray | None:
    """The triangles of a primitive of so many positions, int64 (m, 3); None where it is made of points or lines."""
    mode = primitive.get("mode", _TRIANGLES)
    if mode not in (_TRIANGLES, _STRIP, _FAN):
        return None
    if "indices" in primitive:
        order = _accessor(document, binary, primitive["indices"])[:, 0].astype(np.int64)
    else:
        order = np.arange(count)
    if mode == _TRIANGLES:
        return order.reshape(-1, 3)
    step = np.arange(max(len(order) - 2, 0))
    if mode == _FAN:
        return order[np.stack((0 * step, step + 1, step + 2), 1)]
    return order[np.stack((step, step + 1 + step % 2, step + 2 - step % 2), 1)]


def _accessor(document: Mapping[str, Any], binary: bytes, number: int) -> np.ndarray:
    """The numbers of an accessor, (count, width), as they are stored."""
    accessor = document["accessors"][number]
    if "sparse" in accessor or "bufferView" not in accessor:
        raise InrError("sparse accessors are not read; export the mesh without")
    view = document["bufferViews"][accessor["bufferView"]]
    if "uri" in document["buffers"][view["buffer"]]:
        raise InrError("its numbers lie in another file; export it as one .glb")
    dtype, width, count = np.dtype(_TYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]], accessor["count"]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    stride = view.get("byteStride", dtype.itemsize * width)
    if (
        count < 1
        or start < 0
        or stride < dtype.itemsize * width
        or start + stride * (count - 1) + dtype.itemsize * width > len(binary)
    ):
        raise InrError("an accessor reaches beyond the file's numbers")
    found = np.ndarray((count, width), dtype, binary, start, (stride, dtype.itemsize))
    if not accessor.get("normalized"):
        return found
    return np.maximum(found / np.float64(np.iinfo(dtype).max), -1.0)
