"""Closest points, signs and winding numbers: closed forms, and libigl where it is installed."""

import numpy as np
import pytest

from inr import geometry as g

_DRAW = np.random.default_rng(0)


def cube():
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64) / 2
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    return g.Mesh(corners, g.triangulated(quads.ravel(), np.full(6, 4)))


def sphere(subdivisions=4, radius=0.7):
    """An icosahedron whose faces are cut into four, again and again, and moved to the sphere."""
    t = (1 + 5**0.5) / 2
    vertices = [(-1, t, 0), (1, t, 0), (-1, -t, 0), (1, -t, 0), (0, -1, t), (0, 1, t), (0, -1, -t), (0, 1, -t),
                (t, 0, -1), (t, 0, 1), (-t, 0, -1), (-t, 0, 1)]  # fmt: skip
    faces = [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6),
             (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10),
             (8, 6, 7), (9, 8, 1)]  # fmt: skip
    corners = np.array(vertices, np.float64)[np.array(faces)]
    for _ in range(subdivisions):
        a, b, c = corners.transpose(1, 0, 2)
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        corners = np.concatenate([np.stack(each, 1) for each in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    corners = np.round(corners / np.linalg.norm(corners, axis=2, keepdims=True), 12) * radius
    return g.cleaned(g.Mesh(corners.reshape(-1, 3), np.arange(corners.size // 3).reshape(-1, 3)))


def torus(major=0.55, minor=0.25, rings=96, sides=48):
    u, v = np.meshgrid(np.arange(rings) * 2 * np.pi / rings, np.arange(sides) * 2 * np.pi / sides, indexing="ij")
    ring = major + minor * np.cos(v)
    vertices = np.stack((ring * np.cos(u), ring * np.sin(u), minor * np.sin(v)), -1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rings), np.arange(sides), indexing="ij")
    k, m = (i + 1) % rings, (j + 1) % sides
    quads = np.stack((i * sides + j, k * sides + j, k * sides + m, i * sides + m), -1)
    return g.Mesh(vertices, g.triangulated(quads.ravel(), np.full(rings * sides, 4)))


def cube_distance(points):
    beyond = np.abs(points) - 0.5
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(1), 0)


def everywhere(count=2000):
    return _DRAW.uniform(-1, 1, (count, 3))


@pytest.mark.parametrize("signs", ["normals", "winding"])
def test_distances_to_a_cube_are_its_closed_form(signs):
    points = everywhere()
    found = g.SignedDistance(cube(), signs).at(points)
    np.testing.assert_allclose(found, cube_distance(points), atol=1e-12)


def test_points_in_line_with_edges_and_corners_have_the_right_sign():
    """Where the closest point is of several faces, which look to different sides."""
    lattice = np.stack(np.meshgrid(*[np.linspace(-1, 1, 9)] * 3), -1).reshape(-1, 3)
    lattice = lattice[np.abs(cube_distance(lattice)) > 1e-9]
    np.testing.assert_allclose(g.SignedDistance(cube()).at(lattice), cube_distance(lattice), atol=1e-12)


def test_a_fine_sphere_and_a_torus_are_near_their_closed_forms():
    points = everywhere()
    found = g.SignedDistance(sphere()).at(points)
    assert np.abs(found - (np.linalg.norm(points, axis=1) - 0.7)).max() < 2e-3  # the sagitta of its faces
    found = g.SignedDistance(torus()).at(points)
    ring = np.hypot(points[:, 0], points[:, 1]) - 0.55
    assert np.abs(found - (np.hypot(ring, points[:, 2]) - 0.25)).max() < 2e-3


def test_the_search_may_begin_anywhere():
    """A face that is named to be near, and the order of points, change nothing but the time."""
    mesh, points = torus(), everywhere(500)
    distances = g.SignedDistance(mesh)
    usual = distances.at(points)
    named = distances.at(points, _DRAW.integers(len(mesh.faces), size=len(points)))
    order = _DRAW.permutation(len(points))
    np.testing.assert_array_equal(named, usual)
    np.testing.assert_array_equal(distances.at(points[order]), usual[order])


def test_closest_points_lie_on_the_triangle_that_is_named():
    mesh, points = torus(rings=12, sides=8), everywhere(300)
    found = g.closest(g.build_tree(mesh.vertices[mesh.faces]), points)
    corners = mesh.vertices[mesh.faces[found.faces]]
    weights = np.linalg.lstsq(
        np.concatenate((corners[0].T, np.ones((1, 3)))), np.append(found.points[0], 1), rcond=None
    )[0]
    assert weights.min() > -1e-9
    np.testing.assert_allclose(np.linalg.norm(found.points - points, axis=1) ** 2, found.squared, rtol=1e-12)
    brute = np.min(
        [g.closest(g.build_tree(each[None]), points).squared for each in mesh.vertices[mesh.faces]], axis=0
    )  # fmt: skip
    np.testing.assert_allclose(found.squared, brute, rtol=1e-12)


def test_winding_numbers_of_a_cube_and_of_a_part_of_it():
    mesh = cube()
    inside, outside = _DRAW.uniform(-0.49, 0.49, (200, 3)), _DRAW.uniform(0.51, 1, (200, 3))
    for exact in (True, False):
        distances = g.SignedDistance(mesh)
        np.testing.assert_allclose(distances.winding(inside, exact=exact), 1, atol=1e-12 if exact else 0.05)
        np.testing.assert_allclose(distances.winding(outside, exact=exact), 0, atol=1e-12 if exact else 0.05)
    half = g.Mesh(mesh.vertices, mesh.faces[:6])  # three of its sides
    centre = g.Windings.of(g.build_tree(half.vertices[half.faces])).at(np.zeros((1, 3)), np.inf)
    assert centre == pytest.approx(0.5)


def test_fast_winding_numbers_are_near_exact_ones():
    distances = g.SignedDistance(torus())
    points = everywhere()
    assert np.abs(distances.winding(points) - distances.winding(points, exact=True)).max() < 0.07


@pytest.mark.parametrize(
    ("make", "signs", "words"),
    [
        (lambda: torus(), "normals", ()),
        (lambda: flipped(torus()), "normals", ("the faces looked inwards",)),
        (lambda: partly_flipped(torus()), "normals", ("did not look to the side of their neighbours",)),
        (lambda: g.Mesh(torus().vertices, torus().faces[40:]), "winding", ("the mesh is open",)),
        (lambda: two_cubes(), "winding", ("the mesh overlaps itself",)),
    ],
)
def test_what_a_mesh_is_like_decides_how_signs_are_found_and_is_said(make, signs, words):
    found = g.SignedDistance(make())
    assert found.signs == signs
    assert len(found.notes) == len(words)
    assert all(word in note for word, note in zip(words, found.notes, strict=True))


def test_turned_faces_are_turned_back():
    points = everywhere(500)
    expected = g.SignedDistance(torus()).at(points)
    for mesh in (flipped(torus()), partly_flipped(torus())):
        np.testing.assert_array_equal(g.SignedDistance(mesh).at(points), expected)


def test_overlapping_cubes_are_their_union():
    points = everywhere()
    second = points - np.array([0.3, 0.2, 0.1])
    inside = np.minimum(cube_distance(points), cube_distance(second)) < 0
    np.testing.assert_array_equal(g.SignedDistance(two_cubes()).inside(points), inside)


def test_a_cavity_stays_one():
    inner = flipped(sphere(2, 0.3))
    outer = sphere(2, 0.7)
    mesh = g.Mesh(np.concatenate((outer.vertices, inner.vertices)),
                  np.concatenate((outer.faces, inner.faces + len(outer.vertices))))  # fmt: skip
    found = g.SignedDistance(mesh)
    assert found.notes == ()
    assert found.inside(np.array([[0.0, 0, 0], [0.5, 0, 0], [0.9, 0, 0]])).tolist() == [False, True, False]


def test_cleaning_merges_positions_and_drops_faces_without_area():
    mesh = cube()
    soup = g.Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(36).reshape(-1, 3))
    line = g.Mesh(soup.vertices, np.concatenate((soup.faces, [[0, 0, 1]])))
    found = g.cleaned(line)
    assert (len(found.vertices), len(found.faces)) == (8, 12)
    assert g.count_edges(found) == (0, 0, 0)


@pytest.mark.parametrize("mesh", [torus(), g.Mesh(torus().vertices, torus().faces[40:])], ids=["closed", "open"])
def test_distances_and_signs_are_those_of_libigl(mesh):
    igl = pytest.importorskip("igl", reason="libigl is not installed")
    points = everywhere()
    ours = g.SignedDistance(mesh)
    squared = igl.point_mesh_squared_distance(points, mesh.vertices, mesh.faces)[0]
    np.testing.assert_allclose(np.abs(ours.at(points)), np.sqrt(squared), rtol=1e-9, atol=1e-12)
    winding = igl.winding_number(mesh.vertices, mesh.faces, points)
    np.testing.assert_allclose(ours.winding(points, exact=True), winding, atol=1e-9)
    np.testing.assert_array_equal(ours.at(points) < 0, winding > 0.5)


def flipped(mesh):
    return g.Mesh(mesh.vertices, mesh.faces[:, ::-1])


def partly_flipped(mesh):
    faces = mesh.faces.copy()
    faces[::7] = faces[::7, ::-1]
    return g.Mesh(mesh.vertices, faces)


def two_cubes():
    mesh = cube()
    return g.Mesh(
        np.concatenate((mesh.vertices, mesh.vertices + np.array([0.3, 0.2, 0.1]))),
        np.concatenate((mesh.faces, mesh.faces + 8)),
    )
