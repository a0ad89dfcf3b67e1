"""Sounds there and back, in every encoding; metadata; what does not fit."""

import numpy as np
import pytest

from inr.signals import Signal, psnr, snr, write
from inr.signals import open as open_signal

soundfile = pytest.importorskip("soundfile")


def sound(channels: int, dtype: type) -> np.ndarray:
    rng = np.random.default_rng(channels)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 0.5, (300, channels)).astype(dtype)  # some beyond ±1
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (300, channels), dtype, endpoint=True)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_wav_keeps_every_bit(tmp_path, channels, dtype):
    signal = Signal.from_array(sound(channels, dtype), kind="audio", sample_rate=22_050)
    signal.save(tmp_path / "a.wav")
    found = open_signal(tmp_path / "a.wav")
    assert found.array.dtype == dtype
    np.testing.assert_array_equal(found.array, signal.array)
    assert (found.domain.axes, found.domain.values) == (signal.domain.axes, signal.domain.values)
    found.save(tmp_path / "b.wav")
    assert open_signal(tmp_path / "b.wav").domain == found.domain


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_flac_keeps_every_bit(tmp_path, channels):
    signal = Signal.from_array(sound(channels, np.int16), kind="audio", sample_rate=44_100)
    signal.save(tmp_path / "a.flac")
    np.testing.assert_array_equal(open_signal(tmp_path / "a.flac").array, signal.array)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_the_encoding_of_a_wav_is_kept(tmp_path, subtype):
    soundfile.write(tmp_path / "a.wav", sound(2, np.float64) / 4, 8000, subtype=subtype)
    signal = open_signal(tmp_path / "a.wav")
    signal.save(tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").subtype == subtype
    again = open_signal(tmp_path / "b.wav")
    np.testing.assert_array_equal(again.array, signal.array)
    assert again.domain == signal.domain


def test_24_bits_go_from_wav_to_flac(tmp_path):
    soundfile.write(tmp_path / "a.wav", sound(1, np.float64) / 4, 8000, subtype="PCM_24")
    signal = open_signal(tmp_path / "a.wav")
    signal.save(tmp_path / "a.flac")
    np.testing.assert_array_equal(open_signal(tmp_path / "a.flac").array, signal.array)


def test_the_axis_is_in_seconds_and_the_range_symmetric(tmp_path, tone):
    Signal.from_array(tone, kind="audio", sample_rate=8000).save(tmp_path / "a.wav")
    domain = open_signal(tmp_path / "a.wav").domain
    assert [(axis.name, axis.unit, axis.low, axis.high) for axis in domain.axes] == [("t", "s", 0, 0.5)]
    peak = np.abs(tone.astype(int)).max()
    assert (domain.values.low, domain.values.high) == ((-peak,), (peak,))
    assert domain.values.data_range == 2 * peak


def test_more_samples_over_the_same_duration_mean_a_higher_rate(tmp_path, tone):
    signal = Signal.from_array(tone, kind="audio", sample_rate=8000)
    write(tmp_path / "a.wav", np.repeat(signal.array, 3, axis=0), signal.domain)
    found = open_signal(tmp_path / "a.wav")
    assert found.domain.meta["sample_rate"] == 24_000
    assert found.domain.axes[0].high == 0.5


def test_silence_works(tmp_path):
    signal = Signal.from_array(np.zeros(100, np.int16), kind="audio", sample_rate=8000)
    signal.save(tmp_path / "a.wav")
    found = open_signal(tmp_path / "a.wav")
    assert found.domain.values.data_range == 2
    assert float(next(found.blocks())[1].abs().max()) == 0
    assert psnr(found.array, signal.array, 2) == np.inf


def test_a_streamed_wav_whose_length_was_never_filled_in(tmp_path, tone):
    Signal.from_array(tone, kind="audio", sample_rate=8000).save(tmp_path / "a.wav")
    data = (tmp_path / "a.wav").read_bytes()
    at = data.index(b"data") + 4
    (tmp_path / "b.wav").write_bytes(data[:at] + b"\xff" * 4 + data[at + 4 :])
    np.testing.assert_array_equal(open_signal(tmp_path / "b.wav").array[:, 0], tone)


def test_flac_refuses_what_it_cannot_hold(tmp_path, refused):
    for dtype in (np.float32, np.int32):
        signal = Signal.from_array(sound(1, dtype), kind="audio", sample_rate=8000)
        refused(lambda signal=signal: signal.save(tmp_path / "a.flac"), "24 bits", ".wav")
    many = Signal.from_array(sound(9, np.int16), kind="audio", sample_rate=8000)
    refused(lambda: many.save(tmp_path / "a.flac"), "cannot write")
    assert list(tmp_path.iterdir()) == []


def test_an_array_of_sound_needs_its_rate_and_a_type_sounds_have(refused):
    refused(lambda: Signal.from_array(np.zeros(9), kind="audio"), "sample_rate")
    refused(lambda: Signal.from_array(np.zeros(9, np.uint8), kind="audio", sample_rate=8000), "int16", "uint8")
    refused(lambda: Signal.from_array(np.zeros(9), kind="audio", sample_rate=0), "positive")
    refused(lambda: Signal.from_array(np.zeros(9), sample_rate=8000), "belongs to audio")


def test_a_recording(shared_data):
    signal = open_signal(shared_data / "audio" / "gt_bach.wav")
    assert (signal.size, signal.channels, signal.domain.dtype) == (308_207, 1, "float32")
    assert signal.domain.axes[0].high == pytest.approx(6.9888, abs=1e-4)
    silence = np.zeros_like(signal.array)
    assert snr(signal.array, silence) == 0
    assert 20 < psnr(signal.array, silence, signal.domain.values.data_range) < 25  # a PSNR flatters quiet sounds
