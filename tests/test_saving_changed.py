"""Saving fields whose modules torch's own tools changed: effective weights, or a refusal that names a module."""

import copy
import warnings

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from torch import nn

import inr
from inr import Field, InrError
from inr.signals import Axis, Domain, ValueMap
from tests.encodings.small import small

pytestmark = pytest.mark.quick
DOMAIN = Domain("image", (Axis("x", 6, "px", 0.0, 6.0), Axis("y", 5, "px", 0.0, 5.0)), 3, ValueMap((0.0,), (255.0,)))


def build(encoding: str = "fourier") -> Field:
    torch.manual_seed(1)
    return Field.build(DOMAIN, encoding=small(encoding), activation="sine", network="mlp:depth=2,width=7").eval()


def pruned(field):
    torch.nn.utils.prune.l1_unstructured(field.network.layers[1], "weight", 0.5)
    with torch.no_grad():  # what is used follows what is trained, before the next call too
        field.network.layers[1].weight_orig.mul_(1.5)


def normed(field):
    torch.nn.utils.parametrizations.weight_norm(field.network.layers[0])


def spectral(field):
    torch.nn.utils.parametrizations.spectral_norm(field.network.layers[1]).eval()


def compiled(field):
    field.network = torch.compile(field.network, backend="eager")


class Wrapper(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *inputs):
        return self.module(*inputs)


def wrapped(field):
    field.network.layers[1] = Wrapper(field.network.layers[1])


@pytest.mark.parametrize("change", [pruned, normed, spectral, compiled, wrapped])
def test_effective_weights_are_saved(change, tmp_path):
    field = build()
    coords = torch.rand(9, 2) * 2 - 1
    change(field)
    field.save(tmp_path / "changed.inr")
    expected = (build() if change is compiled else field)(coords).detach()  # the tests' own checks cannot be compiled
    torch.testing.assert_close(inr.load(tmp_path / "changed.inr")(coords).detach(), expected)


def hooked(field):
    field.network.layers[1].register_forward_hook(lambda module, given, planes: tuple(2 * each for each in planes))


@pytest.mark.parametrize("change", [pruned, normed, wrapped, hooked])
def test_changed_modules_are_rendered_as_they_are_called(change):
    field = build("identity")
    plain = field.render()
    change(field)
    rendered = field.render()
    np.testing.assert_allclose(rendered, field.render(block=30), atol=1e-3)  # of 255
    if change in (pruned, hooked):
        assert np.abs(rendered - plain).max() > 0.1
        with pytest.raises(InrError, match=r"network\.layers\.1 has hooks, which only eager calls"):
            inr.render(field, engine="cpu")


def test_a_plain_field_is_saved_as_it_is_and_no_random_number_is_drawn(tmp_path):
    field, state = build("sape"), torch.get_rng_state()
    field.save(tmp_path / "plain.inr")
    assert torch.equal(torch.get_rng_state(), state)
    loaded = inr.load(tmp_path / "plain.inr").state_dict()
    for name, tensor in field.state_dict().items():
        assert torch.equal(loaded[name], tensor), name


class Adapted(type(build().network.layers[1])):
    """A layer with what a file cannot hold."""

    def __init__(self):
        super().__init__(7, 7)
        self.low_rank = nn.Parameter(torch.ones(7, 1))


def adapted(field):
    field.network.layers[1] = Adapted()


def replaced(field):
    field.network.layers[1] = nn.Bilinear(7, 7, 7)


def beside(field):
    field.network.extra = nn.Linear(2, 2)


def old_norm(field):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.nn.utils.weight_norm(field.network.layers[1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (adapted, r"network\.layers\.1 has 'low_rank'"),
        (replaced, r"network\.layers\.1 is a Bilinear"),
        (beside, "network has 'extra'"),
        (old_norm, r"network\.layers\.1 computes its 'weight'"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_and_named(change, words, tmp_path):
    field = build()
    change(field)
    with pytest.raises(InrError, match=words):
        field.save(tmp_path / "changed.inr")
    assert not (tmp_path / "changed.inr").exists()


@pytest.mark.parametrize("encoding", ["fourier", "sape", "hash", "shifted"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_precisions_render_save_and_load(dtype, encoding, tmp_path):
    single = build(encoding)
    field = copy.deepcopy(single).to(dtype)
    # weights of the narrow types are rounded, in 8 bits at worst; computing goes on in float32
    rounded = copy.deepcopy(field).float()
    rendered = field.render((4, 5))
    np.testing.assert_allclose(rendered, rounded.render((4, 5), block=20), atol=0.05)
    np.testing.assert_allclose(field.render((4, 5), block=20), rendered, atol=25)  # all of it in the narrow type
    field.save(tmp_path / "other.inr")
    np.testing.assert_allclose(inr.load(tmp_path / "other.inr").render((4, 5)), rendered, atol=0.05)
    assert field.dtype == dtype
    assert field.at((2.0, 3.0)).dtype == (np.float64 if dtype == torch.float64 else np.float32)
