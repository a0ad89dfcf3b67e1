"""Files that count from reference weights: fewer bytes for what is alike, and nothing without those weights."""

import numpy as np
import pytest
import torch

import inr
from inr import InrError, compression
from inr.compression import UnknownWeights

OPTIONS = {"steps": 150, "engine": "cpu:threads=1"}


def picture(shift):
    y, x = np.mgrid[0:24, 0:32] / 32
    x = x + shift
    planes = np.stack([np.sin(9 * x + 4 * y), np.cos(14 * y * x), np.sin(3 * x - 7 * y * y)], axis=-1)
    return inr.Signal.from_array((127.5 + 100 * planes).clip(0, 255).astype(np.uint8), kind="image")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    path = tmp_path_factory.mktemp("reference") / "first.inr"
    path.write_bytes(inr.compress(picture(0), codec="mlp", bytes=900, steps=600, engine="cpu:threads=1"))
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("reference") / "small.inr"
    path.write_bytes(inr.compress(picture(0), codec="mlp", bytes=300, steps=5, engine="eager"))
    return path


@pytest.mark.long
def test_what_is_alike_takes_fewer_bytes(first):
    second = picture(0.02)
    alone = compression.compress_and_measure(second, bytes=300, **OPTIONS)
    after = compression.compress_and_measure(second, reference=first, bytes=300, **OPTIONS)
    assert len(after.data) <= 300
    assert after.psnr > alone.psnr + 2
    decoded = compression.decode(after.data, reference=first)
    assert decoded.network.config() == inr.load(first).network.config()


@pytest.mark.long
def test_weights_are_their_differences_from_the_reference(first):
    field = inr.load(first)
    reference = dict(field.named_parameters())
    # so small a file has room for no difference
    made = compression.compress_and_measure(picture(0.5), reference=field, bytes=40, **OPTIONS)
    for other, tensor in compression.decode(made.data, reference=field).named_parameters():
        assert torch.equal(tensor, reference[other])


def test_names_tell_weights_and_nothing_else(small):
    field = inr.load(small)
    name = compression.checksum_name(field)
    assert compression.checksum_name(inr.load(small)) == name
    with torch.no_grad():
        next(field.parameters())[0, 0] += 1e-3
    assert compression.checksum_name(field) != name


@pytest.mark.long
def test_without_its_reference_weights_a_file_is_refused_and_says_what_it_needs(first):
    data = inr.compress(picture(0.02), reference=first, bytes=300, **OPTIONS)
    name = compression.checksum_name(inr.load(first))
    with pytest.raises(UnknownWeights, match=f"reference weights {name}: give their file"):
        inr.decompress(data)
    other = inr.load(first)
    with torch.no_grad():
        next(other.parameters())[0, 0] += 1e-3
    with pytest.raises(UnknownWeights, match=f"reference weights {name}; those given are w"):
        inr.decompress(data, reference=other)
    assert inr.decompress(data, reference=str(first)).shape == (24, 32, 3)


def test_files_that_need_none_are_read_as_ever(small):
    assert np.array_equal(inr.decompress(small.read_bytes(), reference=small), inr.decompress(small.read_bytes()))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"encoding": "hash", "network": "mlp:depth=1,width=8"}, "reference weights are of encoding hash"),
        ({"network": "mlp:depth=1,width=8"}, "for this signal it has to be fourier:kind=positional"),
        ({"network": "cam"}, "reference weights are of a network cam; mlp takes those of an mlp"),
    ],
)
def test_weights_of_another_network_are_refused(parts, message):
    reference = inr.Field.build(picture(0).domain, **parts)
    with pytest.raises(InrError, match=message):
        inr.compress(picture(0), reference=reference, bytes=300, **OPTIONS)


def test_codecs_that_count_from_nothing_say_so(small):
    with pytest.raises(InrError, match="codec 'coin' takes no reference weights; mlp does"):
        inr.compress(picture(0), codec="coin", reference=small, bytes=300, **OPTIONS)
