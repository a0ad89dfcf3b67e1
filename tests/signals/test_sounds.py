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


def test_what_libsndfile_reads_is_read_in_the_type_of_its_encoding(tmp_path, tone):
    for form, subtype, dtype in (
        ("AIFF", "PCM_24", "int32"), ("AIFF", "FLOAT", "float32"), ("AU", "ALAW", "int16"),
        ("SVX", "PCM_S8", "int16"),
        ("CAF", "ALAC_24", "int32"), ("RF64", "PCM_16", "int16"), ("W64", "DOUBLE", "float64"),
        ("VOC", "PCM_16", "int16"),
        ("NIST", "PCM_32", "int32"), ("IRCAM", "FLOAT", "float32"),
    ):  # fmt: skip
        path = tmp_path / f"{form}.bin"
        soundfile.write(path, tone, 11_025, subtype=subtype, format=form)
        found = open_signal(path)
        expected, rate = soundfile.read(path, dtype=dtype, always_2d=True)
        assert (found.domain.kind, found.domain.meta) == ("audio", {"sample_rate": rate, "subtype": subtype})
        assert found.array.dtype == dtype
        np.testing.assert_array_equal(found.array, expected)


@pytest.mark.parametrize(("form", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")])
def test_sounds_without_a_resolution_are_floats_and_stay_so_in_wav(tmp_path, tone, form, subtype):
    soundfile.write(tmp_path / "a", tone / 2**15, 48_000, subtype=subtype, format=form)
    found = open_signal(tmp_path / "a")
    assert (found.array.shape, found.array.dtype) == ((4000, 1), np.float32)
    assert snr(tone[:, None] / 2**15, found.array) > 12  # 14.8 dB, by Opus, when written
    found.save(tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").subtype == "FLOAT"
    np.testing.assert_array_equal(open_signal(tmp_path / "b.wav").array, found.array)


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("WAV", "GSM610"), ("WAV", "G721_32"), ("WAV", "NMS_ADPCM_24"), ("W64", "GSM610"),
     ("AU", "G723_40"), ("XI", "DPCM_16")],
)  # fmt: skip
def test_encodings_that_cannot_be_sought_in_are_read(tmp_path, tone, form, subtype):
    soundfile.write(tmp_path / "a", tone, 8000, subtype=subtype, format=form)
    found = open_signal(tmp_path / "a")
    assert found.array.dtype == np.int16
    assert 4000 <= found.size < 4600  # whole blocks
    assert snr(tone, found.array[:4000, 0]) > 4
    found.save(tmp_path / "b.wav")  # without the loss of another generation
    np.testing.assert_array_equal(open_signal(tmp_path / "b.wav").array, found.array)


LENGTHS = (0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000 - 44, 0x80000000, 0xFFFFFFFF - 36, 0xFFFFFFFF)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("riff", [0, None, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_is_read_to_its_end(tmp_path, length, riff):
    stereo = sound(2, np.int16)
    soundfile.write(tmp_path / "a.wav", stereo, 16_000, subtype="PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = length.to_bytes(4, "little")
    data[4:8] = (min(length + 36, 0xFFFFFFFF) if riff is None else riff).to_bytes(4, "little")
    (tmp_path / "b.wav").write_bytes(data)
    np.testing.assert_array_equal(open_signal(tmp_path / "b.wav").array, stereo)


def test_other_formats_from_pipes_are_read_to_their_end(tmp_path, tone):
    for form, chunk, field in (
        ("AIFF", b"SSND", (0x7F000008).to_bytes(4, "big")),
        ("AU", b".snd", None),
        ("CAF", b"data", b"\xff" * 8),
    ):
        soundfile.write(tmp_path / "a", tone, 8000, subtype="PCM_16", format=form)
        data = bytearray((tmp_path / "a").read_bytes())
        at = 8 if field is None else data.index(chunk) + 4
        field = field or b"\xff" * 4
        data[at : at + len(field)] = field
        (tmp_path / "b").write_bytes(data)
        np.testing.assert_array_equal(open_signal(tmp_path / "b").array[:, 0], tone)


def test_a_wav_that_claims_more_than_a_pipe_would_is_cut_short(tmp_path, tone, refused):
    Signal.from_array(tone, kind="audio", sample_rate=8000).save(tmp_path / "a.wav")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    at = data.index(b"data") + 4
    for length in (8002, 0x10000000, 0x7FFE0000, 0x90000000):
        data[at : at + 4] = length.to_bytes(4, "little")
        (tmp_path / "b.wav").write_bytes(data)
        refused(lambda: open_signal(tmp_path / "b.wav"), "cut short", f"{at + 4 + length:,}")


@pytest.mark.parametrize(
    ("name", "codec", "form"), [("a.m4a", "alac", "s16p"), ("a.mka", "pcm_s32le", "s32"), ("a.m4a", "aac", "fltp")]
)
def test_a_sound_in_the_container_of_a_video(tmp_path, name, codec, form):
    av = pytest.importorskip("av")
    dtype = {"s16p": np.int16, "s32": np.int32, "fltp": np.float32}[form]
    stereo = sound(2, dtype) if codec != "aac" else np.sin(np.arange(4096)[:, None] / [9, 20]).astype(np.float32) / 2
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=22_050, layout="stereo")
        planes = stereo.T.copy() if form.endswith("p") else stereo.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(planes, format=form, layout="stereo")
        frame.sample_rate, frame.pts = 22_050, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    found = open_signal(tmp_path / name)
    assert (found.domain.kind, found.domain.meta) == ("audio", {"sample_rate": 22_050})
    if codec == "aac":
        assert (found.array.shape, found.array.dtype) == ((4096, 2), np.float32)
        assert snr(stereo, found.array) > 20
    else:  # this ALAC has 24 bits, which fill the upper ones of 32
        expected = stereo.astype(np.int32) << (16 if codec == "alac" else 0)
        np.testing.assert_array_equal(found.array, expected, strict=True)
    with pytest.raises(ValueError, match="over the limit of 100 bytes"):
        open_signal(tmp_path / name, max_bytes=100)
