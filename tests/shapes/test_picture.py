"""Pictures of shapes against the silhouettes that closed forms have."""

import numpy as np
import pytest

import inr
from inr._srgb import linear_light, srgb_tones
from inr.shapes import Implicit, picture, turntable
from inr.shapes._camera import framed, look
from inr.shapes._picture import draw, view
from inr.shapes._scene import Scene
from inr.shapes._shading import occlusion
from tests.geometry.solids import ball, box, torus, two_balls

_SIZE = (64, 64)


def _rays(scene, size):
    camera = view(scene, size, 20.0, 10.0)
    rows, columns = (each.ravel() + 0.5 for each in np.mgrid[: size[1], : size[0]])
    return camera, camera.directions(columns, rows, size)


@pytest.mark.parametrize("unit", [1.0, None])
def test_rays_meet_a_ball_where_geometry_says(unit):
    scene = Scene(Implicit(ball, unit=unit))
    camera, directions = _rays(scene, _SIZE)
    along = -(directions.astype(np.float64) @ camera.origin)
    squared = along**2 - (camera.origin @ camera.origin - 0.6**2)
    distances = scene.hits(camera.origin, directions)
    clear = np.abs(squared) > 1e-3  # of the rim
    np.testing.assert_array_equal(np.isfinite(distances)[clear], (squared > 0)[clear])
    hit = np.isfinite(distances) & clear
    np.testing.assert_allclose(distances[hit], (along - np.sqrt(np.maximum(squared, 0)))[hit], atol=2e-4)


def test_rays_pass_through_the_hole_of_a_torus():
    scene = Scene(Implicit(torus))
    camera = look(scene.centre, scene.radius, 0.0, 90.0, "z")
    towards = np.stack([camera.forward, -camera.origin + [0.55, 0, 0]])
    towards = (towards / np.linalg.norm(towards, axis=1, keepdims=True)).astype(np.float32)
    hole, tube = scene.hits(camera.origin, towards)
    assert np.isinf(hole)
    assert np.isfinite(tube)


def test_steep_functions_are_met_as_well_as_distances():
    scene, steep = Scene(Implicit(torus)), Scene(Implicit(lambda points: 5 * torus(points), unit=0.2))
    camera, directions = _rays(scene, _SIZE)
    one, other = (each.hits(camera.origin, directions) for each in (scene, steep))
    both = np.isfinite(one) & np.isfinite(other)
    assert (np.isfinite(one) != np.isfinite(other)).mean() < 2e-3  # at the rim
    np.testing.assert_allclose(one[both], other[both], atol=1e-3)


def test_a_camera_sees_the_whole_shape_in_the_middle():
    scene = Scene(Implicit(lambda points: ball(points - np.float32([0.2, 0.1, 0.3]), 0.4)))
    drawn = draw(scene, view(scene, (80, 60)), (80, 60)).astype(int)
    shape = np.abs(drawn - drawn[:, :1]).max(2) > 25
    rows, columns = np.nonzero(shape)
    assert 0 < rows.min() < 6
    assert 53 < rows.max() < 59
    assert abs(columns.min() + columns.max() - 79) <= 2


@pytest.mark.parametrize("up", ["x", "y", "z"])
def test_a_camera_stands_upright_and_goes_to_the_right(up):
    axis = "xyz".index(up)
    front, right = (look(np.zeros(3), 1.0, turn, 0.0, up) for turn in (0.0, 90.0))
    assert front.up[axis] == pytest.approx(1)
    np.testing.assert_allclose(np.cross(front.right, front.up), -front.forward, atol=1e-12)
    # a quarter turn to the right is where the right hand pointed
    np.testing.assert_allclose(right.origin / np.linalg.norm(right.origin), front.right, atol=1e-12)
    above = look(np.zeros(3), 1.0, 0.0, 90.0, up)
    assert above.origin[axis] == pytest.approx(np.linalg.norm(above.origin))


def test_a_film_keeps_its_scale():
    scene = Scene(Implicit(torus))
    cameras = [look(scene.centre, scene.radius, turn, 20.0) for turn in (0, 90)]
    one, other = framed(cameras, scene.middles, _SIZE, scene.side)
    assert (one.half, one.middle) == (other.half, other.middle)
    frames = list(turntable(Implicit(torus), (24, 24), 4, up="z"))
    assert len(frames) == 4
    # a torus that turns about its own axis stays as it is, but for the bricks that it is searched in
    assert np.abs(frames[0].astype(int) - frames[2]).mean() < 2


def _sky(free, heights):
    """What occlusion is by its definition, of places whose distance to the surface is known at every height."""
    weights = 0.7 ** np.arange(len(heights))
    return np.clip(1 - 1.1 * (1 - np.minimum(free / heights, 1)) @ weights / weights.sum(), 0.125, 1)


def test_a_wall_hides_the_sky_the_more_the_nearer_it_is():
    def corner(points):
        floor, wall = np.float32([0, 0, -0.6]), np.float32([-0.6, 0, 0.1])
        return np.minimum(box(points - floor, (0.8, 0.8, 0.2)), box(points - wall, (0.2, 0.8, 0.7)))

    scene = Scene(Implicit(corner))
    farthest = 0.35 * scene.radius
    heights = farthest * (np.arange(1, 6) / 5) ** 1.5
    away = np.linspace(0, farthest, 9)
    places = np.stack([away - 0.4, 0 * away, 0 * away - 0.4], 1).astype(np.float32)
    found = occlusion(scene, places, np.tile(np.float32([0, 0, 1]), (9, 1)))
    np.testing.assert_allclose(found, _sky(np.minimum(away[:, None], heights), heights), atol=1e-5)
    assert found[0] == 0.125
    assert (np.diff(found[:-1]) > 0.01).all()
    assert found[-1] == pytest.approx(1, abs=1e-5)


def test_open_places_see_the_sky_and_hollows_do_not():
    scene = Scene(Implicit(two_balls))
    places, outwards = np.array([[0.8, 0, 0], [0.2, 0, 0]], np.float32), np.array([[1, 0, 0], [-1, 0, 0]], np.float32)
    heights = 0.35 * scene.radius * (np.arange(1, 6) / 5) ** 1.5
    outside, between = occlusion(scene, places, outwards)
    assert outside == pytest.approx(1, abs=1e-5)
    # the other ball is 0.4 away: only the greatest height is nearer to it
    assert between == pytest.approx(_sky(np.minimum(heights, 0.4 - heights), heights), abs=1e-5)
    assert between < 1 - 1e-3


def test_edges_are_smoothed():
    drawn = picture(Implicit(ball), _SIZE).astype(int)
    paper = drawn[:, :1]
    darker = (paper - drawn).max(2)
    assert len(np.unique(darker[32])) > 5


def test_tones_and_light_are_each_others_inverse():
    tones = np.linspace(0, 1, 50, dtype=np.float32)
    np.testing.assert_allclose(srgb_tones(linear_light(tones)), tones, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": (0, 10)}, "1 to 8192"),
        ({"size": (10, 9000)}, "1 to 8192"),
        ({"elevation": 91.0}, "-90 to 90"),
        ({"azimuth": float("nan")}, "elevation|azimuth"),
        ({"up": "w"}, "x, y or z"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, words):
    with pytest.raises(inr.InrError, match=words):
        picture(Implicit(ball), **{"size": (8, 8), **options})


def test_shapes_of_the_plane_and_shapes_without_a_surface_are_not_drawn():
    with pytest.raises(inr.InrError, match="plane"):
        picture(Implicit(ball, 2), (8, 8))
    with pytest.raises(inr.InrError, match="no surface"):
        picture(Implicit(lambda points: np.ones(len(points), np.float32)), (8, 8))
