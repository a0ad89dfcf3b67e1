"""Meshes and outlines of shapes: of closed forms, and of fields on engines."""

import numpy as np
import pytest
import torch

import inr
from inr.engines import plan
from inr.geometry import enclosed_area, topology
from inr.shapes import Implicit, clearance, implicit, mesh, outline, write_film, write_outline
from inr.signals import Axis, Domain, ValueMap
from tests.geometry.solids import SOLIDS, ball, torus


def _domain(half=2.0, middles=(1.0, -3.0, 0.5), represents="sdf", channels=1):
    axes = tuple(Axis(name, None, "", m - half, m + half) for name, m in zip("xyz", middles, strict=False))
    scale = 1.0 if represents == "occupancy" else half
    return Domain("shape", axes, channels, ValueMap((-scale,), (scale,)), meta={"represents": represents})


def _field(encoding="identity", activation="sine:omega=4", network="mlp:depth=2,width=32", **domain):
    """A field that was led to a ball: enough of one for a closed surface."""
    torch.manual_seed(0)
    field = inr.Field.build(_domain(**domain), encoding=encoding, activation=activation, network=network)
    points = torch.rand(1024, field.domain.in_dim) * 2 - 1
    target = points.norm(dim=1, keepdim=True) - 0.6
    adam = torch.optim.Adam(field.parameters(), 1e-2)
    for _ in range(40):
        adam.zero_grad()
        ((field(points)[:, :1] - target) ** 2).mean().backward()
        adam.step()
    return field


@pytest.mark.parametrize("name", SOLIDS)
def test_normals_are_the_gradient_of_the_distance(name):
    function = SOLIDS[name][0]
    found = mesh(Implicit(function), 32)
    assert topology(found).watertight
    np.testing.assert_allclose(np.linalg.norm(found.normals, axis=1), 1, atol=1e-3)
    # they look the way that the triangles look, but at the edges of the box
    assert ((found.normals * found.__class__(found.vertices, found.faces).vertex_normals).sum(1) > 0.5).mean() > 0.99


def test_a_step_of_newton_takes_vertices_to_the_surface():
    before, after = (np.abs(torus(mesh(Implicit(torus), 24, newton=newton).vertices)).max() for newton in (False, True))
    assert after < 0.05 * before


def test_a_mesh_is_in_own_units():
    found = mesh(Implicit(ball, centre=(10.0, 20.0, 30.0), scale=5.0), 32)
    np.testing.assert_allclose(found.vertices.mean(0), [10, 20, 30], atol=0.01)
    assert found.volume == pytest.approx(4 / 3 * np.pi * 3.0**3, rel=0.02)
    far = mesh(Implicit(ball, centre=(4e6, 0.0, 0.0)), 8)
    assert far.vertices.dtype == np.float64
    assert np.ptp(far.vertices[:, 0]) == pytest.approx(1.2, abs=0.1)


def test_what_is_free_is_two_thirds_of_a_distance():
    values = np.array([0.01, -0.3, 0.7])
    np.testing.assert_allclose(clearance(Implicit(ball))(values), np.abs(values) / 1.5, rtol=2e-3)
    np.testing.assert_allclose(clearance(Implicit(lambda x: 3 * ball(x)))(values), np.abs(values) / 4.5, rtol=2e-3)
    assert clearance(Implicit(ball, unit=None)) is None


def test_a_function_that_is_steep_far_away_is_gentle_at_its_surface():
    def bent(points):
        distances = ball(points)
        return np.where(distances > 0.2, distances + 9 * (distances - 0.2), distances)

    found = clearance(Implicit(bent))
    assert found.slope == pytest.approx(1.5, rel=2e-3)
    assert found(np.array([2.0]))[0] < 0.2 + 1.8 / 10  # where the ball is 0.38 away
    np.testing.assert_array_equal(
        np.sort(mesh(Implicit(bent), 48).vertices, axis=0),
        np.sort(mesh(Implicit(bent), 48, exhaustive=True).vertices, axis=0),
    )


def test_colours_are_asked_for_at_the_vertices():
    def colours(points):
        return ((points * 0.5 + 0.5) * 255).astype(np.uint8)

    found = mesh(Implicit(ball, colours=colours), 16)
    np.testing.assert_array_equal(found.colours, colours(found.vertices))


@pytest.mark.parametrize("encoding", ["identity", "hash:levels=4,log2_size=12,finest=32"])
def test_a_field_gives_the_same_mesh_with_nothing_left_out(encoding):
    smooth = encoding == "identity"
    field, engine = _field(encoding, "sine:omega=4" if smooth else "relu"), "eager" if smooth else "auto"
    found, whole = mesh(field, 24, engine=engine), mesh(field, 24, exhaustive=True, engine=engine)
    np.testing.assert_array_equal(np.sort(found.vertices, axis=0), np.sort(whole.vertices, axis=0))
    assert topology(found).watertight


def test_normals_of_smooth_fields_are_those_of_the_field():
    field = _field()
    found = mesh(field, 12, engine="eager")
    coords = field.domain.coordinates(torch.from_numpy(found.vertices.astype(np.float32)))
    gradients = field.gradient(coords).detach()
    expected = gradients / gradients.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(found.normals, expected, atol=1e-4)


def test_differences_are_taken_where_a_field_has_kinks():
    field = _field("hash:levels=4,log2_size=12,finest=32", "relu")
    shape = implicit(field, "eager")
    assert shape.slopes is None
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (50, 3)).astype(np.float32)
    _, ready = plan(field, None, "eager")
    weights = dict(field.named_parameters())
    ahead, back = (
        ready.forward(weights, torch.from_numpy(points + np.float32([sign * 1e-2, 0, 0]))) for sign in (1, -1)
    )
    np.testing.assert_allclose(shape.gradients(points, 1e-2)[:, 0], (ahead - back)[:, 0] / 2e-2, atol=1e-3)


def test_a_silhouette_has_an_outline(tmp_path):
    def ring(points):
        return (np.abs(np.hypot(*points.astype(np.float64).T) - 0.6) - 0.2).astype(np.float32)

    curves = outline(Implicit(ring, 2, centre=(5.0, 5.0), scale=10.0), 128)
    assert len(curves) == 2
    assert enclosed_area(curves) == pytest.approx(100 * np.pi * (0.8**2 - 0.4**2), rel=2e-3)
    write_outline(tmp_path / "ring.svg", curves)
    text = (tmp_path / "ring.svg").read_text()
    assert text.count("Z") == 2
    assert 'fill-rule="evenodd"' in text
    with pytest.raises(inr.InrError, match="exists"):
        write_outline(tmp_path / "ring.svg", curves)
    with pytest.raises(inr.InrError, match=r"\.svg"):
        write_outline(tmp_path / "ring.pdf", curves)


@pytest.mark.parametrize(
    ("shape", "resolution", "words"),
    [
        (Implicit(ball), 3, "from 4 to 4096"),
        (Implicit(ball), 10_000, "from 4 to 4096"),
        (Implicit(lambda points: np.ones(len(points), np.float32)), 16, "no surface"),
        (Implicit(ball, 2), 16, "outline"),
    ],
)
def test_what_has_no_mesh_is_refused(shape, resolution, words):
    with pytest.raises(inr.InrError, match=words):
        mesh(shape, resolution)


def test_fields_of_other_kinds_have_no_surface():
    picture = inr.Signal.from_array(np.zeros((8, 8, 3), np.uint8))
    field = inr.Field.build(picture.domain, network="mlp:depth=2,width=16")
    with pytest.raises(inr.InrError, match="kind image, not a shape"):
        mesh(field)


def test_films_are_written_by_their_suffix(tmp_path):
    from PIL import Image

    frames = [np.full((8, 8, 3), tone, np.uint8) for tone in (0, 128, 255)]
    for suffix in (".gif", ".webp"):
        write_film(tmp_path / f"turn{suffix}", frames, 10)
        with Image.open(tmp_path / f"turn{suffix}") as film:
            assert film.n_frames == 3
    with pytest.raises(inr.InrError, match=r"\.mp4, \.gif, \.webp"):
        write_film(tmp_path / "turn.avi", frames, 10)
