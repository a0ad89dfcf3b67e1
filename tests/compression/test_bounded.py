"""Arrays within a bound: it holds for every value, whatever the array, and damage is named."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from inr import DamagedFile, InrError
from inr.compression import bounded, pack_bounded, unpack_bounded
from inr.container import loads

TYPES = st.sampled_from(["bool", "int8", "uint16", "int32", "uint64", "float16", "float32", "float64"])


def waves(*shape, dtype="float32"):
    grids = np.meshgrid(*(np.linspace(0, 3, size) for size in shape), indexing="ij")
    return (250 + 20 * sum(np.sin(grid + place) for place, grid in enumerate(grids))).astype(dtype)


def errors(values, decoded):
    return np.abs(values.astype(np.float64).ravel() - decoded.astype(np.float64))


@settings(max_examples=25)
@given(
    TYPES.flatmap(lambda name: arrays.arrays(name, arrays.array_shapes(max_dims=5, max_side=5))), st.floats(1e-4, 1e4)
)
def test_no_value_of_any_array_is_off_by_more(values, bound):
    decoded = unpack_bounded(pack_bounded(values, bound), values.dtype)
    assert decoded.dtype == values.dtype
    finite = np.isfinite(values.ravel())
    assert np.array_equal(decoded[~finite], values.ravel()[~finite], equal_nan=True)
    if values.dtype == np.uint64:
        near = [abs(int(a) - int(b)) <= bound for a, b in zip(values.ravel(), decoded, strict=True)]
        assert all(near)
    else:
        assert errors(values.ravel()[finite], decoded[finite]).max(initial=0) <= bound


def test_a_bound_of_zero_keeps_every_bit():
    values = np.array([0.0, -0.0, np.nan, np.inf, 5e-324, 1.5])
    assert unpack_bounded(pack_bounded(values, 0), np.float64).tobytes() == values.tobytes()


def test_a_looser_bound_takes_fewer_bytes():
    values = waves(6, 30, 20)
    sizes = [len(pack_bounded(values, bound)) for bound in (0, 0.001, 0.1, 2.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0] / 2


def test_without_steps_no_field_is_tried():
    values = waves(64, 65)
    data = pack_bounded(values, 1.0, steps=0)
    assert "rounded" in loads(data).header
    assert errors(values, unpack_bounded(data, np.float32)).max() <= 1.0


@pytest.mark.parametrize("bound", [0.4, 1, 2.7])
def test_integers_are_rounded_by_whole_numbers(bound):
    values = waves(20, 30, dtype="uint8")
    data = pack_bounded(values, bound)
    assert errors(values, unpack_bounded(data, np.uint8)).max() <= np.floor(bound)


def test_missing_values_are_missing_again():
    values = waves(20, 30)
    values[3:9, 4:11] = np.nan
    data = pack_bounded(values, 0.5)
    decoded = unpack_bounded(data, np.float32).reshape(values.shape)
    assert "rounded" in loads(data).header
    assert np.array_equal(np.isnan(decoded), np.isnan(values))
    assert np.nanmax(np.abs(decoded - values)) <= 0.5
    nothing = np.full((4, 5), np.nan, np.float32)
    assert np.isnan(unpack_bounded(pack_bounded(nothing, 1.0), np.float32)).all()


@pytest.mark.long
def test_a_field_is_taken_where_it_is_the_smallest(monkeypatch):
    pytest.importorskip("constriction")
    values = waves(64, 64)
    kept = {}
    real = bounded.pack_bounded

    def fitted(signal, bound, preset, steps):
        from inr.compression import compress_and_measure

        kept["data"] = compress_and_measure(signal, codec="latent", max_error=bound, steps=steps).data
        return kept["data"]

    monkeypatch.setattr(bounded, "_fitted", fitted)
    monkeypatch.setattr(bounded, "_rounded", lambda signal, bound: None)
    data = real(values, 4.0, steps=20)
    assert data == kept["data"]
    assert errors(values, unpack_bounded(data, np.float32)).max() <= 4.0
    monkeypatch.setattr(bounded, "_fitted", lambda *_: kept["data"])
    assert real(values + 1, 0.5) != kept["data"]  # which is decoded, and seen not to hold


def test_other_types_are_refused_in_one_line():
    for dtype in ("complex64", "datetime64[s]", "S3", "float128" if hasattr(np, "float128") else "complex128"):
        with pytest.raises(InrError, match="packed within a bound"):
            pack_bounded(np.zeros(4, dtype), 1.0)


def test_damage_is_named_and_never_decoded():
    data = bytearray(pack_bounded(waves(20, 30), 0.5))
    with pytest.raises(DamagedFile, match="float64"):
        unpack_bounded(data, np.float64)
    data[-3] ^= 1
    with pytest.raises(DamagedFile, match="'base' is damaged"):
        unpack_bounded(data, np.float32)
