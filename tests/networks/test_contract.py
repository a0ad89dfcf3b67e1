"""What every registered network keeps to, whatever it computes."""

import math
import pickle

import numpy as np
import pytest
import torch

import inr
from inr import Field
from inr.networks import networks
from inr.signals import Domain
from tests.tables import mostly_long

# one small variant of every network and of every choice that changes its mathematics; parts by default_partners or here
SPECS = {
    "axiswise:rank=5,depth=1,width=8": {},
    "axiswise:join=tt,rank=3,depth=1,width=8,encoding=(fourier:frequencies=4,sigma=1)": {"activation": "relu"},
    "axiswise:join=tucker,rank=3,depth=1,width=8": {"activation": "gabor:omega=2,scale=2"},
    "bacon:width=16,bandwidth=8": {},
    "bacon:outputs=2,width=16,bandwidth=9,shares=1/3+1/3+1/3": {},
    "cam:depth=2,width=16,resolution=4": {"encoding": "fourier:frequencies=6,sigma=1", "activation": "sine"},
    "cam:depth=1,width=8,resolution=3,per_unit=true,normalise=false": {"encoding": "identity", "activation": "sine"},
    "conditioned:over=(mlp:depth=2,width=16),offset=sin(2*x0),factor=1-x0^2": {},
    "masked:depth=2,width=16,levels=3,log2_size=5,coarsest=2,finest=6": {
        "encoding": "integer-fourier:frequencies=9,low=9,high=30",
        "activation": "sine:omega=3",
    },
    "masked:depth=1,width=8,groups=1,bands=1,levels=3,log2_size=5,coarsest=2,finest=6": {
        "encoding": "integer-fourier:frequencies=9,low=9,high=30",
        "activation": "sine:omega=3",
    },
    "mfn:filter=fourier,depth=2,width=16,scale=8": {},
    "mfn:filter=gabor,depth=2,width=16,scale=8": {},
    "kronecker:size=6": {},
    "kronecker:size=6,basis=triangle,blend=5,hidden=7,maps=3": {},
    "mlp:depth=2,width=16": {"encoding": "fourier:frequencies=6,sigma=1", "activation": "sine"},
    "modulated:depth=2,width=16,latent_dim=5": {},
    "normalised:depth=2,width=16": {"encoding": "identity", "activation": "tanh"},
    "normalised:depth=2,width=16,norm=layer": {"encoding": "identity", "activation": "tanh"},
    "normalised:depth=2,width=16,norm=cross": {"encoding": "identity", "activation": "tanh"},
    "skip:depth=4,width=16": {"encoding": "fourier:frequencies=6,sigma=1", "activation": "sine"},
    "skip:depth=2,width=16,after=1+2": {"encoding": "identity", "activation": "gabor:omega=2,scale=2"},
    "split:depth=3,width=9,low=5": {},
    "split:depth=1,width=9,low=5,template=gabor": {},
    "split:depth=2,width=9,low=5,template=dog,centres=maxima": {},
}

every_spec = pytest.mark.parametrize("spec", SPECS)
every_dim = pytest.mark.parametrize("in_dim", [1, pytest.param(2, marks=pytest.mark.quick), 3])
mostly_two = pytest.mark.parametrize(
    "in_dim", [pytest.param(2, marks=pytest.mark.quick), *(pytest.param(dim, marks=pytest.mark.long) for dim in (1, 3))]
)


def build(spec: str, in_dim: int, channels: int = 2, seed: int = 0) -> Field:
    torch.manual_seed(seed)
    parts = {**networks.info(spec.partition(":")[0]).cls.default_partners, **SPECS[spec]}
    return Field.build(domain(in_dim, channels), network=spec, **parts)


def domain(in_dim: int, channels: int) -> Domain:
    array = np.random.default_rng(0).random((*[6] * in_dim, channels), dtype=np.float32)
    kind = {1: "audio", 2: "image", 3: "volume"}[in_dim]
    rate = {"sample_rate": 8000} if in_dim == 1 else {}
    return inr.Signal.from_array(array, kind=kind, channels_last=True, **rate).domain


def points(count: int, in_dim: int) -> torch.Tensor:
    return torch.rand(count, in_dim, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_every_registered_network_is_tested_here():
    assert {spec.partition(":")[0] for spec in SPECS} == set(networks.names())


@pytest.mark.parametrize("name", networks.names())
def test_it_is_told_where_it_is_from_what_it_computes_and_what_it_costs(name):
    info = networks.info(name)
    assert info.source
    assert info.formula
    assert info.limits


@every_dim
@every_spec
@pytest.mark.parametrize("count", mostly_long([33, 0, 1]))
def test_any_batch_size_and_no_point_depends_on_another(spec, in_dim, count):
    field, coords = build(spec, in_dim), points(33, in_dim)
    values = field(coords[:count])
    assert values.shape == (count, 2)
    assert values.dtype == torch.float32
    torch.testing.assert_close(values, field(coords)[:count], rtol=1e-4, atol=1e-5)


@mostly_two
@every_spec
def test_configuration_and_state_give_the_same_field_back(spec, in_dim):
    field, coords = build(spec, in_dim), points(9, in_dim)
    again = Field.build(field.domain, **field.config())
    assert again.config() == field.config()
    again.load_state_dict(field.state_dict())
    assert torch.equal(again(coords), field(coords))


@every_spec
def test_saved_and_loaded(spec, tmp_path):
    field, coords = build(spec, 2), points(9, 2)
    field.save(tmp_path / "field.inr")
    found, expected = inr.load(tmp_path / "field.inr")(coords), field(coords)
    if field.plain() is field:
        assert torch.equal(found, expected)
    else:  # folded into other weights
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@every_spec
def test_pickle(spec):
    field, coords = build(spec, 2), points(9, 2)
    assert torch.equal(pickle.loads(pickle.dumps(field.network))(*field._inputs(coords)), field(coords))


@every_spec
def test_the_global_seed_decides_everything(spec):
    one, same = build(spec, 2, seed=5), build(spec, 2, seed=5)
    assert all(torch.equal(value, same.state_dict()[key]) for key, value in one.state_dict().items())


@mostly_two
@every_spec
def test_shapes_are_known_without_allocating_anything(spec, in_dim):
    with torch.device("meta"):
        outline = build(spec, in_dim)
    shapes = {name: tensor.shape for name, tensor in outline.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in build(spec, in_dim).state_dict().items()}


@mostly_two
@every_spec
def test_float64(spec, in_dim):
    field, coords = build(spec, in_dim), points(33, in_dim)
    single = field(coords)
    double = field.double()(coords.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, rtol=1e-3, atol=1e-3)


@mostly_two
@every_spec
def test_coordinate_derivatives_agree_with_finite_differences(spec, in_dim):
    field = build(spec, in_dim).double()
    coords = points(5, in_dim).double().requires_grad_()
    assert torch.autograd.gradcheck(field, coords, eps=1e-7, atol=1e-5, rtol=1e-4)


@every_spec
def test_second_derivatives_agree_with_finite_differences(spec):
    field = build(spec, 2).double()
    coords = points(3, 2).double().requires_grad_()
    assert torch.autograd.gradgradcheck(field, coords, eps=1e-6, atol=1e-4, rtol=1e-4)


@every_spec
def test_gradients_of_the_parameters(spec):
    field, coords = build(spec, 2).double(), points(4, 2).double()
    names = [name for name, _ in field.network.named_parameters()]
    inputs = tuple(each.detach() for each in field._inputs(coords))

    def values(*given):
        return torch.func.functional_call(field.network, dict(zip(names, given, strict=True)), inputs)

    given = tuple(parameter.detach().clone().requires_grad_() for parameter in field.network.parameters())
    assert torch.autograd.gradcheck(values, given, eps=1e-6, atol=1e-6, fast_mode=True)


@every_spec
def test_own_rates_name_parameters(spec):
    network = build(spec, 2).network
    names = [name for name, _ in network.named_parameters()]
    for prefix, rate in network.learning_rates.items():
        assert any(name.startswith(prefix) for name in names)
        assert 0 < rate < math.inf


@every_spec
def test_the_last_head_is_the_value(spec):
    field, coords = build(spec, 2), points(9, 2)
    heads = field.heads(coords)
    assert all(head.shape == (9, 2) for head in heads)
    assert torch.equal(heads[-1], field(coords))


@every_spec
def test_every_engine_runs_it_or_says_why_not(spec):
    field, coords = build(spec, 2), points(9, 2)
    name, plan = inr.engines.plan(field)
    found = plan.forward(dict(field.named_parameters()), coords)
    torch.testing.assert_close(found, field(coords).detach(), rtol=1e-3, atol=1e-4)
    assert name == "cpu" or any("engine 'cpu' cannot run this field" in note for note in plan.notes)
