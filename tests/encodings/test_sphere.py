"""The sphere: which point is where, and that the edges meet."""

import torch

from inr.encodings import encodings


def test_points_are_where_longitude_and_latitude_say():
    places = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.0, 1.0], [0.3, -1.0], [-1.0, 0.5]])
    half = 0.5**0.5
    expected = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1], [-half, 0, half]])
    torch.testing.assert_close(encodings.build("sphere", 2)(places), expected, rtol=0, atol=1e-6)


def test_east_meets_west_and_vectors_have_unit_length():
    y = torch.linspace(-1, 1, 9)
    sphere = encodings.build("sphere", 3)
    west, east = (sphere(torch.stack((torch.full_like(y, x), y, y.square()), dim=1)) for x in (-1.0, 1.0))
    torch.testing.assert_close(west, east, rtol=0, atol=1e-6)
    torch.testing.assert_close(west[:, :3].norm(dim=1), torch.ones(9))
    assert torch.equal(west[:, 3], y.square())


def test_an_axis_alone_is_a_circle():
    circle = encodings.build("sphere", 1)(torch.tensor([[0.0], [0.5], [1.0], [-1.0]]))
    torch.testing.assert_close(circle, torch.tensor([[1.0, 0], [0, 1], [-1, 0], [-1, 0]]), rtol=0, atol=1e-6)
