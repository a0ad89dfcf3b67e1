"""The field: calculus against closed forms and finite differences, rendering, saving and loading."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch

import inr
from inr import DamagedFile, Field, InrError
from inr.activations import activations
from inr.encodings import encodings
from inr.signals import Axis, Domain, ValueMap, grid_coords
from tests.encodings.small import small
from tests.tables import mostly_long

pytestmark = pytest.mark.quick

SMALL = {
    "hash": "hash:levels=3,log2_size=6,coarsest=3,finest=9",
    "dense": "dense:levels=3,coarsest=3,finest=9",
    "sape": "sape:num_blocks=4,resolution=5,over=(fourier:frequencies=8)",
    "fourier": "fourier:frequencies=8,sigma=1.0",
}


def domain(dims: int = 2, channels: int = 1) -> Domain:
    axes = tuple(Axis(name, 6 + i, "px", 0.0, 6.0 + i) for i, name in enumerate("xyzt"[:dims]))
    return Domain("volume", axes, channels, ValueMap((0.0,), (10.0,)))


def build(encoding: str = "identity", activation: str = "sine", dims: int = 2, channels: int = 1) -> Field:
    torch.manual_seed(0)
    spec = SMALL.get(encoding) or small(encoding, dims)
    return Field.build(domain(dims, channels), encoding=spec, activation=activation, network="mlp:depth=2,width=8")


# parts do not know each other: each encoding with one activation and each activation with one encoding tell all
PARTNERS = [
    *((encoding, "sine") for encoding in encodings.names()),
    *(("identity", activation) for activation in activations.names() if activation != "sine"),
]
each_encoding_and_each_activation = pytest.mark.parametrize(
    ("encoding", "activation"),
    mostly_long([*PARTNERS, *(("hash", name) for name in activations.names() if name != "sine")], len(PARTNERS)),
)


class Polynomial(torch.nn.Module):
    """values (x^2 y, y^3), whose derivatives are known."""

    def forward(self, features):
        x, y = features[:, 0], features[:, 1]
        return torch.stack([x * x * y, y**3], dim=1)


def test_calculus_of_a_polynomial():
    field = build(channels=2)
    field.network.forward = Polynomial().forward
    coords = torch.rand(20, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x, y = coords[:, 0], coords[:, 1]
    expected = torch.stack([torch.stack([2 * x * y, x * x], 1), torch.stack([torch.zeros_like(x), 3 * y * y], 1)], 1)
    torch.testing.assert_close(field.jacobian(coords), expected)
    torch.testing.assert_close(field.laplacian(coords), torch.stack([2 * y, 6 * y], 1))
    torch.testing.assert_close(field.divergence(coords), 2 * x * y + 3 * y * y)


@pytest.mark.parametrize("activation", ["sine", "gabor", "gaussian"])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_derivatives_agree_with_finite_differences(activation, dims):
    """Central differences in float64: relative error 1e-6 for the gradient and 1e-4 for the Laplacian (recipe a.2)."""
    field = build("identity", activation, dims).double()
    coords = torch.rand(10, dims, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) - 0.5
    step = 1e-5
    gradient = torch.empty(10, dims, dtype=torch.float64)
    laplacian = torch.zeros(10, 1, dtype=torch.float64)
    with torch.no_grad():
        for axis in range(dims):
            offset = torch.zeros(dims, dtype=torch.float64)
            offset[axis] = step
            high, low = field(coords + offset), field(coords - offset)
            gradient[:, axis] = ((high - low) / (2 * step))[:, 0]
            offset *= 10  # a larger step: rounding grows with the inverse square
            high, low = field(coords + offset), field(coords - offset)
            laplacian += (high + low - 2 * field(coords)) / (100 * step**2)
    scale = gradient.abs().max().item()
    torch.testing.assert_close(field.gradient(coords), gradient, rtol=1e-6, atol=1e-6 * scale)
    torch.testing.assert_close(field.laplacian(coords), laplacian, rtol=1e-4, atol=1e-4 * laplacian.abs().max().item())


@each_encoding_and_each_activation
def test_every_part_has_a_gradient(encoding, activation):
    """Away from kinks; 1e-4 relative, for the steep pairs' higher derivatives limit central differences."""
    field = build(encoding, activation).double()
    coords = torch.tensor([[0.113, -0.321], [-0.437, 0.291], [0.718, 0.059]], dtype=torch.float64)
    numeric = torch.empty(3, 2, dtype=torch.float64)
    step = 1e-6
    with torch.no_grad():
        for axis in range(2):
            offset = torch.zeros(2, dtype=torch.float64)
            offset[axis] = step
            numeric[:, axis] = ((field(coords + offset) - field(coords - offset)) / (2 * step))[:, 0]
    exact = field.gradient(coords)
    torch.testing.assert_close(exact, numeric, rtol=1e-4, atol=1e-6 * (1 + numeric.abs().max().item()))


def test_derivatives_are_differentiable_and_respect_no_grad():
    field = build()
    coords = torch.rand(4, 2)
    loss = field.gradient(coords).square().sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for n, p in field.named_parameters() if "weight" in n)
    with torch.no_grad():
        assert not field.gradient(coords).requires_grad
    assert not coords.requires_grad


def test_derivatives_in_inference_mode():
    field = build()
    coords = torch.rand(4, 2)
    gradient, laplacian = field.gradient(coords).detach(), field.laplacian(coords).detach()
    with torch.inference_mode():
        torch.testing.assert_close(field.gradient(coords * 1), gradient)
        torch.testing.assert_close(field.laplacian(coords * 1), laplacian)


def test_derivatives_that_do_not_exist_are_refused():
    with pytest.raises(InrError, match="has 2: use jacobian"):
        build(channels=2).gradient(torch.zeros(1, 2))
    with pytest.raises(InrError, match="as many channels as axes, got 1 and 2"):
        build().divergence(torch.zeros(1, 2))
    with pytest.raises(InrError, match="'relu' has no second derivatives"):
        build(activation="relu").laplacian(torch.zeros(1, 2))
    with pytest.raises(InrError, match=r"that jump; use .* interpolation=quintic"):
        build(encoding="hash:interpolation=smoothstep,levels=2").laplacian(torch.zeros(1, 2))
    with pytest.raises(InrError, match=r"shape \(n, 2\), got \(1, 3\)"):
        build()(torch.zeros(1, 3))


def test_render_is_the_field_at_cell_centres_in_own_units():
    field = build(dims=2, channels=3)
    picture = field.render()
    assert picture.shape == (7, 6, 3)  # axes are x: 6, y: 7; arrays are y, x
    assert picture.dtype == np.float32
    x, y = (2 * 4 + 1) / 6 - 1, (2 * 2 + 1) / 7 - 1
    expected = (field(torch.tensor([[x, y]])).detach().numpy()[0] + 1) * 5
    np.testing.assert_allclose(picture[2, 4], expected, rtol=1e-5, atol=1e-5)


def test_render_in_blocks_crops_and_other_resolutions():
    field = build(dims=2)
    whole = field.render((8, 12))
    # one product of matrices for all points or several: sums may round differently
    np.testing.assert_allclose(field.render((8, 12), block=7), whole, atol=1e-5)
    crop = field.render((4, 6), box=[(0.0, 1.0), (-1.0, 0.0)])  # right half in x, upper half in y
    np.testing.assert_allclose(crop, whole[:4, 6:], atol=1e-4)


def test_render_runs_on_what_it_is_given():
    calls = []

    def execute(coords):
        calls.append(len(coords))
        return torch.zeros(len(coords), 1)

    assert (build().render((8, 7), block=15, execute=execute) == 5).all()
    assert calls == [14, 14, 14, 14]  # whole rows
    calls.clear()
    assert (build().render((8, 7), block=4, execute=execute) == 5).all()
    assert calls == [4] * 14


def test_a_coarse_render_is_the_mean_of_the_fine_one():
    field = build()
    fine, coarse = field.render((14, 12)), field.render((7, 6))
    field.domain = dataclasses.replace(field.domain, sampling="area")
    own, half = field.render((8, 6)), field.render((4, 3))
    np.testing.assert_allclose(half, own.reshape(4, 2, 3, 2, 1).mean((1, 3)), rtol=1e-5)
    assert not np.allclose(coarse, fine.reshape(7, 2, 6, 2, 1).mean((1, 3)), rtol=1e-5)  # points are no means


@pytest.mark.parametrize(
    ("shape", "box", "message"),
    [
        ((3,), None, "2 positive sizes"),
        ((3, 0), None, "2 positive sizes"),
        ((3, 3), [(-1, 1)], "each of 2 axes, got 1"),
        ((3, 3), [(-1, 1), (0.5, 0.5)], "low < high"),
        ((3, 3), [(-1, 1), (0.5, 1.5)], "<= 1"),
    ],
)
def test_render_refuses_what_does_not_fit(shape, box, message):
    with pytest.raises(InrError, match=message):
        build().render(shape, box)


@each_encoding_and_each_activation
def test_saved_fields_come_back_the_same(encoding, activation, tmp_path):
    field = build(encoding, activation, channels=2)
    field.metrics = {"psnr": 31.25}
    field.fit = {"rates": {"network": 1e-3}, "steps": 20, "teacher": {"name": "uniform"}}
    path = tmp_path / "field.inr"
    field.save(path)
    again = inr.load(path)
    assert again.config() == field.config()
    assert again.domain == field.domain
    assert (again.metrics, again.fit) == (field.metrics, field.fit)
    coords = torch.rand(30, 2)
    torch.testing.assert_close(again(coords), field(coords), rtol=0, atol=0)
    again.save(tmp_path / "again.inr")
    assert (tmp_path / "again.inr").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("encoding", encodings.names())
def test_pickle_and_module_use(encoding):
    field = build(encoding)
    copy = pickle.loads(pickle.dumps(field))
    coords = torch.rand(5, 2)
    torch.testing.assert_close(copy(coords), field(coords), rtol=0, atol=0)
    assert isinstance(field, torch.nn.Module)
    assert field.parameter_count == sum(p.numel() for p in field.parameters())
    optimiser = torch.optim.SGD(field.parameters(), lr=1e-3)
    before = field(coords).detach()
    field(coords).square().sum().backward()
    optimiser.step()
    assert not torch.equal(field(coords), before)


def test_every_flipped_byte_of_a_field_names_its_section(tmp_path):
    path = tmp_path / "field.inr"
    build("hash").save(path)
    data = path.read_bytes()
    named = set()
    for position in range(0, len(data), max(1, len(data) // 400)):
        altered = bytearray(data)
        altered[position] ^= 0x10
        path.write_bytes(altered)
        with pytest.raises(DamagedFile) as caught:
            inr.load(path)
        assert caught.value.section in str(caught.value)
        named.add(caught.value.section)
    assert named == {"header", "encoding", "network"}


def test_a_header_that_claims_more_than_the_file_holds_allocates_nothing(tmp_path):
    field = build()
    path = tmp_path / "field.inr"
    contents_header = {"field": field.config(), "domain": field.domain.to_json(), "metrics": {}}
    contents_header["field"]["network"] |= {"width": 8192, "depth": 64}  # 17 GB of weights
    from inr.field import field_sections

    inr.container.write(path, contents_header, field_sections(field.state_dict()))
    with pytest.raises(DamagedFile, match=r"section 'network' does not fit the header"):
        inr.load(path)


def test_files_that_are_no_field(tmp_path):
    with pytest.raises(InrError, match=r"cannot read .*missing\.inr"):
        inr.load(tmp_path / "missing.inr")
    (tmp_path / "other.inr").write_bytes(b"hello")
    with pytest.raises(InrError, match=r"not an \.inr file"):
        inr.load(tmp_path / "other.inr")
    field = build()
    sound = {"field": field.config(), "domain": field.domain.to_json()}
    from inr.field import field_sections

    for name, broken in {
        "metrics": sound | {"metrics": [1]},
        "no attribute": sound | {"fit": "quickly"},
        "number": sound | {"metrics": {"psnr": None}},
        "part": sound | {"field": sound["field"] | {"encoding": {"name": "nothing"}}},
        "domain": sound | {"domain": {}},
    }.items():
        inr.container.write(tmp_path / f"{name}.inr", broken, field_sections(field.state_dict()))
        with pytest.raises(InrError, match=name):
            inr.load(tmp_path / f"{name}.inr")
    inr.container.write(tmp_path / "empty.inr", {"what": 1}, [])
    with pytest.raises(InrError, match="holds no field"):
        inr.load(tmp_path / "empty.inr")


def test_saving_never_overwrites_unasked(tmp_path):
    path = tmp_path / "field.inr"
    path.write_bytes(b"precious")
    with pytest.raises(InrError, match="exists"):
        build().save(path)
    assert path.read_bytes() == b"precious"
    build().save(path, force=True)
    assert inr.load(path).domain.in_dim == 2


def test_parts_that_do_not_go_together():
    with pytest.raises(InrError, match="did you mean 'hash'"):
        build("hsah")
    with pytest.raises(InrError, match="has no parameter 'omga'; did you mean 'omega'"):
        build(activation="sine:omga=3")
    with pytest.raises(InrError, match="encoding takes 2 coordinates but the domain has 3"):
        Field(domain(3), encodings.build("identity", 2), build().network)


def test_grid_coordinates_are_where_the_field_expects_them():
    coords = grid_coords((2, 4), torch.arange(8))
    assert coords[0].tolist() == [-0.75, -0.5]
    assert coords[-1].tolist() == [0.75, 0.5]
