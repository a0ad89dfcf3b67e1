"""Meshes that are written come back as they were, through our readers and through trimesh."""

import numpy as np
import pytest

import inr
from inr.geometry import Mesh, marching_cubes, read_shape, sample_surface, write_mesh
from tests.geometry.solids import torus

_SUFFIXES = (".ply", ".obj", ".stl", ".glb")


@pytest.fixture(scope="module")
def mesh():
    vertices, faces = marching_cubes(torus, 24, bound=1.0)
    colours = np.random.default_rng(0).integers(0, 256, (len(vertices), 3), np.uint8)
    return Mesh(vertices, faces, Mesh(vertices, faces).vertex_normals, colours)


def _corners(mesh):
    """The corners of every triangle, from the lowest one on, in order."""
    corners = np.round(np.asarray(mesh.vertices, np.float64), 6)[mesh.faces].reshape(-1, 9)
    return corners[np.lexsort(corners.T)]


@pytest.mark.parametrize("suffix", _SUFFIXES)
def test_our_readers_read_what_we_write(mesh, tmp_path, suffix):
    path = tmp_path / f"torus{suffix}"
    write_mesh(path, mesh)
    found = read_shape(path, suffix[1:])
    assert isinstance(found, Mesh)
    np.testing.assert_allclose(_corners(found), _corners(mesh), atol=2e-6)  # obj has nine digits


@pytest.mark.parametrize("suffix", _SUFFIXES)
def test_trimesh_reads_what_we_write(mesh, tmp_path, suffix):
    trimesh = pytest.importorskip("trimesh")
    path = tmp_path / f"torus{suffix}"
    write_mesh(path, mesh)
    found = trimesh.load(path, force="mesh", process=False)
    assert suffix == ".stl" or found.is_watertight  # which shares no vertices
    assert len(found.faces) == len(mesh.faces)
    assert found.volume == pytest.approx(mesh.volume, rel=1e-6)
    if suffix in (".ply", ".glb"):
        np.testing.assert_array_equal(found.visual.vertex_colors[:, :3], mesh.colours)


def test_normals_follow_the_vertices(mesh, tmp_path):
    """Where neither reader looks."""
    places = len(mesh.vertices) * 12
    write_mesh(tmp_path / "torus.glb", mesh)
    content = (tmp_path / "torus.glb").read_bytes()
    start = content.index(mesh.vertices.tobytes()) + places
    np.testing.assert_array_equal(np.frombuffer(content[start : start + places], "<f4"), mesh.normals.ravel())
    write_mesh(tmp_path / "torus.ply", mesh)
    body = (tmp_path / "torus.ply").read_bytes().partition(b"end_header\n")[2]
    rows = np.frombuffer(
        body, np.dtype([("place", "<f4", 3), ("normal", "<f4", 3), ("colour", "u1", 3)]), len(mesh.normals)
    )
    np.testing.assert_array_equal(rows["normal"], mesh.normals)


def test_vertices_of_64_bits_stay_what_they_are_in_ply(tmp_path):
    far = Mesh(np.array([[4e6, 0, 0], [4e6 + 1e-3, 0, 0], [4e6, 1e-3, 0], [4e6, 0, 1e-3]]), _TETRAHEDRON)
    write_mesh(tmp_path / "far.ply", far)
    np.testing.assert_array_equal(read_shape(tmp_path / "far.ply", "ply").vertices, far.vertices)


_TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def test_existing_files_and_unknown_suffixes_are_refused(mesh, tmp_path):
    path = tmp_path / "torus.ply"
    write_mesh(path, mesh)
    before = path.read_bytes()
    with pytest.raises(inr.InrError, match="exists"):
        write_mesh(path, mesh)
    with pytest.raises(inr.InrError, match=r"\.ply, \.obj, \.stl, \.glb"):
        write_mesh(tmp_path / "torus.fbx", mesh)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["torus.ply"]


def test_samples_lie_on_the_surface_in_proportion_to_area(mesh):
    count = 4000
    found = sample_surface(mesh, count, np.random.default_rng(0))
    corners = mesh.vertices[mesh.faces[found.faces]].astype(np.float64)
    heights = ((found.points - corners[:, 0]) * found.normals).sum(1)
    assert np.abs(heights).max() < 1e-6
    areas = np.linalg.norm(mesh.face_vectors, axis=1)
    upper = mesh.vertices[mesh.faces].mean(1)[:, 0] > 0.3
    share = areas[upper].sum() / areas.sum()
    # one point in each of as many shares of the area: an error of few points
    assert upper[found.faces].mean() == pytest.approx(share, abs=0.01)
