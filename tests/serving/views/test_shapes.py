"""Shapes from angles, and their surfaces as files."""

import numpy as np
import pytest

import inr
from inr import InrError
from inr.geometry import read_shape
from inr.serving.views import FieldImage, View
from inr.serving.views import _shapes as module
from inr.serving.views._shapes import OpenShape
from inr.shapes import picture
from tests.shapes.test_mesh import _field


@pytest.fixture(scope="module")
def fields():
    return {3: _field(), 2: _field(middles=(0.0, 0.0))}


def test_a_view_is_the_picture_of_the_library(fields):
    shape = OpenShape(fields[3])
    for azimuth, up in ((35, "y"), (120, "z")):
        expected = picture(fields[3], (24, 24), azimuth=azimuth, elevation=10, up=up)
        assert np.array_equal(shape.view(azimuth, 10, up, 24), expected)


def test_the_view_of_an_outline_tells_inside_from_outside(fields):
    seen = OpenShape(fields[2]).view(35, 20, "y", 40).astype(int)
    blue = seen[..., 2] > seen[..., 0]
    assert blue[20, 20]
    assert not blue[0, 0]


def test_surfaces_are_written_in_the_format_of_their_name(fields, tmp_path):
    OpenShape(fields[3]).write_surface(tmp_path / "new" / "ball.stl", 24)
    assert len(read_shape(tmp_path / "new" / "ball.stl", "stl").faces) > 100
    OpenShape(fields[2]).write_surface(tmp_path / "disc.svg", 24)
    assert "<path" in (tmp_path / "disc.svg").read_text()
    for dimensions, name in ((2, "disc.ply"), (3, "ball.svg")):
        with pytest.raises(InrError, match="this shape lies in"):
            OpenShape(fields[dimensions]).write_surface(tmp_path / name, 24)
        assert not (tmp_path / name).exists()


def test_what_is_no_shape_or_takes_too_long_is_refused(fields, monkeypatch):
    domain = inr.from_array(np.zeros((8, 8), np.uint8)).domain
    with pytest.raises(InrError, match="kind image, not a shape"):
        OpenShape(inr.Field.build(domain, network="mlp:depth=1,width=8"))
    shape = OpenShape(fields[3])
    monkeypatch.setattr(module, "_SECONDS", -1.0)
    with pytest.raises(InrError, match="ask for fewer pixels, or a coarser mesh"):
        shape.view(0, 0, "y", 16)
    monkeypatch.setattr(module, "_SECONDS", 60.0)
    assert shape.view(0, 0, "y", 16).shape == (16, 16, 3)  # it is not to blame later


def test_equal_views_have_one_key(tmp_path):
    image, other = FieldImage(tmp_path / "a.inr", "a" * 64), FieldImage(tmp_path / "a.inr", "b" * 64)
    assert View(-10).key_of(image) == View(350).key_of(image)
    keys = {View().key_of(image), View().key_of(other), View(40).key_of(image), View(up="z").key_of(image)}
    assert len(keys | {View(size=64).key_of(image), View(elevation=0).key_of(image)}) == 6
