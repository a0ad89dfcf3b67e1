"""Fields that are told by what their weights differ from those of a base."""

import tracemalloc

import numpy as np
import pytest
import torch

import inr
from inr import container
from inr._errors import DamagedFile
from inr.compression import UnknownWeights, compress_and_measure
from inr.compression.bitstream.weights import QuantisedTensor, decode_weights
from inr.compression.encoder.weights import encode_weights
from inr.priors import learn, load_base

OPTIONS = {"network": "mlp:depth=2,width=12", "engine": "eager", "held_out": 0}
ENGINE = "cpu:threads=1"


def pictures(count, seed=0, side=24):
    """Blobs of one sort: two waves and a bump, whose places and sizes differ."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    found = []
    for _ in range(count):
        a, b, c, d = draw.uniform(-0.2, 0.2, 4)
        bump = np.exp(-20 * ((x - 0.5 - a) ** 2 + (y - 0.5 - b) ** 2))
        wave = np.sin(9 * (x + c)) * np.cos(7 * (y + d))
        found.append(inr.from_array(np.rint(128 + 60 * wave + 60 * bump).clip(0, 255).astype(np.uint8), kind="image"))
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    path = tmp_path_factory.mktemp("bases") / "blobs.inr"
    return learn(pictures(16), method="trunk", steps=300, out=path, **OPTIONS)


@pytest.fixture(scope="module")
def made(base):
    return compress_and_measure(
        pictures(1, seed=1)[0], codec="differences", reference=base, bytes=330, steps=250, engine=ENGINE
    )


def one_line(error):
    """A refusal is told in one line."""
    assert "\n" not in str(error)


def parameters(field):
    return {name: each.detach().clone() for name, each in field.named_parameters()}


def drawn(rng):
    """Tensors whose numbers are as large as spreads in quarter octaves say, in steps of 2^-2."""
    shapes = {"a": (16, 3), "b": (16,), "c": (2, 16), "d": (2,)}
    spread = {name: rng.integers(-20, 12, shape).astype(np.int8) for name, shape in shapes.items()}
    tensors = {
        name: QuantisedTensor(np.rint(4 * rng.normal(size=each.shape) * 2.0 ** (each / 4)).astype(np.int64), -8)
        for name, each in spread.items()
    }
    return tensors, spread


def test_integers_under_a_learned_spread_come_back_and_take_fewer_bytes():
    tensors, spread = drawn(np.random.default_rng(0))
    data = encode_weights(tensors, spread)
    shapes = {name: each.shape for name, each in spread.items()}
    assert 34 <= data[0] <= 41
    assert len(data) < 0.85 * len(encode_weights(tensors))
    found = decode_weights(data, shapes, max_bytes=1 << 20, spread=spread)
    for name, each in tensors.items():
        assert np.array_equal(found[name].integers, each.integers)
        assert found[name].step_index == each.step_index
    with pytest.raises(inr.InrError, match="a learned spread, which is not there"):
        decode_weights(data, shapes, max_bytes=1 << 20)
    with pytest.raises(inr.InrError, match="is not of these weights"):
        decode_weights(data, shapes, max_bytes=1 << 20, spread=spread | {"a": np.zeros((3, 16), np.int8)})


def test_a_spread_that_misleads_costs_nothing():
    tensors, spread = drawn(np.random.default_rng(1))
    wrong = {name: -each for name, each in spread.items()}
    assert len(encode_weights(tensors, wrong)) <= len(encode_weights(tensors))


def test_altered_payloads_under_a_spread_are_refused_or_read():
    rng = np.random.default_rng(2)
    tensors, spread = drawn(rng)
    data, shapes = encode_weights(tensors, spread), {name: each.shape for name, each in spread.items()}
    read = 0
    for _ in range(200):
        broken = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            broken[place] ^= int(rng.integers(1, 256))
        broken = broken[: rng.integers(0, len(data) + 1)] if rng.random() < 0.2 else broken
        try:
            found = decode_weights(bytes(broken), shapes, max_bytes=1 << 20, spread=spread)
        except inr.InrError as error:
            one_line(error)
            continue
        read += 1
        assert [each.integers.shape for each in found.values()] == [*shapes.values()]
    assert read < 200


def test_a_base_learns_and_keeps_the_spread_of_its_weights(base):
    again = load_base(base.file)
    assert again.name == base.name
    names = [name for name, _ in base.field(base.domain).named_parameters()]
    assert sorted(again.spread) == sorted(names)
    for name in names:
        assert again.spread[name].dtype == torch.int8
        assert torch.equal(again.spread[name], base.spread[name])
    # last layers differ from signal to signal, the layers that signals share hardly
    octaves = {name: float(each.float().mean()) for name, each in base.spread.items()}
    assert octaves["network.layers.2.weight"] > octaves["network.layers.1.weight"] + 4


def test_what_is_decoded_is_what_was_measured_to_the_bit(base, made):
    assert len(made.data) <= 330
    fields = [inr.compression.decode(made.data, reference=each) for each in (base, str(base.file), base)]
    for other in fields[1:]:
        for name, each in parameters(fields[0]).items():
            assert torch.equal(parameters(other)[name], each)
    decoded = inr.decompress(made.data, reference=base)
    truth = pictures(1, seed=1)[0]
    assert inr.signals.psnr(truth.array, decoded, data_range=255) == pytest.approx(made.psnr, abs=0.05)
    assert any(not torch.equal(each, base.weights[name]) for name, each in parameters(fields[0]).items())


def test_it_is_found_beside_the_file_and_by_the_variable(base, made, tmp_path, monkeypatch):
    beside = base.file.parent / "blob.inr"
    beside.write_bytes(made.data)
    wanted = parameters(inr.load(beside))
    alone = tmp_path / "blob.inr"
    alone.write_bytes(made.data)
    with pytest.raises(UnknownWeights, match="neither beside it nor in the folder that INR_BASES names") as told:
        inr.load(alone)
    assert "\n" not in str(told.value)
    monkeypatch.setenv("INR_BASES", str(base.file.parent))
    assert all(torch.equal(each, wanted[name]) for name, each in parameters(inr.load(alone)).items())


def test_another_base_and_bases_that_tell_no_weights_are_refused(base, made):
    other = learn(pictures(4, seed=5), method="trunk", steps=2, **OPTIONS)
    with pytest.raises(UnknownWeights, match="is another"):
        inr.compression.decode(made.data, reference=other)
    gaussian = learn(pictures(4), method="gaussian:tuned=false", steps=1, **OPTIONS)
    with pytest.raises(inr.InrError, match="knows no spread of weights"):
        inr.compress(pictures(1)[0], reference=gaussian, bytes=300)
    with pytest.raises(inr.InrError, match="is for pictures of 1 channel, and this is of the sort pictures of 3"):
        inr.compress(np.zeros((24, 24, 3), np.uint8), reference=base, bytes=300)
    with pytest.raises(inr.InrError, match="codec 'mlp' counts from the weights of a field"):
        inr.compress(pictures(1)[0], codec="mlp", reference=base, bytes=300)
    with pytest.raises(UnknownWeights, match="needs a base"):
        inr.compress(pictures(1)[0], codec="differences", bytes=300)


def test_damaged_files_and_bases_are_refused_in_one_line(base, made, tmp_path):
    contents, draw = container.loads(made.data), np.random.default_rng(0)
    tracemalloc.start()
    for _ in range(80):
        payload = contents.sections["base"].tensors["payload"].copy()
        payload[draw.integers(0, payload.size, 2)] = draw.integers(0, 256, 2)
        payload = payload[: draw.integers(0, payload.size + 1)] if draw.random() < 0.3 else payload
        section = container.Section("base", {"payload": payload}, "bytes")
        data = container.dumps(contents.header, [section])
        try:
            field = inr.compression.decode(data, max_bytes=1 << 22, reference=base)
        except inr.InrError as error:
            one_line(error)
        else:
            assert field.domain.shape == (24, 24)
    assert tracemalloc.get_traced_memory()[1] < 1 << 26
    tracemalloc.stop()
    broken = bytearray(base.file.read_bytes())
    broken[-3] ^= 255
    (tmp_path / "blobs.inr").write_bytes(broken)
    with pytest.raises(DamagedFile) as told:
        inr.compression.decode(made.data, reference=tmp_path / "blobs.inr")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "header", [{"codec": "differences"}, {"codec": "differences:base=b00"}, {"domain": {"shape": [1 << 20] * 3}}]
)
def test_crafted_headers_are_refused(base, made, header):
    contents = container.loads(made.data)
    data = container.dumps(contents.header | header, list(contents.sections.values()))
    with pytest.raises(inr.InrError) as told:
        inr.decompress(data, reference=base, max_bytes=1 << 22)
    assert "\n" not in str(told.value)


@pytest.mark.long
def test_files_of_equal_bytes_are_better_than_those_of_whole_networks(base):
    """A held-out blob; the network of codec mlp is as large as the bytes allow, and drawn anew."""
    picture = pictures(1, seed=7)[0]
    ours = compress_and_measure(picture, codec="differences", reference=base, bytes=420, steps=250, engine=ENGINE)
    without = compress_and_measure(picture, codec="mlp", bytes=420, steps=500, engine=ENGINE)
    assert max(len(ours.data), len(without.data)) <= 420
    assert ours.psnr > without.psnr + 2
