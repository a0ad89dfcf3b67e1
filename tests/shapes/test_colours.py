"""Colours of shapes: at points of meshes, in files, as channels behind the distance."""

import numpy as np
import pytest
import torch

import inr
from inr.engines import Batch, plan
from inr.geometry import Mesh, read_shape, shape_format, write_mesh
from inr.objectives import ClippedDistance, RelativeDistance
from inr.shapes import implicit
from inr.signals import from_mesh, shape_source

_CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
_QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
_FACES = np.concatenate((_QUADS[:, [0, 1, 2]], _QUADS[:, [0, 2, 3]]))
# linear in the position, and so they are between the corners: 127.5 (1 + p)
_COLOURS = np.where(_CUBE > 0, 255, 0).astype(np.uint8)


def cube(**options):
    signal = from_mesh(_CUBE, _FACES, _COLOURS, **options)
    signal._size = 4096
    return signal


def test_colours_between_corners_are_linear_and_go_on_at_sides():
    mesh = Mesh(np.eye(3), np.array([[0, 1, 2]]), colours=np.array([[200, 0, 10], [0, 100, 10], [0, 0, 10]], np.uint8))
    shares = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.2, 0.3, 0.5]])
    found = mesh.colours_at(np.zeros(3, int), shares @ mesh.vertices)
    np.testing.assert_allclose(found, shares @ mesh.colours.astype(float), atol=1e-10)


def test_a_coloured_shape_has_the_distance_and_the_colour_of_the_closest_point():
    signal, plain = cube(), from_mesh(_CUBE, _FACES)
    plain._size = 4096
    assert signal.channels == 4
    coords, values = signal.pool
    np.testing.assert_array_equal(coords, plain.pool[0])
    np.testing.assert_array_equal(values[:, :1], plain.pool[1])
    outside = values[:, 0] > 1e-3
    closest = np.clip(coords[outside] / 0.9, -1, 1)
    np.testing.assert_allclose(values[outside, 1:], closest, atol=1e-5)
    np.testing.assert_allclose(signal.array[outside, 1:], 127.5 * (closest + 1), atol=1e-3)


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb"])
def test_files_keep_the_colours_of_vertices(tmp_path, suffix):
    tones = np.arange(256, dtype=np.uint8)
    colours = np.stack((tones, tones[::-1], np.roll(tones, 7)), 1)
    vertices = np.random.default_rng(0).normal(size=(256, 3)).astype(np.float32)
    faces = np.stack((np.arange(254), np.arange(1, 255), np.arange(2, 256)), 1)
    path = tmp_path / f"a{suffix}"
    write_mesh(path, Mesh(vertices, faces, colours=colours))
    data = path.read_bytes()
    found = read_shape(path, shape_format(path.name, data[:4096], len(data)))
    np.testing.assert_array_equal(found.colours, colours)
    if suffix != ".obj":  # of text, of which normals of a seam are not what is tested
        np.testing.assert_array_equal(found.vertices, vertices)


def test_a_file_with_colours_is_a_coloured_shape(tmp_path):
    write_mesh(tmp_path / "a.ply", Mesh(_CUBE.astype(np.float32), _FACES, colours=_COLOURS))
    assert inr.open(tmp_path / "a.ply").channels == 4
    assert shape_source(tmp_path / "a.ply").domain == inr.open(tmp_path / "a.ply").domain
    for learned in ("occupancy", "eikonal"):
        with pytest.warns(inr.InrWarning, match="colours are learned beside sdf alone"):
            assert inr.open(tmp_path / "a.ply", as_shape=learned).channels == 1


def test_errors_of_colours_are_absolute_and_weighted():
    signal, batch = cube(), Batch(torch.arange(100))
    missed = torch.linspace(-0.3, 0.5, 400).reshape(100, 4)
    target = signal.values(batch.indices)
    relative = missed[:, :1].abs() / (target[:, :1].abs() + 0.05)
    expected = torch.cat((relative, 0.7 * missed[:, 1:].abs()), 1).mean()
    found = RelativeDistance(signal, epsilon=0.05, colours=0.7).loss(missed, batch)
    torch.testing.assert_close(found, expected)
    clip = lambda each: each.clamp(-0.1, 0.1)  # noqa: E731
    near = (clip(target + missed) - clip(target)).abs()[:, :1]
    inside = missed * 0.1  # predictions within twice the range, of which nothing is clipped
    found = ClippedDistance(signal, delta=0.1).loss(torch.cat((missed[:, :1], inside[:, 1:]), 1), batch)
    torch.testing.assert_close(found, torch.cat((near, inside[:, 1:].abs()), 1).mean())


@pytest.mark.long  # for kernels are made for this objective and 4 channels
def test_engines_agree_on_coloured_shapes():
    signal, batch = cube(), Batch(torch.arange(256))
    torch.manual_seed(0)
    field = inr.Field.build(signal.domain, encoding="identity", activation="sine", network="mlp:depth=1,width=16")
    tensors = dict(field.named_parameters())
    objective = RelativeDistance(signal)
    one, other = (plan(field, objective, engine)[1].loss_and_grad(tensors, batch) for engine in ("eager", "cpu"))
    torch.testing.assert_close(other.loss, one.loss, rtol=1e-5, atol=0)
    for name, grad in one.grads.items():
        torch.testing.assert_close(other.grads[name], grad, rtol=1e-3, atol=1e-4 * float(grad.abs().max()))


@pytest.mark.long
def test_a_fit_tells_how_near_colours_are_and_draws_them():
    field = inr.fit(
        cube(), steps=100, batch=1024, encoding="dense:levels=3,coarsest=4,finest=16", learning_rate=1e-2,
        objective="mape:epsilon=0.3,colours=3", engine="eager", teacher="uniform",
    )  # fmt: skip
    assert field.metrics["psnr_colours"] > 30  # a constant has 8.6
    shape = implicit(field, "eager")
    assert shape.unit == pytest.approx(1)
    mesh = inr.shapes.mesh(field, 24, engine="eager")
    wanted = 127.5 * (1 + np.clip(mesh.vertices, -1, 1))
    assert np.abs(mesh.colours - wanted).mean() < 15
    assert inr.shapes.picture(field, (24, 24), engine="eager").shape == (24, 24, 3)


def test_colours_that_do_not_fit_are_refused():
    with pytest.raises(inr.InrError, match=r"colours are uint8 \(8, 3\), one of each vertex, not float64"):
        from_mesh(_CUBE, _FACES, _COLOURS / 255.0)
