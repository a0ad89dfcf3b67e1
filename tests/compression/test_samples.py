"""Fields that are samples without loss: exact, small, and between the samples their interpolant."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import inr
from inr import InrError
from inr.compression import Keeping, sampled
from inr.compression.bitstream import samples as forms
from inr.compression.encoder.samples import encode_samples
from inr.field import SampledField
from inr.signals import lossless_bytes

RNG = np.random.default_rng(3)


def pictures():
    """Tiny, flat, noisy and drawn pictures of every number of channels."""
    for channels in (1, 3, 4):
        for shape in ((1, 1), (1, 2), (3, 1), (8, 8), (40, 41)):
            yield f"noise {shape} {channels}", RNG.integers(0, 256, (*shape, channels), dtype=np.uint8)
            yield f"flat {shape} {channels}", np.full((*shape, channels), 99, np.uint8)
            drawn = (RNG.random((*shape, 1)) > 0.5).astype(np.uint8) * 200
            yield f"drawn {shape} {channels}", np.repeat(drawn, channels, axis=2)
    yield "deep", RNG.integers(0, 65_536, (8, 8, 1), dtype=np.uint16)
    screen = np.full((300, 400, 3), 240, np.uint8)
    screen[20:40, 30:300] = (10, 20, 200)
    screen[::50] = 0
    yield "screen", screen


@pytest.mark.parametrize(("name", "array"), [*pictures()], ids=lambda each: each if isinstance(each, str) else "")
def test_no_default_file_of_a_tiny_flat_or_drawn_picture_is_larger_than_its_png(name, array, tmp_path):
    del name
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(tmp_path / "a.png", optimize=True)
    field = inr.fit(tmp_path / "a.png")
    field.save(tmp_path / "a.inr")
    assert (tmp_path / "a.inr").stat().st_size <= (tmp_path / "a.png").stat().st_size
    assert (tmp_path / "a.inr").stat().st_size <= lossless_bytes(inr.open(tmp_path / "a.png"))
    loaded = inr.load(tmp_path / "a.inr")
    assert np.array_equal(inr.render(loaded), array.astype(np.float32))
    assert loaded.domain == field.domain
    loaded.save(tmp_path / "b.inr")
    assert (tmp_path / "a.inr").read_bytes() == (tmp_path / "b.inr").read_bytes()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(7,), (5, 4), (3, 4, 5), (2, 3, 2, 3)])
def test_samples_of_every_type_come_back_to_the_bit(dtype, shape):
    array = (np.cumsum(RNG.standard_normal(shape), axis=-1) * 20).astype(dtype)
    signal = inr.from_array(array, kind="volume")
    payload = encode_samples(signal)
    found = forms.decode_samples(payload, signal.array.shape, signal.array.dtype, max_bytes=1 << 20)
    assert found.tobytes() == signal.array.tobytes()


@pytest.mark.parametrize("axes", range(8))
@pytest.mark.parametrize("form", [forms.STORED, forms.DEFLATED, forms.LZMA])
def test_every_form_and_all_differences_are_undone(form, axes):
    import lzma
    import zlib

    array = RNG.integers(-999, 999, (4, 5, 6, 2)).astype(np.int16)
    data = forms.differences(array, axes)
    if form == forms.DEFLATED:
        data = zlib.compress(data)[2:-4]
    elif form == forms.LZMA:
        data = lzma.compress(data, lzma.FORMAT_RAW, filters=forms.LZMA_FILTERS)
    payload = forms.first_byte(form, axes) + data
    assert np.array_equal(forms.decode_samples(payload, array.shape, array.dtype, max_bytes=10_000), array)


def test_sound_is_packed_as_flac_where_that_is_shorter():
    pytest.importorskip("soundfile")
    time = np.arange(4_000) / 8_000
    wave = (9_000 * np.sin(900 * time) + RNG.normal(0, 60, 4_000)).astype(np.int16)
    signal = inr.from_array(wave, kind="audio", sample_rate=8_000)
    payload = encode_samples(signal)
    assert payload[0] == forms.FLAC
    assert len(payload) < lossless_bytes(signal) < wave.nbytes
    assert np.array_equal(forms.decode_samples(payload, (4_000, 1), np.dtype(np.int16), max_bytes=9_000)[:, 0], wave)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "no samples"),
        (bytes([forms.STORED]) + bytes(11), "11 bytes"),
        (bytes([forms.STORED]) + bytes(13), "13 bytes"),
        (bytes([forms.DEFLATED]) + b"\xff\xff", "cannot be unpacked"),
        (bytes([forms.DEFLATED]) + b"\x01\x00\x00\xff\xff", "0 bytes"),
        (bytes([forms.LZMA]) + b"\xff" * 40, "unpack|bytes"),
        (bytes([forms.WEBP]) + b"RIFF", "picture"),
        (bytes([forms.FLAC]) + b"fLaC", "FLAC"),
        (bytes([6]) + bytes(12), "form 6"),
        (forms.first_byte(forms.STORED, 0b1000) + bytes(12), "axis 3"),
    ],
)
def test_payloads_that_do_not_hold_together_are_refused(payload, words):
    with pytest.raises(InrError, match=words):
        forms.decode_samples(payload, (2, 2, 3), np.dtype(np.uint8), max_bytes=100)


def test_no_more_is_unpacked_than_may_be():
    with pytest.raises(InrError, match="limit"):
        forms.decode_samples(bytes([forms.STORED]), (2, 2, 3), np.dtype(np.uint8), max_bytes=11)


@pytest.mark.parametrize(("sampling", "tolerance"), [("area", 1e-5), ("point", 1e-5)])
def test_a_ramp_is_exact_between_samples_and_has_its_slope(sampling, tolerance):
    signal = inr.from_array(np.add.outer(2.0 * np.arange(6), 3.0 * np.arange(9)), sampling=sampling)
    field = sampled(signal)
    coords = torch.rand(50, 2) * 2 - 1
    x, y = (coords[:, 0] + 1) * 4.5 - 0.5, (coords[:, 1] + 1) * 3 - 0.5
    assert torch.allclose(field.in_units(field(coords))[:, 0], 3 * x + 2 * y, atol=40 * tolerance)
    slope = field.gradient(coords.requires_grad_()) * 17  # half of the range of values
    assert torch.allclose(slope, torch.tensor([3 * 4.5, 2 * 3.0]).expand(50, 2), atol=1e-3)


def test_the_field_is_the_interpolant_at_places_in_cells():
    signal = inr.from_array(RNG.integers(0, 256, (6, 7, 3), dtype=np.uint8))
    indices = torch.arange(42)
    shifts = torch.rand(42, 2) - 0.5
    found = sampled(signal)(signal.shifted_coords(indices, shifts))
    assert torch.allclose(found, signal.interpolated(indices, shifts), atol=2e-5)


def test_what_asks_for_a_network_gets_one():
    signal = inr.from_array(RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    assert isinstance(inr.fit(signal, seconds=1), SampledField)
    assert isinstance(inr.fit(signal, coding="samples"), SampledField)
    network = {"network": "mlp:depth=1,width=4", "engine": "eager"}
    assert not isinstance(inr.fit(signal, steps=1, **network), SampledField)
    scattered = inr.signals.from_samples(RNG.random((9, 2)), RNG.random(9))
    with pytest.raises(InrError, match="grid"):
        inr.fit(scattered, coding="samples")
    with pytest.raises(InrError, match="samples"):
        Keeping("samples", bytes=100)


def test_maps_are_kept_as_their_samples():
    heights = np.cumsum(RNG.standard_normal((60, 70)), axis=1).astype(np.float32)
    assert Keeping().suited(inr.from_array(heights)).coding == "samples"
    assert Keeping(learned=True).suited(inr.from_array(heights)).coding == "exact"


def test_the_codec_of_samples_compresses_without_loss():
    array = RNG.integers(0, 9, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(inr.decompress(inr.compress(array_signal(array), codec="samples", bytes=1)), array)


def array_signal(array):
    return inr.from_array(array, kind="image")


HILLS = np.add.outer(np.sin(np.arange(40) / 6), np.cos(np.arange(50) / 5)) * 30 + np.random.default_rng(3).random(
    (40, 50)
)


@pytest.mark.parametrize(
    ("array", "bound"),
    [
        (HILLS.astype(np.float32), 0.25),
        (HILLS.astype(np.float32), 1e-4),
        (HILLS + 1e7, 0.5),
        (np.rint(HILLS).astype(np.int16), 2.0),
        (np.rint(HILLS).astype(np.int16), 2.7),
        ((HILLS + 120).astype(np.uint8), 0.5),
    ],
)
def test_no_sample_is_further_off_than_the_largest_error_allowed(array, bound, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a busy machine ends the fit early
        field = inr.fit(inr.from_array(array), seconds=0.3, max_error=bound)
    field.save(tmp_path / "a.inr")
    again = inr.load(tmp_path / "a.inr")
    values = array.astype(np.float64)
    found = inr.compression.sample(again)[..., 0] if array.dtype.kind == "i" else inr.render(again)[..., 0]
    spare = np.spacing(np.float32(np.abs(values).max()))  # rendering is in float32
    assert np.abs(found - values).max() <= bound + spare
    assert field.metrics["max_error"] <= bound + spare
    if bound > 0.1 and array.dtype != np.uint8:  # fewer bytes than without loss
        assert (tmp_path / "a.inr").stat().st_size < 0.8 * lossless_bytes(inr.from_array(array))


def test_a_largest_error_that_means_nothing_is_refused():
    signal = inr.from_array(HILLS.astype(np.float32))
    for options, words in (
        ({"max_error": 0.0}, "positive"),
        ({"max_error": 1.0, "psnr": 40.0}, "one of"),
        ({"max_error": 1.0, "coding": "exact"}, "exact"),
    ):
        with pytest.raises(inr.InrError, match=words):
            inr.fit(signal, steps=5, **options)
    with pytest.raises(inr.InrError, match="grids"):
        inr.fit(inr.signals.from_samples(np.arange(9.0), np.arange(9.0)), steps=5, max_error=1.0)


def test_a_network_that_is_not_within_the_largest_error_is_said():
    signal = inr.from_array(HILLS.astype(np.float32))
    with pytest.warns(RuntimeWarning, match="within 0.001 everywhere"):
        inr.fit(signal, steps=20, max_error=1e-3, network="mlp:depth=1,width=16", engine="eager", learning_rate=1e-3)
