"""Codec "latent" around its fit: components, sections and targets, with a fit in its place that takes no time."""

import warnings
import zlib
from dataclasses import dataclass

import numpy as np
import pytest

import inr
from inr import DamagedFile, InrError, container
from inr.compression import FitSeries, compress_and_measure, latent_files
from inr.compression.bitstream.latent import component_table as form
from inr.compression.bitstream.latent import components
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.parameters import QuantisedParameters
from inr.compression.bitstream.latent.sample_values import fraction_bits, from_unit
from inr.compression.bitstream.stream import Cursor
from inr.compression.encoder.latent import effort, picture
from inr.compression.encoder.latent.largest_error import corrections
from inr.container import GIB

RNG = np.random.default_rng(5)


@dataclass(frozen=True)
class Fitted:
    layout: Layout
    picture: np.ndarray
    seen: np.ndarray


class Stub:
    """A fit that rounds pixels to as few bits as its goal allows; its networks are the number of bits.

    Of two pieces, the first holds the middle of each channel, and the second how far pixels are from it.
    """

    def __init__(self):
        self.fits = []

    def fit_component(self, picture, importance, preset, goal, *, steps, seconds, seed, engine, fits):
        self.fits.append((picture, importance, preset, goal, steps, seconds))
        seen = np.ones(picture.shape[1:], bool) if importance is None else importance > 0
        return Fitted(Layout(*picture.shape[1:], len(picture), preset), picture, seen)

    def finish(self, picture, importance, fitted, goal, *, write, **others):
        def rounded(bits):
            networks = QuantisedParameters(fitted.layout, {}, {"bits": bits})
            return networks, np.rint(picture * (2**bits - 1)).astype(np.int32) * fitted.seen

        found = rounded(1)
        for bits in range(1, 17):
            networks, latents = rounded(bits)
            error = np.square(latents / (2**bits - 1) - picture)[:, fitted.seen].mean()
            if goal.bytes is not None and len(write(networks, latents)) > goal.bytes:
                break
            found = networks, latents
            if goal.psnr is not None and error <= 10 ** (-goal.psnr / 10):
                break
            if goal.weight is not None and bits >= -2 * np.log10(goal.weight):
                break
        return found

    def encode_parameters(self, networks):
        return bytes([networks.exponents["bits"]])

    def decode_parameters(self, layout, data):
        if len(data) != 1 or not 1 <= data[0] <= 16:
            raise InrError("no stub writes such networks")
        return data[0]

    def encode_latents(self, layout, networks, latents):
        middle = np.median(latents.reshape(len(latents), -1), axis=1).astype(np.int32)
        return [middle.tobytes(), zlib.compress((latents - middle[:, None, None]).tobytes(), 9)]

    def decode_latents(self, layout, bits, pieces):
        found = np.zeros((layout.channels, layout.height, layout.width), np.int32)
        if pieces:
            found += np.frombuffer(pieces[0], np.int32)[:, None, None]
        if len(pieces) > 1:
            found += np.frombuffer(zlib.decompress(pieces[1]), np.int32).reshape(found.shape)
        return found

    def decode_picture(self, layout, bits, latents, *, fraction_bits):
        return np.rint(latents / (2**bits - 1) * 2**fraction_bits).astype(np.int32)


@pytest.fixture
def stub(monkeypatch):
    """The stub in place of what fits, and of networks and latents in files."""
    found = Stub()
    for name in ("fit_component", "finish", "encode_parameters", "encode_latents"):
        monkeypatch.setattr(picture, name, getattr(found, name))

    def decode_unit(component, domain, pieces, bits, write, threads):
        layout = Layout(*domain.shape, component.channels, component.preset)
        networks = found.decode_parameters(layout, component.networks)
        latents = found.decode_latents(layout, networks, pieces)
        write(0, found.decode_picture(layout, networks, latents, fraction_bits=bits))

    monkeypatch.setattr(components, "decode_unit", decode_unit)
    return found


def smooth(shape, peak, dtype):
    height, width, channels = shape
    y, x = np.mgrid[0:height, 0:width]
    planes = [np.sin(x / 7 + each) * np.cos(y / (5 + each)) for each in range(channels)]
    return ((np.stack(planes, axis=-1) + 1) / 2 * peak).astype(dtype)


def with_alpha(shape, dtype=np.uint8, peak=255, binary=False):
    array = smooth(shape, peak, dtype)
    array[..., -1] = np.where(array[..., -1] > 0.6 * peak, peak, 0 if binary else array[..., -1])
    array[..., -1][: shape[0] // 3] = 0
    return array


def compressed(array, *, kind="image", **options):
    signal = array if isinstance(array, inr.Signal) else inr.from_array(array, kind=kind)
    return compress_and_measure(signal, codec="latent", **options)


def psnr(one, other, peak):
    error = np.square(one.astype(float) - other).mean()
    return np.inf if error == 0 else 10 * np.log10(peak**2 / error)


PICTURES = {
    "grey": smooth((21, 30, 1), 255, np.uint8),
    "RGB": smooth((21, 30, 3), 255, np.uint8),
    "LA": with_alpha((21, 30, 2)),
    "RGBA": with_alpha((21, 30, 4)),
    "binary alpha": with_alpha((40, 40, 4), binary=True),
    "16 bit": smooth((21, 30, 3), 65_535, np.uint16),
    "12 bit": smooth((21, 30, 1), 4_000, np.uint16),
    "16 bit alpha": with_alpha((21, 30, 4), np.uint16, 65_535),
    "5x7": smooth((5, 7, 3), 255, np.uint8),
    "1x9": smooth((1, 9, 1), 255, np.uint8),
    "1x1": np.array([[[7, 99, 255]]], np.uint8),
    "flat": np.full((9, 12, 4), (10, 20, 30, 255), np.uint8),
    "clear": np.zeros((9, 12, 4), np.uint8),
    "floats": smooth((21, 30, 3), 1, np.float32),
    "heights": smooth((21, 30, 1), 4_000, np.int16) - np.int16(300),
    "deep heights": smooth((21, 30, 1), 2**34, np.int64) - 2**33,
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_comes_back_in_its_own_type(stub, name):
    array = PICTURES[name]
    made = compressed(array, quality=100)
    samples, domain = latent_files.read_samples(made.data)
    assert (samples.dtype, samples.shape) == (array.dtype, array.shape)
    assert np.array_equal(samples, inr.decompress(made.data))
    seen = np.broadcast_to(True, array.shape)
    if array.shape[-1] in (2, 4):
        seen = np.concatenate([np.repeat(array[..., -1:] > 0, array.shape[-1] - 1, axis=-1), seen[..., -1:]], axis=-1)
    peak = float(array.max()) - float(min(array.min(), 0)) or 1.0
    assert psnr(array[seen], samples[seen], peak) > 45
    assert domain.sampling == inr.from_array(array, kind="image").domain.sampling
    field = inr.compression.decode(made.data)
    assert field.domain == domain
    assert made.quality.psnr > 45


def test_what_is_not_seen_does_not_count_and_comes_back_clear(stub):
    array = with_alpha((21, 30, 4))
    array[array[..., -1] == 0] = 0
    samples = inr.decompress(compressed(array, quality=80).data)
    assert not samples[samples[..., -1] == 0].any()
    (picture, importance, *_), *_ = [each for each in stub.fits if len(each[0]) == 3]
    assert picture.dtype == importance.dtype == np.float32
    assert np.array_equal(importance > 0, array[..., -1] > 0)


def test_binary_alpha_is_kept_without_loss(stub):
    array = PICTURES["binary alpha"]
    samples = inr.decompress(compressed(array, bytes=3_000).data)
    assert np.array_equal(samples[..., -1], array[..., -1])
    assert [len(picture) for picture, *_ in stub.fits] == [3]


def test_constants_take_no_fit_and_few_bytes(stub):
    for name in ("1x1", "flat", "clear"):
        made = compressed(PICTURES[name], quality=0)
        assert np.array_equal(inr.decompress(made.data), PICTURES[name])
        assert len(made.data) < 90
    assert not stub.fits


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_maps_with_missing_values_keep_their_mask(stub, dtype):
    array = smooth((24, 33, 1), 80, dtype)[..., 0] - dtype(20)
    array[5:9, 10:20] = np.nan
    signal = inr.from_array(array, kind="volume")
    samples = inr.decompress(compressed(signal, quality=100).data)
    assert samples.dtype == dtype
    assert np.array_equal(np.isnan(samples[..., 0]), np.isnan(array))
    assert np.nanmax(np.abs(samples[..., 0].astype(float) - array)) < 0.5
    (_, importance, *_), *_ = stub.fits
    assert np.array_equal(importance == 0, np.isnan(array))


def test_missing_heights_are_nodata_again(stub):
    array = smooth((24, 33, 1), 2_000, np.int16)
    array[3:6, 4:9] = -9999
    made = compressed(inr.from_array(array, kind="image", nodata=-9999), quality=100)
    samples, domain = latent_files.read_samples(made.data)
    assert np.array_equal(samples == -9999, array == -9999)
    marked = latent_files.marked(samples, domain)
    assert np.array_equal(np.isnan(marked), array == -9999)


@pytest.mark.parametrize(("dtype", "low", "span"), [
    (np.uint8, 0, 255), (np.uint16, 0, 4095), (np.int16, -300, 4_000), (np.int32, -(2**31), 2**32 - 1),
])  # fmt: skip
def test_integers_are_mapped_by_exact_arithmetic(dtype, low, span):
    bits = fraction_bits(np.dtype(dtype))
    unit = np.array([0, 1, 1 << bits - 1, (1 << bits) - 1, 1 << bits, *RNG.integers(0, 1 << bits, 500)])
    out = np.empty((len(unit), 1, 1), dtype)
    from_unit(unit.astype(np.int32).reshape(1, -1, 1), bits, out, [low], [span])
    expected = [low + (int(each) * span + (1 << bits - 1) >> bits) for each in unit]
    assert out.ravel().tolist() == expected
    assert expected[0] == low
    assert expected[4] == low + span


def test_floats_are_mapped_by_plain_float64():
    unit = RNG.integers(0, 1 << 20, 300).astype(np.int32)
    for dtype in (np.float32, np.float64):
        out = np.empty((300, 1, 1), dtype)
        from_unit(unit.reshape(1, -1, 1), 20, out, [-71.3], [200.7])
        assert out.ravel().tolist() == [float(dtype(-71.3 + 200.7 * (int(each) / 2**20))) for each in unit]


def sections(data):
    return {entry.name: entry for entry in container.loads(data).table}


def test_damaged_sections_are_named_and_finer_grids_left_out(stub):
    array = smooth((40, 48, 3), 255, np.uint8)
    data = compressed(array, quality=60).data
    assert [*sections(data)] == ["base", "g0"]
    altered = bytearray(data)
    altered[-3] ^= 8
    with pytest.warns(UserWarning, match="sections g0 are damaged or missing"):
        samples, _ = latent_files.read_samples(altered)
    assert len(np.unique(samples.reshape(-1, 3), axis=0)) == 1
    with pytest.warns(UserWarning, match="sections g0 are damaged or missing"):
        assert np.array_equal(inr.decompress(altered), samples)
    start = len(data) - sections(data)["g0"].size
    altered = bytearray(data)
    altered[start - 3] ^= 8
    with pytest.raises(DamagedFile, match="section 'base'"):
        latent_files.read_samples(altered)


def test_any_beginning_that_holds_base_decodes(stub):
    array = with_alpha((40, 48, 4))
    data = compressed(array, quality=60).data
    base_end = len(data) - sum(entry.size for entry in sections(data).values() if not entry.base)
    for size in range(base_end, len(data), max((len(data) - base_end) // 9, 1)):
        with pytest.warns(UserWarning, match="damaged or missing"):
            assert inr.decompress(data[:size]).shape == (40, 48, 4)
    for size in (base_end - 1, 20, 3):
        with pytest.raises(DamagedFile):
            inr.decompress(data[:size])


def test_alpha_comes_before_the_finest_grid_of_colour():
    lossy = form.Component(3, form.LATENTS, "lop", b"n", 3)
    alpha = form.Component(1, form.LATENTS, "lop", b"n", 2)
    assert form.piece_order([lossy, alpha]) == [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2)]
    flat = form.Component(3, form.CONSTANT, constant=b"rgb")
    assert form.piece_order([flat, alpha]) == [(1, 0), (1, 1)]


def test_a_loaded_field_is_saved_as_it_was(stub, tmp_path):
    (tmp_path / "a.inr").write_bytes(compressed(PICTURES["RGBA"], quality=60).data)
    inr.load(tmp_path / "a.inr").save(tmp_path / "b.inr")
    assert (tmp_path / "a.inr").read_bytes() == (tmp_path / "b.inr").read_bytes()


def test_other_resolutions_and_crops_are_the_interpolant(stub):
    array = smooth((20, 24, 3), 255, np.uint8)
    data = compressed(array, quality=100).data
    assert inr.decompress(data, shape=(40, 48)).shape == (40, 48, 3)
    part = inr.decompress(data, shape=(10, 12), box=[(-1, 0), (-1, 0)])
    assert np.abs(part.astype(int) - array[:10, :12]).max() < 6


def crafted(header, base):
    return container.dumps(
        {"codec": "latent", "domain": {"kind": "image", **header}},
        [container.Section("base", {"payload": np.frombuffer(base, np.uint8)}, "bytes")],
    )


def test_a_crafted_header_cannot_take_more_memory_than_allowed():
    base = form.write_table(form.Table(0, (form.Component(3, form.LATENTS, "hop", b"\1", 1),), (1,))) + b"latents"
    with pytest.raises(DamagedFile, match=r"MiB of memory, more than the 1,024.0 allowed"):
        latent_files.read_samples(crafted({"shape": [1 << 16, 1 << 15]}, base))
    flat = form.write_table(form.Table(0, (form.Component(3, form.CONSTANT, constant=b"rgb"),), (0,)))
    for shape in ([1 << 16, 1 << 15], [(1 << 48) - 1, (1 << 48) - 1]):
        with pytest.raises(DamagedFile, match=r"more than the 1,024\.0 allowed"):
            latent_files.read_samples(crafted({"shape": shape}, flat))
    with pytest.raises(DamagedFile, match=r"more than the 0\.0 allowed"):
        latent_files.read_samples(crafted({"shape": [30, 30]}, flat), max_bytes=1_000)


@pytest.mark.parametrize(
    ("domain", "base", "message"),
    [
        ({"shape": [3, 4]}, b"", "cut"),
        ({"shape": [3, 4]}, b"\x08", "flags 0x8"),
        ({"shape": [3, 4]}, b"\0\x03", "component 0x3"),
        ({"shape": [3, 4]}, b"\0\x0c", "component 0xc"),
        ({"shape": [3, 4]}, b"\0\x02rg", "cut"),
        ({"shape": [3, 4]}, b"\0\x02rgb\1", "1 pieces, where there are 0"),
        ({"shape": [3, 4]}, b"\0\x02rgb\0more", "4 bytes follow"),
        ({"shape": [3, 4]}, b"\0\0\0\0", "0 pieces"),
        ({"shape": [3, 4]}, b"\0\0\2\0\1\0", "without any piece"),
        ({"shape": [3, 4]}, b"\0\x21\1\xff\1", "uint8 has no range"),
        ({"shape": [3, 4], "channels": 7}, b"\0", "channels"),
        ({"shape": [3, 4, 5], "kind": "video"}, b"\0", "two axes"),
    ],
)
def test_crafted_tables_are_refused_in_words(domain, base, message):
    with pytest.raises(DamagedFile, match=message):
        latent_files.read_samples(crafted(domain, base))


def test_tables_come_back(stub):
    domain = inr.from_array(np.zeros((4, 5, 4), np.uint16), kind="image").domain
    table = form.Table(
        form.AREA | form.CLEAR,
        (
            form.Component(3, form.LATENTS, "hop", b"networks", 3, 0, 4_095),
            form.Component(1, form.LOSSLESS, pieces=1),
        ),
        (2, 1, 1),
    )
    cursor = Cursor(memoryview(form.write_table(table) + b"rest"))
    assert form.read_table(cursor, domain) == table
    assert bytes(cursor.rest()) == b"rest"


def test_targets_in_bytes_are_met_from_below(stub):
    array = with_alpha((48, 48, 4))
    for size in (2_500, 5_000, 12_000):
        made = compressed(array, bytes=size)
        assert len(made.data) <= size
        assert made.missed is None
    made = compressed(array, bytes=40)
    assert "more than asked for" in made.missed


def test_bytes_that_no_network_fits_in_get_flat_components(stub):
    array = with_alpha((48, 48, 4))
    made = compressed(array, bytes=80)
    assert made.missed is None
    found = inr.decompress(made.data)
    assert len(made.data) <= 80
    assert len(np.unique(found.reshape(-1, 4), axis=0)) == 1
    assert np.abs(found[0, 0, :3] - array[array[..., 3] > 0][:, :3].mean(0)).max() <= 0.5
    assert abs(found[0, 0, 3] - array[..., 3].mean()) <= 0.5


@pytest.mark.parametrize("name", ["RGB", "LA", "RGBA", "16 bit", "heights", "floats"])
def test_targets_in_decibels_are_reached(stub, name):
    for wanted in (30.0, 40.0):
        made = compressed(PICTURES[name], psnr=wanted)
        assert made.missed is None
        assert made.psnr >= wanted


def test_quality_is_monotone(stub):
    made = [compressed(PICTURES["RGB"], quality=quality) for quality in (0, 25, 50, 75, 100)]
    assert [each.psnr for each in made] == sorted(each.psnr for each in made)
    assert [len(each.data) for each in made] == sorted(len(each.data) for each in made)
    weights = [goal.weight for _, _, _, goal, _, _ in stub.fits]
    assert weights[0] == pytest.approx(0.0501, rel=1e-2)
    assert weights[-1] == pytest.approx(6.31e-5, rel=1e-2)
    with pytest.raises(InrError, match="quality is a number from 0 to 100, got 101"):
        compressed(PICTURES["RGB"], quality=101)


@pytest.mark.parametrize(
    ("array", "bound"),
    [
        (smooth((24, 33, 1), 3_000, np.int16), 2),
        (smooth((24, 33, 1), 3_000, np.int16), 0.4),
        (smooth((24, 33, 3), 255, np.uint8), 6.7),
        (smooth((24, 33, 1), 80, np.float32), 0.25),
        (smooth((24, 33, 1), 80, np.float64) + 9_000, 1e-3),
        (with_alpha((24, 33, 4)), 9),
    ],
)
def test_a_largest_error_always_holds(stub, array, bound):
    made = compressed(array, max_error=bound, kind="image")
    assert made.missed is None
    assert 0 < made.quality.max_error <= bound or bound < 1
    assert len(stub.fits) >= 2


@pytest.mark.parametrize("name", ["RGB", "LA", "RGBA", "16 bit", "heights", "floats"])
@pytest.mark.parametrize("target", [{"psnr": 3.0}, {"max_error": 1e6}])
def test_one_colour_is_the_file_where_it_is_near_enough(stub, name, target):
    made = compressed(PICTURES[name], **target)
    assert made.missed is None
    assert not stub.fits
    assert len(made.data) < 150


def test_a_picture_too_large_for_the_memory_is_refused_before_anything_is_fitted(stub, monkeypatch):
    monkeypatch.setattr(effort, "usable_memory", lambda: 400_000)
    with pytest.raises(InrError, match=r"encoding .* megapixels takes about"):
        compressed(smooth((24, 33, 3), 255, np.uint8), bpp=2)
    assert not stub.fits
    monkeypatch.setattr(effort, "usable_memory", lambda: None)
    assert compressed(smooth((24, 33, 3), 255, np.uint8), bpp=2).data


def test_few_exceptions_to_one_colour_are_corrected(stub):
    array = np.full((24, 33, 1), 7.0, np.float32)
    array[3, 5], array[20, 30] = 250.0, -40.0
    made = compressed(array, max_error=1.0, kind="image")
    assert made.quality.max_error <= 1.0
    assert len(made.data) < 150


def test_missing_values_need_no_correction(stub):
    array = smooth((24, 33, 1), 80, np.float32)[..., 0]
    array[2:7, 5:20] = np.nan
    made = compressed(array, max_error=0.3, kind="volume")
    assert made.quality.max_error <= 0.3
    assert np.array_equal(np.isnan(inr.decompress(made.data)[..., 0]), np.isnan(array))


def test_damaged_corrections_are_named(stub):
    array = smooth((24, 33, 1), 3_000, np.int16)
    whole = compressed(array, quality=0).data
    encoder = picture.PictureEncoder(inr.from_array(array, kind="image"), "lop", 1, "auto", 0, FitSeries())
    payloads = encoder.of_weight(0.05)
    (added,) = corrections(encoder, payloads, 5)
    contents = container.loads(whole)
    section = container.Section(added.name, {"payload": np.frombuffer(added.data, np.uint8)}, "bytes", base=False)
    data = container.dumps(contents.header, [*contents.sections.values(), section])
    assert np.abs(inr.decompress(data) - array).max() <= 5
    with pytest.warns(UserWarning, match="sections corrections are damaged"):
        assert np.abs(inr.decompress(data[:-1]) - array).max() > 5


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (inr.from_array(np.zeros(30, np.int16), kind="audio", sample_rate=8_000), "two axes; mlp"),
        (inr.from_array(np.zeros((4, 5, 6), np.float32), kind="volume"), "two axes; mlp"),
        (inr.from_array(np.zeros((4, 5, 3), np.float32), kind="volume", channels_last=True), "two axes|of 3"),
        (inr.from_array(np.eye(5, dtype=np.int64) << 50, kind="image"), "span up to"),
    ],
)
def test_other_signals_are_refused(stub, signal, message):
    with pytest.raises(InrError, match=message):
        compressed(signal, quality=50)


def test_presets_are_seconds_that_grow_with_the_picture():
    def seconds(name, *shape):
        return inr.compression.preset_seconds(name, inr.from_array(np.zeros(shape, np.uint8), kind="image"))

    assert [seconds(name, 512, 768).seconds for name in ("fast", "default", "best")] == [60, 240, 900]
    assert seconds("default", 1024, 768) == (480, False)
    assert seconds("default", 8, 8) == (12, False)
    assert seconds("default", 4096, 4096) == (1920, True)
    with pytest.raises(InrError, match="one of fast, default, best"):
        seconds("slow", 8, 8)


def test_seconds_steps_and_presets_exclude_each_other(stub):
    array = PICTURES["RGB"]
    compressed(array, quality=50, preset="fast")
    compressed(array, quality=50, steps=7)
    compressed(array, quality=50)
    told = [(steps, seconds) for *_, steps, seconds in stub.fits]
    assert told == [(None, 3.0), (7, None), (None, 12.0)]
    for options in ({"steps": 7}, {"fits": inr.compression.FitSeries(seconds=3)}):
        with pytest.raises(InrError, match="give a preset, or steps or seconds"):
            compressed(array, quality=50, preset="best", **options)
    with pytest.raises(InrError, match="presets are codec latent's"):
        inr.compress(array, codec="mlp", preset="best")
    with pytest.raises(InrError, match="quality is a target of codec latent"):
        inr.compress(array, codec="mlp", quality=3)


def test_the_usual_codec_is_latent_for_pictures_and_mlp_for_what_is_small(stub):
    large = RNG.integers(0, 255, (64, 64, 3), np.uint8)
    assert container.loads(inr.compress(large, bytes=9_000)).header["codec"] == "latent"
    assert container.loads(inr.compress(large[:9], quality=20)).header["codec"] == "latent"
    small = inr.compress(large[:9], bytes=300, steps=2, engine="eager")
    assert container.loads(small).header["codec"] == "mlp"
    few = inr.compress(large, bytes=600, steps=2, engine="eager")
    assert container.loads(few).header["codec"] == "mlp"
    target = inr.compression.rate_control.Target(psnr=30.0)
    shapes = {"latent": (64, 64), "mlp": (63, 64)}
    for name, shape in shapes.items():
        signal = inr.from_array(np.zeros(shape, np.uint8), kind="image")
        assert inr.compression.default_codec(signal, target) == name
    soft = RNG.integers(0, 255, (64, 64, 4), np.uint8)
    opaque = np.where(np.arange(4) == 3, np.uint8(255), soft)
    for array, size, name in ((soft, 1_300, "mlp"), (soft, 1_400, "latent"), (opaque, 1_300, "latent")):
        target = inr.compression.rate_control.Target(bytes=size)
        assert inr.compression.default_codec(inr.from_array(array), target) == name
    drawn = np.kron(np.eye(8, dtype=np.uint8), np.ones((9, 9), np.uint8)) * 200
    made = compress_and_measure(drawn, bytes=1_000)
    assert container.loads(made.data).header["codec"] == "samples"
    assert made.quality.max_error == 0
    grid = inr.from_array(np.zeros((80, 80), np.float32), kind="volume")
    assert inr.compression.default_codec(grid, inr.compression.rate_control.Target(bytes=9_000)) == "mlp"


def test_files_name_no_option_that_only_encoding_heeds(stub):
    data = compress_and_measure(PICTURES["RGB"], codec="latent:preset=mop", quality=50).data
    assert container.loads(data).header["codec"] == "latent"
    assert stub.fits[0][2] == "mop"


def test_what_is_kept_is_refused_before_a_job_waits():
    signal = inr.from_array(np.zeros((80, 80, 3), np.uint8), kind="image")
    inr.compression.check_compression(signal, quality=50.0, preset="best")
    inr.compression.check_compression(signal, bytes=9_000, seconds=4.0)
    for options, message in [
        ({"preset": "slow"}, "preset is one of"), ({"preset": "best", "seconds": 3.0}, "give a preset, or"),
        ({"codec": "coin", "quality": 5.0}, "target of codec latent"), ({"codec": "latent:preset=big"}, "preset must"),
    ]:  # fmt: skip
        with pytest.raises(InrError, match=message):
            inr.compression.check_compression(signal, **options)


def test_nothing_warns_of_whole_files(stub):
    data = compressed(PICTURES["RGBA"], quality=50).data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        latent_files.read_samples(data, max_bytes=GIB)
