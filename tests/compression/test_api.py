"""Compressing and decompressing in one call, and fields that are fitted already."""

import warnings

import numpy as np
import pytest

import inr
from inr import InrError, Signal, container
from inr.compression import compress_and_measure, recompress

OPTIONS = {"steps": 60, "engine": "cpu:threads=1"}


def waves(shape):
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / shape[0]
    return 127 + 70 * np.sin(5 * x + 2 * y) + 40 * np.cos(9 * y * x)


@pytest.fixture(scope="module")
def picture():
    grey = waves((20, 28))
    return Signal.from_array(np.stack([grey, 250 - grey, grey / 2], axis=-1).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def made(picture):
    return compress_and_measure(picture, codec="mlp", bytes=300, **OPTIONS)


@pytest.fixture(scope="module")
def data(made):
    return made.data


def psnr(one, other, peak=255):
    return 10 * np.log10(peak**2 / np.square(one.astype(float) - other).mean())


def test_a_picture_comes_back_in_its_own_type(picture, data):
    samples = inr.decompress(data, engine="cpu:threads=1")
    assert (samples.dtype, samples.shape) == (np.uint8, (20, 28, 3))
    assert psnr(picture.array, samples) > 18
    assert len(data) <= 300


def test_quality_is_that_of_the_decoded_samples(made, picture):
    assert made.psnr == pytest.approx(psnr(picture.array, inr.decompress(made.data)), abs=1e-3)
    assert made.missed is None


def test_equal_input_gives_equal_bytes(picture, data):
    assert inr.compress(picture, codec="mlp", bytes=300, **OPTIONS) == data


def test_bits_per_sample_count_all_of_the_file(picture):
    assert 0.9 * 5 * 20 * 28 / 8 < len(inr.compress(picture, codec="mlp", bpp=5.0, **OPTIONS)) <= 5 * 20 * 28 / 8


def test_any_resolution_and_crop(data):
    assert inr.decompress(data, shape=(40, 56)).shape == (40, 56, 3)
    whole = inr.decompress(data, engine="eager")
    quarter = inr.decompress(data, shape=(10, 14), box=[(-1, 0), (-1, 0)], engine="eager")
    assert np.abs(whole[:10, :14].astype(int) - quarter).max() <= 1


def test_engines_decode_alike(data):
    eager, cpu = (inr.decompress(data, engine=engine).astype(int) for engine in ("eager", "cpu"))
    assert np.abs(eager - cpu).max() <= 1
    assert (eager != cpu).mean() <= 1e-3


@pytest.mark.parametrize("kind", ["sound", "volume", "map"])
@pytest.mark.long
def test_other_signals_too(kind):
    signal = {
        "sound": lambda: Signal.from_array(
            (9000 * np.sin(np.arange(2000) / 9)).astype(np.int16), kind="audio", sample_rate=8000
        ),
        "volume": lambda: Signal.from_array(np.float32(273) + waves((8, 9))[:, :, None] * np.ones(7, np.float32)),
        "map": lambda: Signal.from_array((waves((16, 32)) / 255).astype(np.float32), kind="volume"),
    }[kind]()
    made = compress_and_measure(signal, bytes=400, codec="mlp:sphere=true" if kind == "map" else "mlp", **OPTIONS)
    samples = inr.decompress(made.data)
    assert (samples.dtype, samples.shape) == (signal.array.dtype, signal.array.shape)
    domain = inr.compression.decode(made.data).domain
    assert (domain.kind, domain.axes, domain.meta) == (signal.domain.kind, signal.domain.axes, signal.domain.meta)
    assert domain.values.low[0] <= signal.array.min()
    assert signal.array.max() <= domain.values.high[0]


@pytest.mark.long
def test_a_quality_is_searched(picture):
    made = compress_and_measure(picture, codec="mlp", psnr=24.0, **OPTIONS)
    assert made.psnr >= 24
    assert made.missed is None


def test_a_target_that_cannot_be_met_gets_the_nearest(picture):
    small = compress_and_measure(picture, codec="mlp", bytes=20, **OPTIONS)
    assert len(small.data) > 20
    assert "more than asked for" in small.missed
    assert inr.decompress(small.data).shape == (20, 28, 3)


def test_a_prefix_that_holds_no_base_is_refused(data):
    with pytest.raises(inr.DamagedFile, match="truncated"):
        inr.decompress(data[:-1])


def test_enhancement_sections_that_are_damaged_are_warned_of(data):
    contents = container.loads(data)
    detail = container.Section("detail.1", {"payload": np.zeros(30, np.uint8)}, "bytes", base=False)
    longer = container.dumps(contents.header, [*contents.sections.values(), detail])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = inr.decompress(longer)
    with pytest.warns(UserWarning, match=r"sections detail\.1 are damaged or missing"):
        assert np.array_equal(inr.decompress(longer[:-3]), whole)


@pytest.mark.long
def test_a_fitted_field_is_recompressed(picture):
    parts = {"encoding": "fourier:frequencies=8,sigma=1", "activation": "relu", "network": "mlp:depth=2,width=12"}
    field = inr.fit(picture, steps=300, seed=0, **parts)
    against_itself = recompress(field, bytes=700, steps=50, engine="cpu:threads=1")
    assert len(against_itself.data) <= 700
    decoded = inr.compression.decode(against_itself.data)
    assert decoded.config() == field.config()
    assert np.array_equal(decoded.encoding.frequencies.numpy(), field.encoding.frequencies.numpy())
    assert psnr(inr.compression.sample(field), inr.decompress(against_itself.data)) > 25
    rounded = recompress(field, signal=picture, bytes=700, steps=0, engine="cpu:threads=1")
    learned = recompress(field, signal=picture, bytes=700, steps=200, engine="cpu:threads=1")
    assert learned.psnr > rounded.psnr


@pytest.mark.parametrize(
    "encoding", ["hash:levels=3,log2_size=6,coarsest=4,finest=20", "sape:num_blocks=4,resolution=5"]
)
def test_fields_of_any_parts_are_recompressed(picture, encoding):
    field = inr.fit(picture, steps=30, encoding=encoding, network="mlp:depth=1,width=8", engine="eager")
    made = recompress(field, bytes=3_000 if encoding.startswith("hash") else 20_000, steps=0, engine="eager")
    decoded = inr.compression.decode(made.data)
    assert decoded.config() == field.config()
    assert np.abs(inr.compression.sample(field).astype(int) - inr.decompress(made.data)).max() <= 1


def test_what_cannot_be_compressed_is_refused(picture):
    scattered = Signal.from_samples(np.arange(9.0), np.arange(9.0))
    with pytest.raises(InrError, match="scattered"):
        inr.compress(scattered)
    with pytest.raises(InrError, match="bpp and psnr"):
        inr.compress(picture, bpp=1, psnr=30)
    with pytest.raises(InrError, match="unknown codec 'jpeg'"):
        inr.compress(picture, codec="jpeg")
    with pytest.raises(InrError, match="at least 1 step"):
        inr.compress(picture, steps=0)
    with pytest.raises(InrError, match="recompress"):
        inr.compress(picture, codec="weights")
    field = inr.fit(picture, steps=2, encoding="identity", network="mlp:depth=1,width=4", engine="eager")
    with pytest.raises(InrError, match="is not the field's"):
        recompress(field, signal=Signal.from_array(np.zeros((5, 5, 3), np.uint8)))
