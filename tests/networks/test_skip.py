"""The perceptron that reads its features again, against its formula and against the one that does not."""

import pytest
import torch

from inr import InrError
from inr.activations import Gabor, ReLU, Sine
from inr.networks import MLP, SkipMLP


def inputs(count: int = 9, features: int = 3) -> torch.Tensor:
    return torch.rand(count, features, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_it_is_the_formula():
    torch.manual_seed(0)
    network = SkipMLP(3, 2, Sine(omega=3.0, first_omega=5.0), depth=4, width=7, after="2+4").double()
    x = inputs()
    one, two, three, four, last = [(layer.weight, layer.bias) for layer in network.layers]
    h = torch.sin(5 * (x @ one[0].T + one[1]))
    h = torch.sin(3 * (h @ two[0].T + two[1]))
    h = torch.sin(3 * (torch.cat((h, x), 1) @ three[0].T + three[1]))
    h = torch.sin(3 * (h @ four[0].T + four[1]))
    expected = torch.cat((h, x), 1) @ last[0].T + last[1]
    torch.testing.assert_close(network(x), expected, rtol=1e-12, atol=1e-12)


def test_complex_units_read_real_features():
    torch.manual_seed(0)
    network = SkipMLP(3, 2, Gabor(omega=2.0, scale=2.0), depth=2, width=5, after=1).double()
    x = inputs()
    first, hidden, last = network.layers
    z = x @ first.weight.T + first.bias
    h = torch.exp(2j * z - (2 * z).abs() ** 2)
    z = torch.cat((h, x), 1) @ torch.complex(hidden.weight_real, hidden.weight_imag).T
    z = z + torch.complex(hidden.bias_real, hidden.bias_imag)
    h = torch.exp(2j * z - (2 * z).abs() ** 2)
    expected = (h @ torch.complex(last.weight_real, last.weight_imag).T).real + last.bias_real
    torch.testing.assert_close(network(x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("bias", [True, False])
def test_without_weight_on_what_it_reads_again_it_is_the_plain_one(bias):
    torch.manual_seed(0)
    network = SkipMLP(3, 2, ReLU(), depth=5, width=6, after="1+3", bias=bias).double()
    plain = MLP(3, 2, ReLU(), depth=5, width=6, bias=bias).double()
    state = {}
    for name, tensor in network.state_dict().items():
        index = int(name.split(".")[1])
        if name.endswith("weight") and index in (1, 3):
            tensor[:, 6:] = 0
            tensor = tensor[:, :6]
        state[name] = tensor
    plain.load_state_dict(state)
    torch.testing.assert_close(network(inputs()), plain(inputs()), rtol=1e-12, atol=1e-12)


def test_nerf_has_as_many_weights_as_published():
    # 63 positional features, 8 layers of 256 of which the sixth reads the features too: its density trunk
    network = SkipMLP(63, 4, ReLU(), depth=8, width=256, after=5)
    trunk = 63 * 256 + 256 + 6 * (256 * 256 + 256) + (256 + 63) * 256 + 256
    assert sum(parameter.numel() for parameter in network.parameters()) == trunk + 256 * 4 + 4


def test_the_middle_is_where_it_reads_again_unasked():
    assert SkipMLP(3, 2, ReLU()).after == (4,)  # DeepSDF's
    network = SkipMLP(3, 2, ReLU(), depth=3, width=4)
    assert network.config()["after"] == 1
    assert [layer.weight.shape[1] for layer in network.layers] == [3, 7, 4, 4]


@pytest.mark.parametrize("after", [0, 5, "2+9", "3+2", "2+2", "two", "", "1,2"])
def test_layers_that_are_not_there(after):
    with pytest.raises(InrError, match="network 'skip': after must be"):
        SkipMLP(3, 2, ReLU(), depth=4, after=after)
