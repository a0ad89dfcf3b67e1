"""Why grids run in PyTorch: tiny-cuda-nn's are the same function but for the far edges of the box."""

import pytest
import torch

from inr.encodings import encodings
from tests.engines.tcnn import reference


def both(kind, in_dim, coords):
    """Features of the same table, ours and tiny-cuda-nn's; levels of 4, 7 and 14 vertices."""
    ours = encodings.build(f"{kind}:levels=3,coarsest=4,finest=13" + ",log2_size=6" * (kind == "hash"), in_dim)
    torch.nn.init.normal_(ours.table)
    config = {
        "otype": "Grid", "type": kind.capitalize(), "n_levels": 3, "n_features_per_level": 2, "base_resolution": 4,
        "per_level_scale": (13 / 4) ** 0.5, "log2_hashmap_size": 6,
    }  # fmt: skip
    theirs = reference.Encoding(in_dim, config)
    assert theirs.params.numel() == ours.table.numel()
    with torch.no_grad():
        theirs.params.copy_(ours.table.flatten())
        return ours(coords), theirs((coords + 1) / 2)[:, : ours.out_dim]


@pytest.mark.parametrize("kind", ["dense", "hash"])
@pytest.mark.parametrize("in_dim", [2, 3])
def test_grids_differ_at_the_far_edges_alone(kind, in_dim):
    torch.manual_seed(0)
    coords = torch.rand(100, in_dim) * 2 - 1
    inside = (coords + 1) / 2 < 2.5 / 3  # of the coarsest level, half a cell from the edge
    ours, theirs = both(kind, in_dim, coords)
    away = inside.all(1)
    assert 10 < away.sum() < 90
    torch.testing.assert_close(ours[away], theirs[away], rtol=1e-4, atol=1e-5)
    assert float((ours[~away] - theirs[~away]).abs().max()) > 0.1
