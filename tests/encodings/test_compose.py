"""Compositions: which part reads what, in which order, and that parts keep what is theirs."""

import numpy as np
import pytest
import torch

import inr
from inr import Field, InrError
from inr.encodings import Concat, PerAxis, encodings
from inr.encodings._compose import MAX_DEPTH
from inr.fitting import Budget, default_learning_rates, make_fitter, make_optimiser, parameter_groups


def points(count: int, in_dim: int) -> torch.Tensor:
    return torch.rand(count, in_dim, generator=torch.Generator().manual_seed(1)) * 2 - 1


def picture() -> inr.Signal:
    return inr.Signal.from_array(torch.rand(12, 10, 3, generator=torch.Generator().manual_seed(0)).numpy())


def test_concat_is_its_parts_side_by_side():
    torch.manual_seed(0)
    encoding, coords = (
        encodings.build("concat:first=(hash:levels=2,finest=20),second=sphere,third=identity", 3),
        points(9, 3),
    )
    expected = torch.cat([part(coords) for part in encoding.parts], dim=1)
    assert torch.equal(encoding(coords), expected)
    assert torch.equal(encoding(coords)[:, -3:], coords)
    assert [part.config()["name"] for part in encoding.parts] == ["hash", "sphere", "identity"]


def test_each_axis_is_read_by_its_part_in_order():
    encoding, coords = PerAxis(4, t="sphere", zx="identity", y="oneblob:bins=3"), points(9, 4)
    x, y, z, t = coords.split(1, dim=1)
    blob, circle = encodings.build("oneblob:bins=3", 1)(y), encodings.build("sphere", 1)(t)
    assert torch.equal(encoding(coords), torch.cat((x, z, blob, circle), dim=1))


@pytest.mark.parametrize(("in_dim", "others"), [(1, ""), (2, "x"), (3, "xy"), (4, "xyz")])
def test_t_is_the_last_axis(in_dim, others):
    parts = {"t": "sphere"} | ({others: "identity"} if others else {})
    coords = points(9, in_dim)
    features = PerAxis(in_dim, **parts)(coords)
    assert torch.equal(features[:, in_dim - 1 :], encodings.build("sphere", 1)(coords[:, -1:]))
    assert torch.equal(features[:, : in_dim - 1], coords[:, :-1])


def test_the_order_in_which_axes_are_named_changes_nothing():
    torch.manual_seed(0)
    one = PerAxis(3, t="fourier", xy="hash")
    torch.manual_seed(0)
    other = PerAxis(3, xy="hash", t="fourier")
    coords = points(9, 3)
    assert torch.equal(one(coords), other(coords))
    assert one.config() == other.config()


def test_a_composition_is_as_smooth_as_its_least_smooth_part():
    assert Concat(2).smoothness == float("inf")
    assert Concat(2, second="dense:interpolation=smoothstep,finest=20").smoothness == 1
    assert PerAxis(2, x="shifted:basis=impulse", y="dense:finest=20").smoothness == -1


def test_parts_keep_their_rates_and_constants():
    inner = "concat:first=(cp:rank=2),second=(learned-fourier:frequencies=3)"
    spec = f"concat:first=(hash:levels=2,finest=20),second=({inner})"
    field = Field.build(picture().domain, encoding=spec, activation="relu", network="mlp:depth=1,width=8")
    assert default_learning_rates(field) == {"network": 1e-2, "encoding": 2e-2}  # beside a table, relu learns at 1e-2
    optimiser = make_optimiser(parameter_groups(field, default_learning_rates(field)))
    found = {
        name: (group.learning_rate, group.betas, group.eps) for group in optimiser.groups for name in group.parameters
    }
    assert found["encoding.parts.0.table"] == (1e-2, (0.9, 0.99), 1e-15)
    assert found["encoding.parts.1.parts.0.lines.0"] == (2e-2, (0.9, 0.99), 1e-8)
    assert found["encoding.parts.1.parts.1.frequencies"] == (1e-2, (0.9, 0.999), 1e-8)
    assert found.keys() == dict(field.named_parameters()).keys()
    optimiser.set_learning_rates(
        {"network": 1e-3, "encoding": 4e-2}, 0.5
    )  # the fastest part's; the others' ratio stays
    rates = {name: group.learning_rate for group in optimiser.groups for name in group.parameters}
    assert rates["encoding.parts.1.parts.0.lines.0"] == pytest.approx(2e-2)
    assert rates["encoding.parts.0.table"] == pytest.approx(1e-2)
    assert rates["network.layers.0.weight"] == pytest.approx(5e-4)


def test_frequencies_alone_do_not_speed_up_the_network():
    field = Field.build(picture().domain, encoding="learned-fourier", activation="relu")
    assert default_learning_rates(field) == {"network": 1e-3, "encoding": 1e-2}
    (group,) = parameter_groups(field, default_learning_rates(field))[1:]
    assert (group.betas, group.eps) == ((0.9, 0.999), 1e-8)


@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_what_is_progressive_within_opens(engine):
    sape = "sape:num_blocks=3,resolution=5,epsilon=0,over=(fourier:frequencies=6)"
    spec = f"per-axis:x=({sape}),y=(dense:levels=1,finest=12)"
    parts = {"encoding": spec, "activation": "sine", "network": "mlp:depth=1,width=8"}
    field = inr.fit(picture(), **parts, steps=12, seed=0, engine=engine)
    assert int(field.encoding.parts[0].spatial.ended) == 3
    assert field.encoding.min_steps == 6
    assert field.encoding.parts[1].table.abs().max() > 1e-3
    with pytest.raises(InrError, match="needs at least 6 steps"):
        inr.fit(picture(), encoding=spec, network="mlp:depth=1,width=8", steps=5)


def test_engines_learn_the_same_tables():
    spec = "concat:first=(hash:levels=3,log2_size=5,finest=20),second=(kplanes:features=2,resolution=4,scales=1)"
    tables = [
        dict(
            inr.fit(
                picture(), encoding=spec, activation="sine", network="mlp:depth=1,width=8", steps=5, engine=engine
            ).encoding.named_parameters()
        )
        for engine in ("cpu", "eager")
    ]
    for name, table in tables[0].items():
        torch.testing.assert_close(table, tables[1][name], rtol=1e-3, atol=1e-4)


def test_parts_of_a_concat_suit_the_signal():
    field = inr.fit(picture(), encoding="concat:first=hash,second=(fourier:frequencies=4)", steps=1)
    assert field.encoding.parts[0].config()["finest"] == 16
    assert field.network.config()["width"] == 256


def test_planes_have_a_vertex_for_every_sample():
    video = inr.Signal.from_array(np.zeros((6, 20, 40), np.float32), kind="volume")  # t or z, y, x
    for name, expected in {"vm": (40, 40, 6), "cp": (40, 40, 6), "triplane": (40, 40, 6)}.items():
        fitter = make_fitter(video, encoding=name, budget=Budget(steps=1), network="mlp:depth=1,width=8")
        assert fitter.field.encoding.vertices == expected
    planes = make_fitter(video, encoding="kplanes:features=2", budget=Budget(steps=1)).field.encoding
    assert planes.scales == [(10, 10, 2), (20, 20, 4), (40, 40, 8)]


def test_saved_and_loaded(tmp_path):
    torch.manual_seed(0)
    field = Field.build(picture().domain, encoding="per-axis:y=(fourier:frequencies=3),x=(concat:second=oneblob)")
    field.save(tmp_path / "field.inr")
    coords = points(9, 2)
    assert torch.equal(inr.load(tmp_path / "field.inr")(coords), field(coords))


def test_depth_is_bounded():
    config: dict = {"name": "identity"}
    for _ in range(MAX_DEPTH - 1):
        config = {"name": "concat", "first": config, "second": "identity"}
    encodings.build(config, 2)
    for deeper in (1, 200, 3000):
        for _ in range(deeper):
            config = {"name": "concat", "first": config, "second": "identity"}
        with pytest.raises(InrError, match="deep in each other") as caught:
            encodings.build(config, 2)
        assert len(str(caught.value)) < 200
