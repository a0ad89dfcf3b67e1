"""Rays against closed forms."""

import numpy as np

from inr.geometry import build_tree, first_hits, marching_cubes
from tests.geometry.solids import box


def test_rays_meet_a_box_where_geometry_says():
    vertices, faces = marching_cubes(box, 20, bound=1.0)
    tree = build_tree(vertices[faces].astype(np.float64))
    draw = np.random.default_rng(0)
    towards = draw.uniform(-0.35, 0.35, (500, 3)) * [1, 1, 0]
    origin = np.array([0.0, 0.0, 3.0])
    found = first_hits(tree, origin, towards - origin)
    inside = (np.abs(towards[:, :2] * 0.9) < [0.4, 0.3]).all(1)  # clear of the edges, which are cut off
    # from 3 down to the top at 0.3, along a ray that goes down by 3
    np.testing.assert_allclose(found[inside], 0.9, atol=1e-5)  # vertices stay clear of samples
    beyond = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert np.isinf(first_hits(tree, origin, beyond)).all()


def test_each_triangle_is_found_from_both_sides():
    corners = np.random.default_rng(1).uniform(-1, 1, (60, 3, 3))
    for place, triangle in enumerate(corners):
        tree = build_tree(triangle[None])
        middle = triangle.mean(0)
        normal = np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
        for side in (1, -1):
            assert abs(first_hits(tree, middle + side * normal, -side * normal[None])[0] - 1) < 1e-9, place


def test_the_nearest_of_many_triangles_is_found():
    corners = np.random.default_rng(2).uniform(-1, 1, (80, 1, 3)) + np.random.default_rng(3).normal(0, 0.2, (80, 3, 3))
    origin, towards = np.array([0.0, 0.0, 4.0]), np.random.default_rng(4).uniform(-1, 1, (300, 3)) - [0, 0, 4]
    each = np.stack([first_hits(build_tree(one[None]), origin, towards) for one in corners])
    np.testing.assert_array_equal(first_hits(build_tree(corners), origin, towards), each.min(0))
