"""The codec "ani": prefixes are sliced networks, damage leaves a narrower width, crafted payloads are refused."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from inr import Budget, Field, InrError, Signal, container
from inr.compression import Payload
from inr.compression.bitstream.network import feature_count, sine_network
from inr.compression.bitstream.slimmable import Slimmable
from inr.compression.bitstream.weights import QuantisedTensor
from inr.compression.codecs import codecs
from inr.compression.codecs.ani import AniCodec, _preface
from inr.compression.encoder.slimmable_fit import _coded, _spread, fields_of_widths
from inr.compression.encoder.slimmable_weights import SlimmableWeights
from inr.compression.encoder.step_allocation import nearest_index, to_integers
from inr.compression.files import pack, unpack
from inr.container import varint
from inr.engines import Batch
from inr.fitting import Event, Fitter, Setup, dense
from inr.signals import GridSignal

ENGINE = "cpu:threads=1"
KINDS = ("scale", "low")


@pytest.fixture(scope="module")
def signal() -> GridSignal:
    """Smooth waves and an edge, 24 x 32, in colour."""
    y, x = np.mgrid[0:24, 0:32] / 32
    planes = [np.sin(9 * x + 4 * y), np.cos(14 * y * x), np.where(x + y > 0.8, 0.5, -0.5)]
    picture = (127.5 + 100 * np.stack(planes, axis=-1)).clip(0, 255).astype(np.uint8)
    found = Signal.from_array(picture, kind="image")
    assert isinstance(found, GridSignal)
    return found


@pytest.fixture(scope="module")
def codec() -> AniCodec:
    return codecs.build("ani")


def encoded(codec: AniCodec, signal: GridSignal) -> list[Payload]:
    """Steps are chosen once, not six times: coding to learn sizes takes most of a small fit's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inr.compression.encoder.qat._CHOICE_INTERVAL", 1.0)
        return list(codec.encode(signal, 500, steps=60, engine=ENGINE, seed=3))


@pytest.fixture(scope="module")
def payloads(codec: AniCodec, signal: GridSignal) -> list[Payload]:
    return encoded(codec, signal)


def made(codec: AniCodec, signal: GridSignal) -> tuple[Slimmable, dict[str, Tensor], dict[str, bytes]]:
    """Random weights of three widths as they decode, and their payloads."""
    slimmable = Slimmable((4, 6, 9), 3, feature_count(signal.domain, sphere=False), 3)
    generator = torch.Generator().manual_seed(1)
    shapes = [item for block in range(3) for item in slimmable.shapes(block).items()]
    drawn = {name: 0.1 * torch.randn(shape, generator=generator) for name, shape in shapes}
    index = nearest_index(0.01)
    rounded = {name: QuantisedTensor(to_integers(tensor, index), index) for name, tensor in drawn.items()}
    base, *details = _coded(rounded)
    data = {"base": _preface(slimmable) + base, **{f"detail.{k}": each for k, each in enumerate(details, start=1)}}
    return slimmable, {name: each.values for name, each in rounded.items()}, data


def decoded(codec: AniCodec, signal: GridSignal, data: Mapping[str, bytes], max_bytes: int = 1 << 20) -> Field:
    return codec.decode(signal.domain, {name: memoryview(each) for name, each in data.items()}, max_bytes=max_bytes)


def psnr(field: Field, signal: GridSignal) -> float:
    indices = torch.arange(signal.size)
    with torch.no_grad():
        errors = field(signal.coords(indices)).clamp(-1, 1) - signal.values(indices)
    return float(10 * torch.log10(4 / errors.double().square().mean()))


def test_a_prefix_is_the_sliced_network(codec: AniCodec, signal: GridSignal) -> None:
    """By hand: bordered layer by layer; then, but for the widest, times (1 + row) and (1 + column), plus a product."""
    slimmable, tensors, data = made(codec, signal)
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    weights = [arrays[f"0.weight.{layer}"] for layer in range(4)]
    for block, width in enumerate(slimmable.widths):
        if block:
            for layer in range(1, 4):
                weights[layer] = np.hstack([weights[layer], arrays[f"{block}.columns.{layer}"]])
            for layer in range(3):
                weights[layer] = np.vstack([weights[layer], arrays[f"{block}.rows.{layer}"]])
        field = decoded(codec, signal, {name: data[name] for name in list(data)[: block + 1]})
        assert field.network.config()["width"] == width
        found = {name: each.detach().numpy() for name, each in field.named_parameters()}
        biases = np.split(arrays[f"{block}.bias"], [width, 2 * width, 3 * width])
        for layer, weight in enumerate(weights):
            expected = weight
            if block < 2:
                inside = slimmable.inside
                rows = [np.split(arrays[f"{block}.{kind}.rows"], width * np.arange(1, 4))[layer] for kind in KINDS]
                columns = [
                    np.split(arrays[f"{block}.{kind}.columns"], inside + width * np.arange(3))[layer] for kind in KINDS
                ]
                expected = weight * (1 + rows[0])[:, None] * (1 + columns[0]) + rows[1][:, None] * columns[1]
            assert np.array_equal(found[f"network.layers.{layer}.weight"], expected)
            assert np.array_equal(found[f"network.layers.{layer}.bias"], biases[layer])


def test_what_follows_a_missing_section_is_left_aside(codec: AniCodec, signal: GridSignal) -> None:
    _, _, data = made(codec, signal)
    base = decoded(codec, signal, {"base": data["base"]}).state_dict()
    without = decoded(codec, signal, {name: data[name] for name in ("base", "detail.2")}).state_dict()
    assert base.keys() == without.keys()
    assert all(torch.equal(base[name], without[name]) for name in base)


def test_blocks_cut_from_a_network_give_it_again(codec: AniCodec, signal: GridSignal) -> None:
    slimmable = Slimmable((3, 5, 8), 2, feature_count(signal.domain, sphere=False), 3)
    fields = [sine_network(signal.domain, 2, width, sphere=False).build(signal.domain) for width in slimmable.widths]
    widest = fields[-1].state_dict()
    networks = slimmable.networks(slimmable.tensors(widest), 3)
    assert all(torch.equal(networks[-1][name], widest[name]) for name in networks[-1])
    assert torch.equal(networks[0]["network.layers.1.weight"], widest["network.layers.1.weight"][:3, :3])
    assert torch.equal(networks[1]["network.layers.1.bias"], widest["network.layers.1.bias"][:5])


@pytest.mark.long
def test_more_sections_are_no_worse_and_fit_the_room(
    codec: AniCodec, signal: GridSignal, payloads: list[Payload]
) -> None:
    assert [(each.name, each.base) for each in payloads] == [("base", True), ("detail.1", False), ("detail.2", False)]
    assert 450 < sum(len(each.data) for each in payloads) <= 500
    assert sum(len(each.data) for each in codec.outline(500)) == 500
    data = {each.name: each.data for each in payloads}
    found = [
        psnr(decoded(codec, signal, {name: data[name] for name in list(data)[:count]}), signal) for count in (1, 2, 3)
    ]
    print(f"dB by sections: {', '.join(f'{each:.2f}' for each in found)}")
    assert found == sorted(found)


def test_a_damaged_section_is_as_if_it_were_missing(
    codec: AniCodec, signal: GridSignal, payloads: list[Payload]
) -> None:
    data = pack(codec, signal.domain, payloads)
    sizes = [len(each.data) for each in payloads]
    flat = {each.name: each.data for each in payloads}
    for damaged in (1, 2):
        broken = bytearray(data)
        broken[len(data) - sum(sizes[damaged:]) + sizes[damaged] // 2] ^= 4
        contents = container.loads(broken)
        assert contents.damaged == (f"detail.{damaged}",)
        narrow = decoded(codec, signal, {name: flat[name] for name in list(flat)[:damaged]}).state_dict()
        found = unpack(contents).state_dict()
        assert all(torch.equal(found[name], narrow[name]) for name in narrow)


def test_equal_input_gives_equal_bytes(codec: AniCodec, signal: GridSignal, payloads: list[Payload]) -> None:
    assert encoded(codec, signal) == payloads


def test_a_room_too_small_gives_the_narrowest(signal: GridSignal) -> None:
    codec = codecs.build("ani:widths=2")
    data = {each.name: each.data for each in codec.encode(signal, 1, steps=1, engine=ENGINE)}
    assert decoded(codec, signal, data).network.config()["width"] == 4


@pytest.mark.parametrize("widest", [2, 12, 30, 200])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_widths_are_apart(widest: int, count: int) -> None:
    widths = _spread(widest, count)
    assert len(widths) == count
    assert min(np.diff(widths)) >= 2
    assert widths[-1] == max(widest, 2 * count) or widest < 30


@pytest.mark.parametrize(
    "numbers",
    [
        (0, 4, 2, 3),
        (65, 4, 2, 3),
        (3, 0, 2, 3),
        (3, 4, 0, 3),
        (3, 4, 2, 0),
        (3, 4, 2, 4096),
        (1 << 40, 1 << 40, 1 << 40, 1 << 40),
    ],
)
def test_widths_that_make_no_sense_are_refused(codec: AniCodec, signal: GridSignal, numbers: tuple[int, ...]) -> None:
    _, _, data = made(codec, signal)
    with pytest.raises(InrError, match="it announces networks"):
        decoded(codec, signal, {"base": b"".join(map(varint, numbers)) + data["base"][4:]})


def test_large_networks_are_refused_before_they_are_allocated(codec: AniCodec, signal: GridSignal) -> None:
    """64 layers of 4,096 units would take 4 GiB."""
    _, _, data = made(codec, signal)
    base = b"".join(map(varint, (64, 4000, 40, 56))) + data["base"][4:]
    with pytest.raises(InrError, match="more than the limit"):
        decoded(codec, signal, {**data, "base": base}, max_bytes=1 << 30)


def test_truncated_payloads_are_refused(codec: AniCodec, signal: GridSignal) -> None:
    _, _, data = made(codec, signal)
    for name, payload in data.items():
        for size in (0, 1, 3, 5, len(payload) // 2, len(payload) - 1):
            with pytest.raises(InrError):
                decoded(codec, signal, {**data, name: payload[:size]})


def shared_setup(
    signal: GridSignal, slimmable: Slimmable, steps: int, rate: float = 3e-3, optimiser: str = "adam"
) -> Setup:
    """Of the widest network."""
    parts = sine_network(signal.domain, slimmable.depth, slimmable.widths[-1], sphere=False)
    return Setup(*parts, min(signal.size, 256), steps, learning_rate=rate, optimiser=optimiser, lattice_only=True)


def fit_together(
    signal: GridSignal, slimmable: Slimmable, setup: Setup, start: dict[str, Tensor] | None = None
) -> tuple[SlimmableWeights, list[Event]]:
    fields = fields_of_widths(signal.domain, slimmable, 0, sphere=False)
    weights = SlimmableWeights(signal, slimmable, fields[:-1], engine=ENGINE, start=start)
    fitter = Fitter(signal, setup, Budget(steps=setup.steps), engine=ENGINE, parametrisation=weights)
    return weights, list(fitter.run())


@pytest.mark.parametrize("optimiser", ["soap", pytest.param("adam", marks=pytest.mark.long)])
def test_every_width_comes_near_to_one_fitted_alone(signal: GridSignal, optimiser: str) -> None:
    """The bound is wide, for a few hundred steps of a small picture vary; studies/adaptive.py measures it."""
    steps, slimmable = 200, Slimmable((8, 12, 18), 3, feature_count(signal.domain, sphere=False), 3)
    fields = fields_of_widths(signal.domain, slimmable, 0, sphere=False)
    setup = replace(shared_setup(signal, slimmable, steps, optimiser=optimiser), batch=signal.size)
    weights, events = fit_together(signal, slimmable, setup)
    assert [events[0].kind, events[-1].kind, len(events)] == ["start", "end", steps + 2]
    for width, field, network in zip(slimmable.widths, fields, slimmable.networks(weights.leaves, 3), strict=True):
        field.load_state_dict({**field.state_dict(), **network})
        parts = sine_network(signal.domain, 3, width, sphere=False)
        alone = Fitter(signal, replace(setup, network=parts.network), Budget(steps=steps), engine=ENGINE)
        list(alone.run())
        together, apart = psnr(field, signal), psnr(alone.field, signal)
        print(f"{width} units: {together:.2f} dB, alone {apart:.2f}")
        assert together > apart - 2.5


def test_gradients_are_those_of_what_is_judged(signal: GridSignal) -> None:
    """Along a random direction, by differences: of float32 losses, to four digits, over steps small for a sine."""
    slimmable = Slimmable((4, 6, 9), 3, feature_count(signal.domain, sphere=False), 3)
    setup = replace(shared_setup(signal, slimmable, 20), batch=signal.size)
    weights, _ = fit_together(signal, slimmable, setup)
    generator = torch.Generator().manual_seed(0)
    result = weights.loss_and_grad(weights._plans[-1], Batch(torch.arange(signal.size)), 1.0)
    grads = {name: dense(grad) for name, grad in result.grads.items()}
    direction = {name: grad + torch.randn(grad.shape, generator=generator) for name, grad in grads.items()}
    size = 1e-3 / math.sqrt(sum(float(each.square().sum()) for each in direction.values()))

    def judged(along: float) -> float:
        moved = {name: leaf + along * direction[name] for name, leaf in weights.leaves.items()}
        return sum(weights._shares) * math.log(weights.loss(moved))

    slope = sum(float((grad * direction[name]).sum()) for name, grad in grads.items())
    assert (judged(size) - judged(-size)) / (2 * size) == pytest.approx(slope, rel=0.02)


def test_a_fit_that_comes_apart_ends_where_it_was_best(signal: GridSignal) -> None:
    slimmable = Slimmable((4, 6, 9), 3, feature_count(signal.domain, sphere=False), 3)
    weights, _ = fit_together(signal, slimmable, shared_setup(signal, slimmable, 60))
    before = weights.loss(weights.leaves)
    apart, _ = fit_together(signal, slimmable, shared_setup(signal, slimmable, 60, rate=1.0), dict(weights.leaves))
    assert apart.loss(apart.leaves) <= 1.1 * before


def test_the_fitted_field_is_the_widest_network(signal: GridSignal) -> None:
    slimmable = Slimmable((4, 6, 9), 3, feature_count(signal.domain, sphere=False), 3)
    weights = SlimmableWeights(
        signal, slimmable, fields_of_widths(signal.domain, slimmable, 0, sphere=False)[:-1], engine=ENGINE
    )
    setup = shared_setup(signal, slimmable, 5)
    fitter = Fitter(signal, setup, Budget(steps=5), engine=ENGINE, parametrisation=weights)
    list(fitter.run())
    widest = slimmable.networks(weights.leaves, 3)[-1]
    assert all(torch.equal(parameter, widest[name]) for name, parameter in fitter.field.named_parameters())
