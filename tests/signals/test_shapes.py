"""Shapes as signals: one scale, own units, values of length-1 gradients; points; silhouettes; what is refused."""

import warnings

import numpy as np
import pytest
import torch

import inr
from inr.signals import from_mask, from_mesh, from_outline, from_points, shape_source

_CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
_QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
_FACES = np.concatenate((_QUADS[:, [0, 1, 2]], _QUADS[:, [0, 2, 3]]))
_BOX = _CUBE * [2, 3, 5] + [10, 20, 30]


def small(signal, size=4096):
    """The same signal with a smaller pool."""
    signal._size = size
    return signal


def box_distance(positions):
    beyond = np.abs(positions - [10, 20, 30]) - [2, 3, 5]
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(1), 0)


def test_a_shape_has_one_scale_and_keeps_its_units():
    signal = small(from_mesh(_BOX, _FACES))
    domain = signal.domain
    halves = [(axis.high - axis.low) / 2 for axis in domain.axes]
    assert domain.kind == "shape"
    assert halves == pytest.approx([5 / 0.9] * 3)
    assert (domain.values.low, domain.values.high) == ((-halves[0],), (halves[0],))
    coords, values = next(signal.blocks(4096))
    positions = domain.positions(coords.double().numpy())
    np.testing.assert_allclose(domain.values.restore(values.numpy())[:, 0], box_distance(positions), atol=1e-5)


def test_occupancy_is_the_sign():
    distances, occupancy = (small(from_mesh(_BOX, _FACES, as_shape=each)) for each in ("sdf", "occupancy"))
    indices = torch.arange(0, 4096, 7)
    assert torch.equal(occupancy.coords(indices), distances.coords(indices))
    assert torch.equal(occupancy.values(indices), distances.values(indices).sign())


def test_pools_are_a_function_of_the_seed_and_renewed_ones_of_the_generation():
    one, other, third = (small(from_mesh(_BOX, _FACES, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.pool[0], other.pool[0])
    assert not np.array_equal(one.pool[0], third.pool[0])
    first = one.pool[0].copy()
    one.renew(0, 3)
    other.renew(0, 1)
    other.renew(0, 3)
    assert not np.array_equal(one.pool[0], first)
    np.testing.assert_array_equal(one.pool[0], other.pool[0])


def test_points_tell_what_space_is_inside_of():
    draw = np.random.default_rng(0)
    normals = draw.normal(size=(4000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    with pytest.warns(inr.InrWarning, match="unit vectors"):
        signal = from_points(3 * normals + [1, 2, 3], 2 * normals)
    surface, space = signal.sets
    np.testing.assert_allclose(np.linalg.norm(surface.data, axis=1), 1, atol=1e-6)
    radius = np.linalg.norm(surface.coords, axis=1).mean()
    known = space.data[:, 1] > 0
    assert known.mean() > 0.6
    true = np.linalg.norm(space.coords, axis=1) - radius
    np.testing.assert_array_equal(np.sign(space.data[known, 0]), np.sign(true[known]))
    assert np.abs(space.data[known, 0] - true[known]).max() < signal.spacing


def test_without_normals_it_is_told_inside_from_outside_by_what_can_be_reached():
    draw = np.random.default_rng(0)
    directions = draw.normal(size=(6000, 3))
    signal = from_points(directions / np.linalg.norm(directions, axis=1, keepdims=True))
    space = signal.sets[signal.SPACE]
    known, radius = space.data[:, 1] > 0, np.linalg.norm(space.coords, axis=1)
    assert known.mean() > 0.6
    np.testing.assert_array_equal(space.data[known, 0] < 0, radius[known] < 0.9)


def test_points_are_read_from_archives(tmp_path):
    normals = _CUBE / np.sqrt(3)
    np.savez(tmp_path / "a.npz", points=_CUBE + 5, normals=normals)
    np.savez(tmp_path / "b.npz", points=_CUBE + 5)
    np.savez(tmp_path / "c.npz", points=_CUBE[:, :2])
    one, other = inr.open(tmp_path / "a.npz"), inr.open(tmp_path / "b.npz")
    assert one.oriented
    assert not other.oriented
    np.testing.assert_allclose(one.domain.positions(one.sets[0].coords.astype(np.float64)), _CUBE + 5, atol=1e-6)
    with pytest.raises(inr.InrError, match=r"c\.npz: points have positions"):
        inr.open(tmp_path / "c.npz")


def test_a_mask_is_its_outline_in_pixels():
    y, x = np.mgrid[:48, :64] + 0.5
    signal = small(from_mask(np.clip(15.5 - np.hypot(x - 30, y - 20), 0, 1)))
    coords, values = next(signal.blocks(4096))
    positions = signal.domain.positions(coords.double().numpy())
    true = np.hypot(positions[:, 0] - 30, positions[:, 1] - 20) - 15
    assert np.abs(signal.domain.values.restore(values.numpy())[:, 0] - true).max() < 0.1


def test_curves_within_curves_are_holes_by_one_rule_and_not_by_the_other():
    square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    for rule, hole in (("evenodd", False), ("nonzero", True)):
        solid = from_outline([4 * square, square], rule=rule).solid
        assert solid.inside(np.array([[0.0, 0], [0.5, 0.5]])).tolist() == [hole, True]


def test_a_drawing_is_the_outline_of_its_figures(tmp_path):
    (path := tmp_path / "a.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><defs><rect width="900" height="900"/></defs><g transform="scale(2)">'
        '<path fill-rule="evenodd" d="M10 10 h20 v20 h-20 z m5 10 a5,5 0 1010 0a5 5 0 1 0-10 0"/></g></svg>'
    )
    signal = inr.open(path, as_shape="sdf")
    positions = np.array([[24.0, 24], [40, 40], [40, 32], [70, 40]])
    found = signal.solid.values(signal.domain.coordinates(positions))[:, 0] * signal.domain.values.high[0]
    expected = [-4, 10, 2, 10]  # in the frame, in the hole's middle, in the hole near its rim, outside
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize(
    "drawing",
    [
        '<defs><path id="a" d="M0 0h6v6h-6z"/></defs><use href="#a" x="2" y="4" transform="translate(8 16)"/>',
        '<symbol id="a" viewBox="0 0 2 2"><rect width="2" height="2"/></symbol>'
        '<use xlink:href="#a" x="10" y="20" width="9" height="6" transform="translate(-1.5 0)"/>',
        '<g fill="none"><rect width="50" height="50"/><rect x="10" y="20" width="6" height="6" fill="red"/></g>',
        '<g id="b"><rect x="10" y="20" width="3" height="6"/></g><use href="#b" x="3"/>',
    ],
)
def test_what_a_drawing_uses_again_is_where_it_is_shown(tmp_path, drawing):
    (path := tmp_path / "a.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{drawing}</svg>'
    )
    everything = np.concatenate(shape_source(path, "sdf")._curves)
    np.testing.assert_allclose((everything.min(0), everything.max(0)), [[10, 20], [16, 26]], atol=1e-12)


@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        ('<g id="a"><rect width="2" height="2"/><use href="#a"/></g>', "that shows itself"),
        ('<use id="a" href="#b"/><use id="b" href="#a"/>', "that shows itself"),
        ('<use href="#a"/>', "'#a', which is nothing in it"),
        ('<use href="other.svg#a"/>', "'other.svg#a', which is nothing in it"),
        ('<rect id="a0" width="2" height="2"/>' + "".join(
            f'<g id="a{n + 1}">' + f'<use href="#a{n}"/>' * 10 + "</g>" for n in range(4)
        ), "more than 500 elements"),
    ],
)  # fmt: skip
def test_drawings_that_use_nothing_or_themselves_are_refused(tmp_path, monkeypatch, drawing, words):
    monkeypatch.setattr("inr.signals._svg._MOST", 500)
    (path := tmp_path / "a.svg").write_text(f"<svg>{drawing}</svg>")
    with pytest.raises(inr.InrError, match=words) as refused:
        inr.open(path, as_shape="sdf")
    assert "\n" not in str(refused.value)


def test_what_a_file_holds_is_told_before_anything_is_measured(tmp_path):
    lines = [f"v {x} {y} {z}" for x, y, z in _BOX] + [f"f {a} {b} {c}" for a, b, c in _FACES + 1]
    (path := tmp_path / "upload").write_text("\n".join(lines))
    source = shape_source(path, name="box.obj")
    assert (source.holds, source.arrays["faces"].shape) == ("mesh", (12, 3))
    assert source.domain == from_mesh(_BOX, _FACES).domain
    np.savez(tmp_path / "points.npz", points=_CUBE, normals=_CUBE)
    with pytest.warns(inr.InrWarning, match="unit vectors"):
        assert shape_source(tmp_path / "points.npz").domain.meta == {"represents": "eikonal"}
    np.save(tmp_path / "volume.npy", np.zeros((2, 3, 4)))
    assert shape_source(tmp_path / "volume.npy") is None


def test_figures_of_no_size_are_none_and_a_drawing_says_how_it_is_read(tmp_path):
    (path := tmp_path / "a.svg").write_text('<svg><circle r="-5"/><rect width="5" height="-1"/></svg>')
    with pytest.raises(inr.InrError, match="no filled paths"):
        inr.open(path, as_shape="sdf")
    with pytest.raises(inr.InrError, match="--as sdf"):
        inr.open(path)


def test_pictures_stay_pictures_unless_they_are_said_to_be_silhouettes(tmp_path):
    from PIL import Image

    y, x = np.mgrid[:32, :32]
    Image.fromarray((np.hypot(x - 16, y - 16) < 10).astype(np.uint8) * 255).save(path := tmp_path / "mask.png")
    assert inr.open(path).domain.kind == "image"
    assert inr.open(path, as_shape="sdf").domain.kind == "shape"


@pytest.mark.parametrize(
    ("vertices", "faces", "words"),
    [
        (_BOX, np.zeros((0, 3), int), "has no faces"),
        (_BOX, _FACES[:1], "one triangle"),
        (np.where(_BOX[0, 0] == _BOX, np.nan, _BOX), _FACES, "no finite numbers"),
        (0 * _BOX, _FACES, "no faces of any area"),
        (_BOX, _FACES + 1, "names vertex 8"),
        (_BOX[:, [0, 1, 0]], _FACES, "in one plane"),
        (_BOX[:, :2], _FACES, "vertices are real numbers"),
    ],
)
def test_meshes_that_enclose_nothing_are_refused(vertices, faces, words):
    with pytest.raises(inr.InrError, match=words):
        from_mesh(vertices, faces)


def test_meshes_that_look_inwards_are_turned_and_it_is_said():
    with pytest.warns(inr.InrWarning, match="looked inwards"):
        signal = from_mesh(_BOX, _FACES[:, ::-1])
    assert signal.solid.inside(np.zeros((1, 3))).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: from_points(np.zeros((3, 3))), "4 at least"),
        (lambda: from_points(np.full((9, 3), np.inf)), "no finite numbers"),
        (lambda: from_points(np.ones((9, 3))), "no extent"),
        (lambda: from_points(_CUBE, 0 * _CUBE), "length 0"),
        (lambda: from_points(_CUBE, _CUBE, as_shape="sdf"), "learned as eikonal"),
        (lambda: from_mask(np.ones((4, 4))), "one brightness"),
        (lambda: from_mask(np.eye(4), as_shape="eikonal"), "learned as sdf or occupancy"),
        (lambda: from_outline([]), "no outline"),
        (lambda: from_mesh(1e300 * _BOX, _FACES), "reaches as far as"),
        (lambda: from_points(1e300 * _CUBE), "reaches as far as"),
    ],
)
def test_what_is_no_shape_is_refused(make, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(inr.InrError, match=words):
            make()


@pytest.mark.long
def test_a_fit_of_a_box_finds_its_inside(tmp_path):
    signal = small(from_mesh(_BOX, _FACES), 16_384)
    field = inr.fit(
        signal, steps=150, batch=2048, encoding="dense:levels=3,coarsest=4,finest=16", learning_rate=1e-2,
        engine="eager",
    )  # fmt: skip
    assert field.fit["objective"]["name"] == "mape"
    assert field.metrics["iou"] > 0.95
    field.save(tmp_path / "box.inr")
    assert inr.load(tmp_path / "box.inr").domain == signal.domain
