"""Domains in few words: every kind comes back, and what is usual takes no words."""

import json

import numpy as np
import pytest

from inr import InrError, Signal
from inr.signals import from_compact, to_compact

AFFINE = [[2.0, 0, 0, -9], [0, 2, 0, 3], [0, 0, 2, 1], [0, 0, 0, 1]]
SIGNALS = {
    "picture": Signal.from_array(np.zeros((4, 6, 3), np.uint8)),
    "grey picture": Signal.from_array(np.zeros((4, 6), np.uint16), kind="image"),
    "sound": Signal.from_array(np.sin(np.arange(50.0)).astype(np.float32), kind="audio", sample_rate=8000),
    "usual sound": Signal.from_array(np.arange(50, dtype=np.int16), kind="audio", sample_rate=44100),
    "video": Signal.from_array(np.zeros((3, 4, 5, 3), np.uint8), kind="video", fps=12.5),
    "volume": Signal.from_array(np.random.default_rng(0).random((3, 4, 5)), kind="volume"),
    "line": Signal.from_array(np.arange(9), kind="volume"),
    "four axes": Signal.from_array(np.zeros((2, 3, 2, 5), np.float32) + np.arange(5), kind="volume"),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_domains_come_back(name):
    domain = SIGNALS[name].domain
    assert from_compact(json.loads(json.dumps(to_compact(domain)))) == domain


def test_what_is_usual_goes_without_saying():
    assert to_compact(SIGNALS["picture"].measured_as("point").domain) == {"kind": "image", "shape": [4, 6]}
    assert to_compact(SIGNALS["picture"].domain) == {"kind": "image", "shape": [4, 6], "sampling": "area"}
    unit = Signal.from_array(np.zeros((4, 6), np.float32), kind="volume", value_range=(0.0, 1.0))
    assert to_compact(unit.domain) == {"kind": "volume", "shape": [4, 6]}
    assert set(to_compact(SIGNALS["usual sound"].domain)) == {"kind", "shape", "values", "sampling"}
    points = SIGNALS["video"].measured_as("point")
    assert to_compact(points.domain) == {"kind": "video", "shape": [3, 4, 5], "meta": {"fps": 12.5}}


def test_scattered_samples_have_no_grid():
    scattered = Signal.from_samples(np.arange(5.0), np.arange(5.0))
    with pytest.raises(InrError, match="no grid"):
        to_compact(scattered.domain)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"kind": "image"},
        {"kind": "scattered", "shape": [4]},
        {"kind": "image", "shape": []},
        {"kind": "image", "shape": [4, 0]},
        {"kind": "image", "shape": [4, True]},
        {"kind": "image", "shape": [4, 1 << 60]},
        {"kind": "volume", "shape": [2] * 5},
        {"kind": "image", "shape": 4},
        {"kind": "image", "shape": [4]},
        {"kind": "video", "shape": [1]},
        {"kind": "audio", "shape": [5, 6]},
        {"kind": "image", "shape": [4, 6], "channels": 0},
        {"kind": "image", "shape": [4, 6], "channels": [3]},
        {"kind": "image", "shape": [4, 6], "values": {"low": [0.0]}},
        {"kind": "image", "shape": [4, 6], "axes": [{"name": "x", "size": 9, "unit": "", "low": 0.0, "high": 1.0}]},
        {"kind": "audio", "shape": [4], "meta": {"sample_rate": 0}},
        {"kind": "audio", "shape": [4], "meta": 7},
        {"kind": ["image"], "shape": [4, 6]},
    ],
)
def test_what_describes_no_grid_is_refused(told):
    with pytest.raises(InrError):
        from_compact(told)
