"""Files of meshes and points: every format that is read, and what is no mesh."""

import json

import numpy as np
import pytest

from inr import InrError
from inr import geometry as g

_CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
_FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def read(path):
    data = path.read_bytes()
    return g.read_shape(path, g.shape_format(path.name, data[:4096], len(data)))


def obj():
    lines = [f"v {x} {y} {z} 0.5 0.25 1" for x, y, z in _CORNERS]
    return "\n".join(
        ["# a comment", "vn 0 0 1", *lines, "f 1/1/1 3/2/1 2/3/1", "f -4 -3 -1", "f 1//1 4//1 3//1", "f 2 3 4"]
    )


def off():
    rows = [" ".join(map(str, row)) for row in _CORNERS] + ["3 " + " ".join(map(str, row)) for row in _FACES]
    return "\n".join(["OFF", "4 4 0  # counts", *rows])


def text_stl():
    facets = [f"facet normal 0 0 0\nouter loop\n{corners(face)}\nendloop\nendfacet" for face in _FACES]
    return "\n".join(["solid", *facets, "endsolid"])


def corners(face):
    return "\n".join("vertex " + " ".join(map(str, _CORNERS[corner])) for corner in face)


def binary_stl():
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    rows = np.zeros(4, record)
    rows["corners"] = _CORNERS[_FACES]
    return bytes(80) + np.uint32(4).tobytes() + rows.tobytes()


def ply(form, *, mixed=False):
    order = ">" if "big" in form else "<"
    head = (
        f"ply\nformat {form} 1.0\ncomment c\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    )
    head += (
        f"property uchar flag\nelement face {3 if mixed else 4}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    faces = [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]] if not mixed else [[0, 2, 1], [0, 1, 3, 2], [1, 2, 3]]
    if form == "ascii":
        rows = [" ".join(map(str, [*row, 7])) for row in _CORNERS]
        return (head + "\n".join(rows + [" ".join(map(str, [len(face), *face])) for face in faces])).encode()
    vertex = np.dtype([("xyz", order + "f4", 3), ("flag", "u1")])
    table = np.zeros(4, vertex)
    table["xyz"] = _CORNERS
    lists = b"".join(bytes([len(face)]) + np.array(face, order + "i4").tobytes() for face in faces)
    return head.encode() + table.tobytes() + lists


def glb(scale=(1, 1, 1)):
    binary = _CORNERS.astype("<f4").tobytes() + _FACES.astype("<u2").tobytes()
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"children": [1], "translation": [1, 2, 3]}, {"mesh": 0, "scale": scale}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 48}, {"buffer": 0, "byteOffset": 48, "byteLength": 24}],
        "buffers": [{"byteLength": 72}],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = [(text, b"JSON"), (binary, b"BIN\0")]
    body = b"".join(len(data).to_bytes(4, "little") + kind + data for data, kind in chunks)
    return b"glTF" + (2).to_bytes(4, "little") + (12 + len(body)).to_bytes(4, "little") + body


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.obj", obj()),
        ("a.off", off()),
        ("a.stl", text_stl()),
        ("b.stl", binary_stl()),
        ("a.ply", ply("ascii")),
        ("b.ply", ply("binary_little_endian")),
        ("c.ply", ply("binary_big_endian")),
    ],
)
def test_a_tetrahedron_is_read_from_every_format(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    mesh = g.cleaned(read(path))
    assert (len(mesh.vertices), len(mesh.faces)) == (4, 4)
    assert g.count_edges(mesh) == (0, 0, 0)
    assert mesh.volume == pytest.approx(1 / 6)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_polygons_are_cut_into_triangles(tmp_path, form):
    (path := tmp_path / "a.ply").write_bytes(ply(form, mixed=True))
    assert len(read(path).faces) == 4


@pytest.mark.parametrize("scale", [(1, 1, 1), (2, 2, -2)])
def test_nodes_of_glb_place_their_meshes_and_mirrors_do_not_turn_them_inside_out(tmp_path, scale):
    (path := tmp_path / "a.glb").write_bytes(glb(scale))
    mesh = read(path)
    np.testing.assert_allclose(mesh.vertices, _CORNERS * scale + [1, 2, 3])
    assert mesh.volume == pytest.approx(abs(np.prod(scale)) / 6)


def test_colours_of_obj_are_read(tmp_path):
    (path := tmp_path / "a.obj").write_text(obj())
    assert read(path).colours[0].tolist() == [128, 64, 255]


def test_points_are_read_with_and_without_normals(tmp_path):
    (path := tmp_path / "a.xyz").write_text("0 0 0 0 0 1\n1 2 3 0 1 0\n")
    assert read(path).normals[1].tolist() == [0, 1, 0]
    path.write_text("0 0 0\n1 2 3\n")
    assert read(path).normals is None


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.obj", b"v 0 0 0\nv 1 0 0\n", "no faces"),
        ("a.obj", b"f 1 2 3\n", "no vertices"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 1 1 x\nf 1 2 3\n", "damaged"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n", "are not 3 vertices and 1 faces"),
        ("a.ply", ply("binary_little_endian")[:-30], "damaged|cut short"),
        (
            "a.ply",
            b"ply\nformat ascii 1.0\nelement vertex 999999999999\nproperty float x\nend_header\n0\n",
            "cut short",
        ),
        ("a.glb", glb()[:-40], "cut short"),
        ("a.xyz", b"0 0\n", "x y z"),
    ],
)
def test_what_is_no_mesh_is_refused_in_one_line(tmp_path, name, data, words):
    (path := tmp_path / name).write_bytes(data)
    with pytest.raises(InrError, match=words) as error:
        read(path)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))
