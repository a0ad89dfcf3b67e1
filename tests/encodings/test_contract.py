"""What every registered encoding keeps to, whatever it computes, in every number of dimensions that it takes."""

import math
import pickle

import pytest
import torch

from inr import InrError
from inr.encodings import Encoding, encodings

# one small variant of every encoding and of every choice that changes its mathematics
SPECS = [
    "identity",
    "fourier:kind=basic",
    "fourier:kind=positional,frequencies=12,octaves=3",
    "fourier:frequencies=16,sigma=2",
    "fourier:kind=radial,frequencies=16",
    "integer-fourier:frequencies=9,low=9,high=30",
    "integer-fourier:frequencies=4,low=3,high=4,share=1,period=1",
    "learned-fourier:frequencies=7,sigma=2",
    "shifted:features=24,width=0.1",
    "shifted:basis=triangle,features=24,width=0.2",
    "shifted:basis=square,features=24,frequency=2",
    "shifted:basis=sine,features=24,frequency=2",
    "shifted:basis=impulse,features=24",
    "shifted:basis=noise,features=24",
    "shifted:basis=rff,features=24,sigma=2",
    "shifted:basis=linf,features=24,octaves=2",
    "shifted:basis=logf,features=24,octaves=2",
    "oneblob:bins=5",
    "chebyshev:order=5",
    "cafe:over=(fourier:frequencies=5,sigma=2),width=6",
    "cafe:over=(dense:levels=2,coarsest=2,finest=5,interpolation=smoothstep),branches=2",
    "spherical:degree=3",
    "dense:levels=3,coarsest=3,finest=7",
    "dense:levels=2,coarsest=2,finest=5,interpolation=smoothstep",
    "dense:levels=2,coarsest=2,finest=5,interpolation=quintic",
    "hash:levels=4,log2_size=5,coarsest=2,finest=40",
    "hash:levels=3,features=3,log2_size=3,coarsest=1,finest=9,interpolation=smoothstep",
    "triplane:features=3,resolution=6,last_resolution=4",
    "triplane:features=2,resolution=3,interpolation=smoothstep",
    "kplanes:features=2,resolution=3,scales=2,last_resolution=5",
    "kplanes:features=2,resolution=2,scales=2,time=true,interpolation=smoothstep",
    "cp:rank=3,resolution=6,last_resolution=4",
    "cp:rank=2,resolution=3,interpolation=smoothstep",
    "vm:rank=3,resolution=5,last_resolution=4",
    "vm:rank=2,resolution=3,interpolation=smoothstep",
    "vm:rank=2,resolution=3,interpolation=quintic",
    "sape:over=(fourier:kind=radial,frequencies=12,sigma=2),resolution=5",
    "sape:over=(fourier:kind=positional,frequencies=12,octaves=2),resolution=6,num_blocks=5",
    "sphere",
    "concat:second=(fourier:frequencies=8,sigma=2),third=(dense:levels=2,coarsest=2,finest=5,interpolation=smoothstep)",
    "concat:first=(sape:over=(fourier:kind=radial,frequencies=12,sigma=2),resolution=5),"
    "second=(learned-fourier:frequencies=4,sigma=1)",
    "concat:first=(concat:second=(shifted:basis=impulse,features=24)),second=(oneblob:bins=4)",
    "per-axis",
]
# what per-axis is in each number of dimensions
BY_AXIS = {
    1: "per-axis:t=(hash:levels=2,log2_size=4,coarsest=2,finest=20)",
    2: "per-axis:t=(learned-fourier:frequencies=4,sigma=2),x=(dense:levels=1,finest=5,interpolation=smoothstep)",
    3: "per-axis:t=(fourier:kind=positional,frequencies=4,octaves=2),xy=(kplanes:features=2,resolution=3)",
    4: "per-axis:zx=(sape:over=(fourier:frequencies=6,sigma=2),resolution=5),y=sphere,t=(oneblob:bins=3)",
}


def dims(spec: str) -> tuple[int, ...]:
    return encodings.info(spec.partition(":")[0]).cls.dims


def complete(spec: str) -> bool:
    return not any(param.required for param in encodings.info(spec).params)


def tier(spec: str, in_dim: int) -> list[pytest.MarkDecorator]:
    if in_dim == 2:
        return [pytest.mark.quick]
    return [] if in_dim == max(dims(spec)) else [pytest.mark.long]


every_spec = pytest.mark.parametrize("spec", SPECS)
# what does not depend on the number of dimensions: two, or the most where those are not taken
in_two_dimensions = pytest.mark.parametrize(
    ("spec", "in_dim"),
    [
        pytest.param(spec, in_dim, marks=tier(spec, in_dim) if in_dim == 2 or 2 not in dims(spec) else pytest.mark.long)
        for spec in SPECS
        for in_dim in dims(spec)
    ],
)
# two dimensions, and of the others the most: what works there has been seen to work in between, which test-all looks at
every_spec_and_dim = pytest.mark.parametrize(
    ("spec", "in_dim"),
    [pytest.param(spec, in_dim, marks=tier(spec, in_dim)) for spec in SPECS for in_dim in dims(spec)],
)


def build(spec: str, in_dim: int, seed: int = 0) -> Encoding:
    torch.manual_seed(seed)
    return encodings.build(BY_AXIS.get(in_dim, spec) if spec == "per-axis" else spec, in_dim)


def trained(spec: str, in_dim: int) -> Encoding:
    """An encoding as a fit leaves it half-way: tables of order one, some features open and some not."""
    encoding = build(spec, in_dim)
    with torch.no_grad():
        for parameter in encoding.parameters():
            parameter.normal_()
    for step in range(2 * encoding.min_steps // 5):
        coords = points(30, in_dim, seed=step)
        encoding.progress((step + 1) / encoding.min_steps, coords, coords.clamp(min=0))
    return encoding


def points(count: int, in_dim: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, in_dim, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_every_registered_encoding_is_tested_here():
    assert {spec.partition(":")[0] for spec in SPECS} == set(encodings.names())


@pytest.mark.parametrize("name", [*filter(complete, encodings.names())])
def test_defaults_work_in_every_dimension(name):
    for in_dim in dims(name):
        encoding = build(name, in_dim)
        features = encoding(points(9, in_dim))
        assert features.shape == (9, encoding.out_dim)
        assert encoding.in_dim == in_dim
        assert features.isfinite().all()


@every_spec_and_dim
def test_any_batch_size(spec, in_dim):
    encoding, coords = trained(spec, in_dim), points(33, in_dim)
    for count in (0, 1, 33):
        features = encoding(coords[:count])
        assert features.shape == (count, encoding.out_dim)
        assert features.dtype == torch.float32
        torch.testing.assert_close(features, encoding(coords)[:count])


@in_two_dimensions
def test_configuration_and_state_give_the_same_encoding_back(spec, in_dim):
    encoding, coords = trained(spec, in_dim), points(33, in_dim)
    again = encodings.build(encoding.config(), in_dim)
    assert again.config() == encoding.config()
    again(coords)  # whatever it derives from its state, it must derive anew
    assert again.state_dict().keys() == encoding.state_dict().keys()
    again.load_state_dict(encoding.state_dict())
    assert torch.equal(again(coords), encoding(coords))


@pytest.mark.parametrize("spec", [*SPECS, *filter(complete, encodings.names())])
def test_shapes_are_known_without_allocating_anything(spec):
    for in_dim in dims(spec):
        with torch.device("meta"):
            outline = build(spec, in_dim)
        shapes = {name: tensor.shape for name, tensor in outline.state_dict().items()}
        assert shapes == {name: tensor.shape for name, tensor in build(spec, in_dim).state_dict().items()}
        assert all(tensor.is_meta for tensor in outline.state_dict().values())


@every_spec
def test_pickle(spec):
    encoding, coords = trained(spec, 2), points(33, 2)
    expected = encoding(coords)
    again = pickle.loads(pickle.dumps(encoding))
    assert torch.equal(again(coords), expected)
    assert again.config() == encoding.config()


@every_spec
def test_the_global_seed_decides_everything(spec):
    one, same = build(spec, 3, seed=5), build(spec, 3, seed=5)
    assert all(torch.equal(value, same.state_dict()[key]) for key, value in one.state_dict().items())
    coords = points(33, 3)
    assert torch.equal(one(coords), same(coords))


@in_two_dimensions
def test_float64(spec, in_dim):
    encoding, coords = trained(spec, in_dim), points(33, in_dim)
    single = encoding(coords)
    double = encoding.double()(coords.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, rtol=1e-4, atol=1e-4)


@in_two_dimensions
def test_values_do_not_depend_on_whether_coordinates_are_differentiated(spec, in_dim):
    encoding, coords = trained(spec, in_dim), points(33, in_dim)
    torch.testing.assert_close(encoding(coords.clone().requires_grad_()), encoding(coords), rtol=1e-5, atol=1e-6)


@every_spec_and_dim
def test_coordinate_derivatives_agree_with_finite_differences(spec, in_dim):
    # random points lie clear of cell faces, where linear interpolation has a kink, by far more than the step
    encoding = trained(spec, in_dim).double()
    coords = points(6, in_dim).double().requires_grad_()
    assert torch.autograd.gradcheck(encoding, coords, eps=1e-7, atol=1e-5, rtol=1e-4, fast_mode=True)


@every_spec
def test_second_derivatives_agree_with_finite_differences(spec):
    encoding = trained(spec, 2).double()
    if encoding.smoothness < 0:  # it has none, nor does it claim any
        return
    coords = points(4, 2).double().requires_grad_()
    assert torch.autograd.gradgradcheck(encoding, coords, eps=1e-6, atol=1e-4, rtol=1e-4, fast_mode=True)


@every_spec
def test_gradients_of_the_encodings_own_parameters(spec):
    encoding, coords = trained(spec, 2).double(), points(5, 2).double()
    names = [name for name, _ in encoding.named_parameters()]
    assert bool(names) == (encoding.learning_rate is not None)

    def features(*values):
        return torch.func.functional_call(encoding, dict(zip(names, values, strict=True)), (coords,))

    if names:
        values = tuple(parameter.detach().clone().requires_grad_() for parameter in encoding.parameters())
        assert torch.autograd.gradcheck(features, values, eps=1e-6, atol=1e-6, fast_mode=True)
        assert torch.autograd.gradgradcheck(lambda *v: features(*v).square(), values, fast_mode=True)


@every_spec
def test_a_loss_on_coordinate_derivatives_reaches_the_parameters(spec):
    encoding = trained(spec, 2)
    if encoding.smoothness < 0:
        return
    coords = points(50, 2).requires_grad_()
    weighted = encoding(coords).square() @ torch.linspace(0.5, 1.5, encoding.out_dim)
    (slope,) = torch.autograd.grad(weighted.sum(), coords, create_graph=True)
    slope.square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in encoding.parameters())


@every_spec
def test_smoothness_is_what_it_says(spec):
    in_dim = dims(spec)[0]
    encoding = trained(spec, in_dim).double()
    line = torch.linspace(-0.95, 0.95, 20001, dtype=torch.float64)[:, None].requires_grad_()
    curve = encoding(line * torch.tensor([1.0, 0.7])[:in_dim].double() + 0.01) @ torch.linspace(
        0.5, 1.5, encoding.out_dim, dtype=torch.float64
    )
    assert first_derivative_that_jumps(curve, line) == encoding.smoothness + 1


def first_derivative_that_jumps(curve: torch.Tensor, line: torch.Tensor) -> float:
    """Order of the first derivative (0: the curve itself) that jumps along a fine line; inf: none up to 4."""
    for order in range(5):
        steps = curve.detach().diff().abs()
        if steps.max() > 50 * steps.mean() + 1e-9:
            return order
        if not curve.requires_grad:
            break
        (slope,) = torch.autograd.grad(curve.sum(), line, create_graph=True)
        curve = slope[:, 0]
    return math.inf


@pytest.mark.parametrize("name", encodings.names())
def test_too_many_or_too_few_dimensions_are_refused(name):
    spec = BY_AXIS[2] if name == "per-axis" else name
    for in_dim in set(range(6)) - set(dims(name)):
        with pytest.raises(InrError, match=rf"takes \d (to|or) \d coordinates, got {in_dim}") as caught:
            encodings.build(spec, in_dim)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("fourier:sigma=0", "sigma must be"),
        ("fourier:frequencies=0", "frequencies must be"),
        ("fourier:kind=random", "kind must be one of basic, positional, gaussian, radial"),
        ("fourier:kind=positional,sigma=3", "kind=positional does not read sigma; it reads frequencies, octaves"),
        ("fourier:kind=positional,frequencies=1", "needs frequencies >= 2"),
        ("fourier:kind=basic,frequencies=4", "kind=basic does not read frequencies"),
        ("fourier:num_freqs=4", "no parameter 'num_freqs'"),
        ("hash:levels=0", "levels must be"),
        ("hash:log2_size=25", "log2_size must be"),
        ("hash:coarsest=8,finest=4", "finest must be >= its coarsest"),
        ("hash:finest=2000000", "finest must be"),
        ("hash:levels=32,features=16,log2_size=24,finest=1000000", "use a smaller log2_size"),
        ("dense:finest=100000", "use a smaller finest, or hash:finest=100000"),
        ("dense:interpolation=cubic", "interpolation must be one of linear, smoothstep, quintic"),
        ("sape:over=hash", "over must be a frequency encoding such as fourier, got 'hash'"),
        ("sape:over=(sape)", "over must be a frequency encoding"),
        ("sape:over=nothing", "unknown encoding 'nothing'"),
        ("sape:over=(fourier:sigma=-1)", "sigma must be"),
        ("sape:resolution=2", "resolution must be"),
        ("sape:num_blocks=513", "at most the 512 features"),
        ("sape:epsilon=-1", "epsilon must be"),
        ("sape:resolution=5000", "use a smaller resolution"),
        ("shifted:basis=gauss", "basis must be one of gaussian, triangle"),
        ("shifted:basis=impulse,width=0.1", "basis=impulse does not read width; it reads nothing else"),
        ("shifted:basis=rff,width=0.1", "basis=rff does not read width; it reads sigma"),
        ("shifted:features=510", "features must be a multiple of 4 here, got 510; use 512"),
        ("shifted:basis=linf,features=3", "features must be a multiple of 4 here, got 3; use 4"),
        ("shifted:width=0", "width must be > 0"),
        ("learned-fourier:sigma=0", "sigma must be"),
        ("oneblob:bins=0", "bins must be"),
        ("spherical:degree=33", "degree must be 1 to 32"),
        ("triplane:resolution=8192", "use a smaller resolution"),
        ("kplanes:resolution=4096,scales=8", "use a smaller resolution"),
        ("vm:resolution=8192,rank=1024", "use a smaller resolution"),
        ("cp:resolution=1", "resolution must be"),
        ("cp:resolution=65536,rank=1024,last_resolution=65536,interpolation=cubic", "interpolation must be one of"),
        ("concat:first=nothing", "unknown encoding 'nothing'"),
        ("concat:second=none", "second must be a part or a word, got None"),
        ("concat:third=(hash:levels=0)", "levels must be"),
        ("concat:fifth=hash", "no parameter 'fifth'"),
        ("per-axis", "needs encodings by axes"),
        ("per-axis:x=fourier", "nothing encodes y or t"),
        ("per-axis:xy=hash,t=fourier", "y or t is encoded twice; name every axis once"),
        ("per-axis:xx=hash,y=hash", "x is encoded twice"),
        ("per-axis:x=hash,q=hash", "there is no axis 'q', of which 'q' speaks, but x, y or t"),
        ("per-axis:x=hash,yz=hash", "there is no axis 'z', of which 'yz' speaks"),
        ("per-axis:x=cp,y=hash", "CPGrid takes 2 to 4 coordinates, got 1"),
        ("per-axis:x=3,y=hash", "x must be a part or a word, got 3"),
    ],
)
def test_out_of_range_parameters_are_refused_in_one_line(spec, message):
    with pytest.raises(InrError, match=message.replace("(", r"\(")) as caught:
        encodings.build(spec, 2)
    assert "\n" not in str(caught.value)
