"""What comparison sheets show of shapes."""

import functools

import numpy as np
import pytest
import torch
from PIL import Image

import inr
from inr.diagnostics import comparison_sheet
from inr.geometry import Mesh, SignedDistance
from inr.shapes import implicit, mesh, shape_views
from inr.signals import PointPool, Points
from tests.shapes.test_mesh import _domain, _field


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr("inr.shapes._views._SIDE", 84)
    monkeypatch.setattr("inr.shapes._views._COARSE", 42)
    # the CPU's would be compiled for these fields alone
    monkeypatch.setattr("inr.shapes._views.implicit", functools.partial(implicit, engine="eager"))


def _signal(solid, domain):
    """What sheets ask of a signal: a solid."""
    signal = PointPool(domain, [Points(np.zeros((1, domain.in_dim)), np.zeros((1, 0)))])
    signal.solid = solid
    return signal


@pytest.fixture(scope="module")
def field():
    return _field()


@pytest.fixture(scope="module")
def solid(field):
    """The surface of the field itself, so that sheets have no error to show."""
    found = mesh(field, 48)
    low, high = (np.array([getattr(axis, end) for axis in field.domain.axes]) for end in ("low", "high"))
    return _signal(SignedDistance(Mesh((found.vertices - (low + high) / 2) / (high - low) * 2, found.faces)), _domain())


@pytest.mark.long
def test_a_mesh_is_shown_with_the_field_its_error_and_a_slice(field, solid, tmp_path):
    (row,) = shape_views(field, solid)
    assert [view.caption for view in row] == ["input", "fit", "error", "slice"]
    drawn = [view.pixels.astype(int) for view in row[:2]]
    shapes = [np.abs(pixels - pixels[:, :1]).max(2) > 20 for pixels in drawn]
    # one surface from one camera in one light: a shift by a pixel would change two hundredths of the silhouette
    assert (shapes[0] != shapes[1]).mean() < 0.01
    assert np.abs(drawn[0] - drawn[1]).mean() < 2
    assert float(row[2].note.removeprefix("dark red: ").split(",")[0]) < 0.01  # of a ball of 2.4
    comparison_sheet(field, solid, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 4 * row[0].pixels.shape[1]


def test_points_are_shown_as_points(field):
    positions = torch.nn.functional.normalize(torch.randn(500, 3, generator=torch.manual_seed(0)), dim=1).numpy()
    for normals in (positions, 0 * positions):
        signal = PointPool(_domain(represents="eikonal"), [Points(0.6 * positions, normals)])
        (row,) = shape_views(field, signal)
        assert [view.caption for view in row] == ["input", "fit", "slice"]
        assert row[0].note == "500 points"


def test_a_silhouette_is_shown_filled():
    field = _field(middles=(0.0, 0.0))

    class _Disc:
        @staticmethod
        def inside(points):
            return np.hypot(*points.T) < 0.6

    (row,) = shape_views(field, _signal(_Disc(), field.domain))
    assert [view.caption for view in row] == ["input", "fit", "error", "distance"]
    dark = (row[0].pixels[..., 0] < 100).mean()
    assert dark == pytest.approx(np.pi * 0.6**2 / 4, abs=0.01)


def test_a_field_without_a_surface_has_no_views(solid):
    flat = inr.Field.build(_domain(), encoding="identity", network="mlp:depth=1,width=8")
    with torch.no_grad():
        for parameter in flat.parameters():
            parameter.zero_()
        list(flat.parameters())[-1].fill_(1.0)
    with pytest.raises(inr.InrError, match="no surface"):
        shape_views(flat, solid)
