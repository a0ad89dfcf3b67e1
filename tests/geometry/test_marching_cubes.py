"""Marching cubes against closed forms, against themselves without anything left out, and against skimage."""

import itertools

import numpy as np
import pytest
from skimage import measure

from inr.geometry import Mesh, candidate_bricks, cube_table, marching_cubes, topology
from tests.geometry.solids import SOLIDS, ball, torus

_CELLS = 40


def _canonical(mesh):
    """Vertices in order, and faces that begin with their lowest vertex, in order."""
    vertices, faces = mesh
    order = np.lexsort(vertices.T)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    faces = ranks[faces]
    first = faces.argmin(1)
    faces = np.stack([faces[np.arange(len(faces)), (first + turn) % 3] for turn in range(3)], 1)
    return vertices[order], faces[np.lexsort(faces.T)]


def _assert_same(one, other):
    for ours, theirs in zip(_canonical(one), _canonical(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def _noise(cells, seed):
    """A function that is noise at the samples of a lattice, where alone it is asked."""
    noise = np.random.default_rng(seed).standard_normal((cells + 1,) * 3).astype(np.float32)

    def values(points):
        x, y, z = np.rint((points.astype(np.float64) + 1) * cells / 2).astype(int).T
        return noise[z, y, x]

    return values, noise


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_has_the_volume_area_and_topology_of_its_closed_form(name):
    function, volume, area, euler, pieces = SOLIDS[name]
    mesh = Mesh(*marching_cubes(function, 64, bound=1.0))
    # errors of second order in the cell: 0.65 %, of the small balls, is the largest
    assert mesh.volume == pytest.approx(volume, rel=8e-3)
    assert mesh.area == pytest.approx(area, rel=0.04 if name == "box" else 8e-3)  # whose edges are cut off
    assert topology(mesh) == (True, euler, pieces)


def test_the_volume_of_a_torus_is_right_to_a_thousandth():
    mesh = Mesh(*marching_cubes(torus, 128, bound=1.0))
    assert mesh.volume == pytest.approx(2 * np.pi**2 * 0.55 * 0.25**2, rel=1e-3)


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("cells", [33, _CELLS])
def test_what_a_bound_leaves_out_holds_no_surface(name, cells):
    function = SOLIDS[name][0]
    _assert_same(marching_cubes(function, cells, bound=1.0), marching_cubes(function, cells, exhaustive=True))


@pytest.mark.parametrize("bound", [1.0, 3.0, None])
@pytest.mark.parametrize("bricks", [1, 7, 64])
def test_slabs_of_any_thickness_give_one_closed_mesh(bound, bricks):
    mesh = marching_cubes(torus, _CELLS, bound=bound, bricks=bricks)
    _assert_same(mesh, marching_cubes(torus, _CELLS, exhaustive=True, bricks=10**6))
    assert topology(Mesh(*mesh)) == (True, 0, 1)


def test_few_samples_are_evaluated():
    asked = []

    def counted(points):
        asked.append(len(points))
        return torus(points)

    marching_cubes(counted, 128, bound=1.0)
    assert sum(asked) < 0.07 * 129**3  # 5.9 %


def test_no_sample_is_evaluated_twice():
    asked = []

    def noted(points):
        asked.append(points.copy())
        return torus(points)

    marching_cubes(noted, _CELLS, exhaustive=True, bricks=1)
    everything = np.concatenate(asked)
    assert len(np.unique(everything, axis=0)) == len(everything) == (_CELLS + 1) ** 3


def test_vertices_are_those_of_skimage_where_no_face_is_ambiguous():
    cells = 32
    steps = np.arange(cells + 1) * 2 / cells - 1
    z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
    samples = torus(np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)).reshape(x.shape)
    theirs = measure.marching_cubes(samples, 0.0)[0][:, ::-1] * 2 / cells - 1
    ours = marching_cubes(torus, cells, bound=1.0)[0]
    order, other = (np.lexsort(np.round(each, 4).T) for each in (ours, theirs))
    # skimage works in float32 throughout
    np.testing.assert_allclose(ours[order], theirs[other], atol=2e-5)


@pytest.mark.parametrize("seed", range(4))
def test_the_surface_of_noise_is_closed(seed):
    cells = (5, 8, 17, 24)[seed]
    values, _ = _noise(cells, seed)
    mesh = marching_cubes(values, cells)
    assert topology(Mesh(*mesh)).watertight
    _assert_same(mesh, marching_cubes(values, cells, exhaustive=True, bricks=1))


def test_an_edge_has_a_vertex_where_its_ends_differ_and_no_other():
    cells = 12
    values, noise = _noise(cells, 0)
    for layer in (noise, noise.transpose(1, 0, 2), noise.transpose(2, 1, 0)):
        layer[[0, -1]] = 1
    inside = noise < 0
    crossed = sum(int((np.diff(inside, axis=axis)).sum()) for axis in range(3))
    assert len(marching_cubes(values, cells)[0]) == crossed


def test_a_solid_that_reaches_the_rim_is_closed_there():
    cells = 24
    mesh = Mesh(*marching_cubes(lambda points: ball(points, 1.2), cells, bound=1.0))
    assert topology(mesh) == (True, 2, 1)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 1.2**3 - 6 * np.pi * 0.2**2 * (3 * 1.2 - 0.2) / 3, rel=0.05)
    full = Mesh(*marching_cubes(lambda points: -np.ones(len(points), np.float32), cells, bound=0.0))
    assert topology(full) == (True, 2, 1)
    assert full.volume == pytest.approx((2 - 2 / cells) ** 3, rel=0.15)


def test_nothing_comes_of_a_function_of_one_sign():
    vertices, faces = marching_cubes(lambda points: np.ones(len(points), np.float32), 16, bound=1.0)
    assert vertices.shape == faces.shape == (0, 3)


def test_a_scan_finds_what_is_larger_than_its_cells():
    occupancy = marching_cubes(lambda points: np.where(torus(points) < 0, -1, 1).astype(np.float32), 100)
    assert topology(Mesh(*occupancy)) == (True, 0, 1)


def test_bricks_that_may_be_cut_hold_the_surface():
    found = candidate_bricks(torus, 16, bound=1.0)
    turns = np.random.default_rng(0).uniform(0, 2 * np.pi, (1000, 2))
    across = 0.55 + 0.25 * np.cos(turns[:, 1])
    points = np.stack([across * np.cos(turns[:, 0]), across * np.sin(turns[:, 0]), 0.25 * np.sin(turns[:, 1])], 1)
    held = set(map(tuple, ((points + 1) * 8).astype(int).tolist()))
    assert held <= set(map(tuple, found.tolist()))


def test_the_table_has_complements_with_the_same_edges():
    table = cube_table()
    for inside in range(256):
        ours, theirs = (set(table.edges[case][: 3 * table.counts[case]].tolist()) for case in (inside, 255 - inside))
        assert ours == theirs


def test_no_triangle_has_a_side_across_a_face_of_its_cube():
    from inr.geometry._cube_table import _FACES_OF_EDGE, _loops, _triangulated

    for loop in itertools.chain.from_iterable(map(_loops, range(256))):
        around = {frozenset(pair) for pair in zip(loop, loop[1:] + loop[:1], strict=True)}
        for triangle in _triangulated(loop):
            for pair in itertools.combinations(triangle, 2):
                assert frozenset(pair) in around or not _FACES_OF_EDGE[pair[0]] & _FACES_OF_EDGE[pair[1]]
