"""The sine network with masks, against its formula and against one without masks."""

import pytest
import torch

from inr import InrError
from inr.activations import ReLU, Sine
from inr.networks import MLP, MaskedSine

SMALL = {"levels": 3, "log2_size": 5, "coarsest": 2, "finest": 6, "hidden": 7}


def built(**options) -> tuple[MaskedSine, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    network = MaskedSine(12, 2, Sine(omega=3.0), 2, depth=2, width=8, groups=4, **SMALL, **options).double()
    with torch.no_grad():
        network.masks.grid.table.normal_()
    return network, torch.rand(9, 12, dtype=torch.float64), torch.rand(9, 2, dtype=torch.float64) * 2 - 1


def test_it_is_the_formula():
    network, features, coords = built(bands=3)
    masks = network.masks(coords).detach()
    assert masks.shape == (9, 2 + 2 * 4)
    assert 0 < float(masks.min()) < float(masks.max()) < 1
    first, second, last = network.layers
    values = features.clone()
    # 6 sines, then 6 cosines, in three bands of two, of which the lowest has no mask
    for band, columns in enumerate(([2, 3, 8, 9], [4, 5, 10, 11])):
        values[:, columns] *= masks[:, band : band + 1]
    for layer, start in ((first, 2), (second, 6)):
        values = torch.sin(3 * (values @ layer.weight.T + layer.bias))
        for group in range(4):
            values[:, 2 * group : 2 * group + 2] *= masks[:, start + group : start + group + 1]
    torch.testing.assert_close(network(features, coords), values @ last.weight.T + last.bias, rtol=1e-12, atol=1e-12)


def test_masks_of_one_leave_the_plain_network():
    network, features, coords = built(bands=3)
    with torch.no_grad():
        network.masks.out.weight.zero_()
        network.masks.out.bias.fill_(100.0)
    plain = MLP(12, 2, Sine(omega=3.0), depth=2, width=8).double()
    plain.layers.load_state_dict(network.layers.state_dict())
    torch.testing.assert_close(network(features, coords), plain(features), rtol=1e-12, atol=1e-12)


def test_masks_cost_what_the_authors_do():
    # SASNet's for pictures of 256 samples: 8 masks a layer and 4 of bands; 15,598 numbers in grid and decoder, whose
    # levels of 64 vertices and more have 1,024 rows
    network = MaskedSine(256, 3, Sine(), 2)
    assert network.masks.out.out_features == 4 + 3 * 8
    decoder = 20 * 48 + 48 + 48 * 28 + 28
    table = network.masks.grid.table.numel()
    assert sum(parameter.numel() for parameter in network.masks.parameters()) == decoder + table
    assert decoder + table == pytest.approx(15_598, rel=0.1)


def test_what_cannot_be_masked():
    with pytest.raises(InrError, match="masks sines: use activation=sine, not 'relu'"):
        MaskedSine(12, 2, ReLU(), 2)
    with pytest.raises(InrError, match="width must be a multiple of groups=8, got 12"):
        MaskedSine(12, 2, Sine(), 2, width=12)
