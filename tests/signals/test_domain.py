"""Domains: what is saved of a signal, resampling and cropping, and what makes no sense."""

import json

import numpy as np
import pytest
import torch

from inr.signals import Axis, Domain, Signal, ValueMap


def test_a_domain_survives_json():
    for signal in (
        Signal.from_array(np.zeros((3, 4, 3), np.uint8)),
        Signal.from_array(np.zeros(30), kind="audio", sample_rate=8000),
        Signal.from_samples(np.random.default_rng(0).random((9, 3)), np.arange(18.0).reshape(9, 2)),
    ):
        assert Domain.from_json(json.loads(json.dumps(signal.domain.to_json()))) == signal.domain


def test_value_maps_work_on_arrays_and_tensors_alike():
    values = ValueMap((0.0, 10.0), (2.0, 30.0))
    array = np.array([[0.0, 10.0], [2.0, 25.0]])
    expected = [[-1, -1], [1, 0.5]]
    assert values.normalise(array).tolist() == expected
    assert values.normalise(torch.from_numpy(array)).tolist() == expected
    assert values.restore(values.normalise(array)).tolist() == array.tolist()
    assert values.data_range == 20


def test_a_crop_spans_the_part_of_the_axes_its_box_says():
    domain = Signal.from_array(np.zeros((10, 20, 3), np.uint8)).domain
    crop = domain.resampled((5, 8), [(-1.0, 0.0), (0.0, 0.5)])
    assert [(axis.name, axis.size, axis.low, axis.high) for axis in crop.axes] == [("x", 8, 0, 10), ("y", 5, 5, 7.5)]
    assert (crop.shape, crop.values, crop.kind) == ((5, 8), domain.values, "image")


def test_an_affine_follows_a_crop():
    affine = np.array([[0, -2.0, 0, 10], [1.5, 0, 0, -20], [0, 0, 3.0, 5], [0, 0, 0, 1]])
    axes = tuple(Axis(name, size, "mm", 0.0, float(size)) for name, size in zip("xyz", (4, 6, 8), strict=True))
    domain = Domain("volume", axes, 1, ValueMap((0.0,), (1.0,)), meta={"affine": affine.tolist()})
    crop = domain.resampled((2, 12, 4), [(-1.0, 1.0), (-1.0, 1.0), (0.0, 0.5)])
    # z: voxels 4 and 5 of 8 are the quarter (0, 1/2); y: twice as fine; x: as it was
    expected = affine @ np.array([[1, 0, 0, 0], [0, 0.5, 0, -0.25], [0, 0, 1, 4], [0, 0, 0, 1]])
    np.testing.assert_allclose(crop.meta["affine"], expected)


def test_positions_are_in_the_axes_units():
    domain = Signal.from_array(np.zeros((10, 20), np.uint8)).domain
    coords = torch.tensor([[-1.0, -1.0], [0.0, 1.0]])
    assert domain.positions(coords).tolist() == [[0, 0], [10, 10]]
    assert domain.positions(coords.numpy()).tolist() == [[0, 0], [10, 10]]


GOOD = Signal.from_array(np.zeros((4, 5, 3), np.uint8)).domain.to_json()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "smell"}, "smell"),
        ({"axes": []}, "1 to 4 axes"),
        ({"axes": [{"name": "x", "size": 0, "unit": "", "low": 0.0, "high": 1.0}]}, "at least 1 sample"),
        ({"axes": [{"name": "x", "size": 4, "unit": "", "low": 1.0, "high": 1.0}]}, "finite range"),
        ({"axes": [{"name": "x"}]}, "description of a domain"),
        ({"axes": 3}, "description of a domain"),
        ({"channels": 0}, "at least 1 channel"),
        ({"channels": "many"}, "description of a domain"),
        ({"values": {"low": [0.0], "high": [float("nan")]}}, "low < high"),
        ({"values": {"low": [0.0], "high": [float("inf")]}}, "low < high"),
        ({"values": {"low": [0.0, 1.0], "high": [1.0, 2.0]}}, "3 channels share"),
        ({"values": {"low": [0.0], "high": [10**400]}}, "description of a domain"),
        ({"dtype": "object"}, "object"),
        ({"meta": 3}, "description of a domain"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(change, words, refused):
    data = json.loads(json.dumps(GOOD))
    assert Domain.from_json(data).shape == (4, 5)
    refused(lambda: Domain.from_json(data | change), words)
    refused(lambda: Domain.from_json({key: value for key, value in data.items() if key not in change}), "description")


def test_axes_may_fall():
    values = ValueMap((0.0,), (1.0,))
    domain = Domain("image", (Axis("lon", 4, "degrees", 0.0, 8.0), Axis("lat", 5, "degrees", 60.0, 50.0)), 1, values)
    assert domain.positions(np.array([[-1.0, -1.0], [0.0, 0.5]])).tolist() == [[0, 60], [4, 52.5]]
    north = domain.resampled((2, 4), [(-1, 1), (-1, 0)]).axes[1]
    assert (north.size, north.low, north.high) == (2, 60, 55)
    assert Domain.from_json(domain.to_json()) == domain


def test_coordinates_on_an_axis_that_falls():
    domain = Domain("image", (Axis("x", 4, "m", -2, 2), Axis("y", 4, "m", 3, -1)), 1, ValueMap((0.0,), (1.0,)))
    positions = np.array([[-2.0, 3.0], [0.0, 1.0], [2.0, 0.0]])
    np.testing.assert_allclose(domain.coordinates(positions), [[-1, -1], [0, 0], [1, 0.5]])
    np.testing.assert_allclose(domain.positions(domain.coordinates(positions)), positions)
