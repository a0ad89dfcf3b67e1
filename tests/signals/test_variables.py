"""Coordinates and attributes as plain JSON: every number and type comes back, in few bytes."""

import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from inr.signals._variables import pack_array, pack_attributes, unpack_array, unpack_attributes

DTYPES = ["int8", "uint16", "int64", "uint64", "float32", "float64", "bool", "<U3"]


def there_and_back(array):
    return unpack_array(json.loads(json.dumps(pack_array(array), allow_nan=False)), array.shape)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(DTYPES).flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, max_side=6))))
def test_every_array_comes_back(array):
    found = there_and_back(array)
    assert found.dtype == array.dtype or found.dtype.kind == "U"
    assert np.array_equal(found, array, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.arange(90, -91, -2.5), {"start": 90.0, "step": -2.5}),
        (np.arange(5, 36000, 10) / 100, {"start": 0.05, "step": 0.1, "decimals": 6}),
        ((np.arange(2000) * 0.01 - 3.3).astype(np.float32), {"start": -3.3, "step": 0.01}),
        (np.arange(1_551_398_400, 1_554_076_800, 3600), {"start": 1_551_398_400, "step": 3600}),
    ],
)
def test_even_coordinates_are_a_start_and_a_step(array, told):
    assert pack_array(array) == {"dtype": array.dtype.name} | told
    assert np.array_equal(there_and_back(array), array)


def test_a_smooth_table_takes_less_than_its_bytes():
    rows, columns = np.mgrid[:60, :80]
    longitudes = (7 + 0.11 * columns + 0.002 * (rows - 30) * columns).astype(np.float32)
    assert np.array_equal(there_and_back(longitudes), longitudes)
    assert len(pack_array(longitudes)["packed"]) < 0.5 * longitudes.nbytes


@pytest.mark.parametrize(
    "change",
    [{"dtype": "object"}, {"packed": "!"}, {"packed": "AAAA"}, {"packed": 3}, {"dtype": None}],
    ids=str,
)  # fmt: skip
def test_damaged_arrays_are_refused(refused, change):
    packed = pack_array(np.random.default_rng(0).normal(size=(5, 7)))
    refused(lambda: unpack_array(packed | change, (5, 7)), "not the description of")
    refused(lambda: unpack_array(packed, (5, 8)), "not the description of")
    refused(lambda: unpack_array({"dtype": "float64", "start": 0.0, "step": 1.0}, (1 << 20, 1 << 20)), "too large")


def test_attributes_keep_their_types():
    attributes = {
        "units": "K", "count": 3, "flag": True, "scale": 0.5, "fill": np.float32("nan"), "none": None,
        "range": np.array([1, 9], np.int16), "missing": float("inf"), "names": ["a", "b"], "code": np.uint8(7),
        "levels": np.array([1.0, np.nan]),
    }  # fmt: skip
    found = unpack_attributes(json.loads(json.dumps(pack_attributes(attributes), allow_nan=False)))
    assert found.keys() == attributes.keys()
    for name, value in attributes.items():
        np.testing.assert_equal(found[name], value)
        if isinstance(value, np.generic | np.ndarray):
            assert found[name].dtype == value.dtype


@pytest.mark.parametrize("value", [{"object": 1}, {}, {"int8": "x"}, {"int8": 1, "int16": 1}], ids=str)
def test_damaged_attributes_are_refused(refused, value):
    refused(lambda: unpack_attributes({"a": value}), "not the description of attributes")
