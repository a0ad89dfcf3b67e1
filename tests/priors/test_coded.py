"""Signals that are told from a base in few bytes."""

import numpy as np
import pytest
import torch

import inr
from inr import container
from inr._errors import DamagedFile
from inr.compression import UnknownWeights
from inr.compression.bitstream.coefficients import decode, restored
from inr.compression.encoder.coefficients import encode, quantise, spread_of
from inr.priors import compress_signals, decompress_signals, learn, load_base


def series(count=24, seed=0, side=6):
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    level = np.cumsum(draw.normal(size=(count, 3)), axis=0) / 8
    maps = level[:, :1, None] * x + level[:, 1:2, None] * y + level[:, 2:, None] * np.sin(3 * x * y) + 5
    return [inr.from_array(each.astype(np.float32), value_range=(0, 10)) for each in maps]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    options = {"steps": 2, "held_out": 0, "network": "mlp:depth=1,width=4", "engine": "eager"}
    path = tmp_path_factory.mktemp("bases") / "maps.inr"
    return learn(series(), method="gaussian:components=6,tuned=false", out=path, **options)


@pytest.fixture(scope="module")
def two_coded(base):
    """The file of two maps."""
    return compress_signals(series(2, seed=1), base)


def random_coefficients(count=40, seed=0):
    draw = np.random.default_rng(seed)
    sizes = np.array([1.0, 0.5, 0.1, 0.01])
    rows = [draw.normal(size=4) * sizes]
    for _ in range(count - 1):
        rows.append(0.95 * rows[-1] + 0.3 * draw.normal(size=4) * sizes)
    return np.array(rows)


def one_line(error):
    """A refusal is told in one line."""
    assert "\n" not in str(error)


def within(rows, most):
    """Which choices of coefficients are within a sum of squared errors."""
    return lambda place, tried: np.square(tried - rows[place]).sum(1) <= most


def test_coefficients_come_back_within_the_error():
    rows = random_coefficients()
    spread = spread_of([rows[:20], rows[20:]])
    found = decode(memoryview(encode(rows, within(rows, 0.009), spread)), 40, spread)
    missed = np.square(found - rows).sum(1)
    assert (missed <= 0.009).all()
    # steps are a quarter of an octave apart, so that no signal is far finer than it must be
    assert missed.mean() > 0.004


@pytest.mark.long
def test_signals_in_a_series_take_fewer_bytes_than_mixed_ones():
    rows = random_coefficients(200)
    spread = spread_of([rows])
    mixed = rows[np.random.default_rng(0).permutation(200)]
    sizes = [len(encode(each, within(each, 1e-4), spread)) for each in (rows, mixed)]
    assert sizes[0] < 0.9 * sizes[1]


def test_wide_coefficients_are_coded_too():
    rows = random_coefficients()
    spread = spread_of([rows])
    rows[7] *= 300
    found = decode(memoryview(encode(rows, within(rows, 0.01), spread)), 40, spread)
    assert (np.square(found - rows).sum(1) <= 0.01).all()


def test_steps_finer_than_there_are_are_refused():
    rows = random_coefficients(1)
    with pytest.raises(inr.InrError, match="finer steps than files have"):
        quantise(rows, within(rows, 0), spread_of([random_coefficients()]), series=False, dead_zone=0.0)


def test_integers_alone_give_the_coefficients_back():
    rows = random_coefficients()
    spread = spread_of([rows])
    found = quantise(rows, within(rows, 0.01), spread, series=True, dead_zone=0.1)
    assert (np.square(restored(found, spread, series=True) - rows).sum(1) <= 0.01).all()


@pytest.mark.parametrize("psnr", [30, 45])
@pytest.mark.long
def test_coded_signals_have_the_quality_that_was_asked_for(base, psnr):
    held = series(9, seed=1)
    data = compress_signals(held, base, psnr=psnr, names=[f"{place}.npy" for place in range(9)])
    found, used, names = decompress_signals(data, base)
    assert used.name == base.name
    assert names[3] == "3.npy"
    for signal, decoded in zip(held, found, strict=True):
        assert inr.signals.psnr(signal.array, decoded, data_range=10) >= psnr - 1e-3


def test_one_signal_takes_few_bytes(base):
    # the base's SHA-256 takes 32 of them at least
    assert len(compress_signals(series(1, seed=2), base)) < 160


def test_a_base_is_found_beside_the_file_and_by_the_variable(base, two_coded, tmp_path, monkeypatch):
    data = two_coded
    assert len(decompress_signals(data, path=base.file.parent / "any.inr")[0]) == 2
    with pytest.raises(UnknownWeights, match="neither beside it nor in the folder"):
        decompress_signals(data, path=tmp_path / "a.inr")
    monkeypatch.setenv("INR_BASES", str(base.file.parent))
    assert len(decompress_signals(data, path=tmp_path / "a.inr")[0]) == 2


def test_another_base_is_refused(base, two_coded):
    other = learn(
        series(seed=3),
        method="gaussian:components=6,tuned=false",
        steps=1,
        network="mlp:depth=1,width=4",
        engine="eager",
    )
    data = two_coded
    with pytest.raises(UnknownWeights, match="is another"):
        decompress_signals(data, other)


def test_signals_of_other_sizes_and_bases_of_other_methods_are_refused(base):
    with pytest.raises(inr.InrError, match="codes are for the base's own size"):
        compress_signals(series(1, side=8), base)
    trunk = learn(series(4), steps=1, network="mlp:depth=1,width=4", engine="eager")
    with pytest.raises(inr.InrError, match="trunk tells no signals by coefficients"):
        compress_signals(series(1), trunk)
    with pytest.raises(inr.InrError, match="the base's deviations miss what is asked by"):
        compress_signals([np.random.default_rng(0).random((6, 6), dtype=np.float32)], base, psnr=60)


@pytest.mark.long
def test_files_take_at_most_the_bytes_asked_for(base):
    data = compress_signals(series(3, seed=1), base, bytes=140)
    assert 125 < len(data) <= 140
    with pytest.raises(inr.InrError, match="10 bytes are too few for these signals"):
        compress_signals(series(1, seed=1), base, bytes=10)


@pytest.fixture(scope="module")
def codes(tmp_path_factory):
    options = {"steps": 150, "held_out": 0, "network": "mlp:depth=2,width=12", "engine": "eager"}
    path = tmp_path_factory.mktemp("codes") / "codes.inr"
    return learn(series(), method="modulated:latents=4", out=path, **options)


@pytest.mark.long
def test_codes_of_a_modulated_base_are_told_in_a_few_bytes_each(codes):
    assert codes.spread["codes"].shape == (3, 4)
    held = series(12, seed=1)
    data = compress_signals(held, codes, psnr=20)
    assert len(data) - len(compress_signals(held[:1], codes, psnr=20)) < 11 * 4
    found, used, _ = decompress_signals(data, codes)
    assert used.name == codes.name
    for signal, decoded in zip(held, found, strict=True):
        assert inr.signals.psnr(signal.array, decoded, data_range=10) >= 20 - 1e-3
    with pytest.raises(inr.InrError, match="codes miss what is asked by"):
        compress_signals(held, codes, psnr=90)


@pytest.mark.long
def test_altered_coefficients_are_refused_or_read(codes):
    data = compress_signals(series(9, seed=1), codes, psnr=20)
    contents = inr.container.loads(data)
    draw = np.random.default_rng(0)
    for _ in range(60):
        payload = contents.sections["coded"].tensors["payload"].copy()
        payload[draw.integers(0, payload.size, 2)] = draw.integers(0, 256, 2)
        payload = payload[: draw.integers(0, payload.size + 1)] if draw.random() < 0.3 else payload
        section = inr.container.Section("coded", {"payload": payload}, "bytes")
        try:
            found, _, _ = decompress_signals(inr.container.dumps(contents.header, [section]), codes)
        except inr.InrError as error:
            one_line(error)
        else:
            assert found.shape == (9, 6, 6, 1)


@pytest.mark.parametrize(
    "told", [{"count": 1 << 20}, {"count": 0}, {"count": 3}, {"names": ["one"]}, {"names": 4}, {"base": 7}]
)
def test_crafted_headers_are_refused_before_anything_is_allocated(base, two_coded, told):
    contents = inr.container.loads(two_coded)
    header = {"coded": contents.header["coded"] | told}
    with pytest.raises(inr.InrError):
        decompress_signals(inr.container.dumps(header, list(contents.sections.values())), base, max_bytes=1 << 20)


def test_damaged_bytes_are_refused(base):
    data = bytearray(compress_signals(series(9, seed=1), base))
    data[-1] ^= 1
    with pytest.raises(DamagedFile):
        decompress_signals(bytes(data), base)


def test_deviations_are_kept_as_whole_steps(base):
    """Signals of three functions alone leave nothing, so that steps are the finest; other numbers take little."""
    levels = base.own["deviations"]
    assert (levels.dtype, int(levels.abs().max())) == (torch.int16, 32_767)
    again = load_base(base.file)
    assert again.name == base.name
    assert torch.equal(again.own["deviations"], levels)
    assert container.Sections(base.file).payload("levels").entry.size < 1.5 * levels.numel()


@pytest.mark.long
def test_rounding_of_deviations_adds_little_to_what_they_leave():
    draw = np.random.default_rng(0)
    noisy = [inr.from_array(each.array + draw.normal(0, 0.1, each.array.shape).astype(np.float32), value_range=(0, 10))
             for each in series(60)]  # fmt: skip
    found = learn(noisy, method="gaussian:components=6,tuned=false", steps=1, held_out=0, network="mlp:depth=1,width=4")
    levels, step = found.own["deviations"], float(found.own["step"])
    # in normalised values noise is 0.02, of which six of 36 deviations tell a part
    assert 0.02**2 / 32 < 6 * step**2 / 12 < 0.02**2 / 8
    assert 10 < int(levels.abs().max()) < 100
