"""Targets: what is given, and the search for a size."""

import math

import numpy as np
import pytest

from inr import InrError, Signal
from inr.compression.rate_control import MAX_FITS, Found, Target, smallest_reaching

PICTURE = Signal.from_array(np.zeros((64, 64, 3), np.uint8))


def test_targets_are_bytes_or_decibels():
    assert Target.of(PICTURE, bpp=2.0, bytes=None, psnr=None) == Target(bytes=1024)
    assert Target.of(PICTURE, bpp=None, bytes=77, psnr=None) == Target(bytes=77)
    assert Target.of(PICTURE, bpp=None, bytes=None, psnr=33.0) == Target(psnr=33.0)
    assert Target.of(PICTURE, bpp=None, bytes=None, psnr=None) == Target(bytes=int(0.3 * 64 * 64 / 8))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bpp": 1.0, "bytes": 4}, "bpp and bytes"),
        ({"bpp": 0.0}, "positive"),
        ({"bpp": math.nan}, "positive"),
        ({"bytes": 0}, "at least 1 byte"),
        ({"psnr": -3.0}, "positive"),
        ({"psnr": math.inf}, "positive"),
    ],
)
def test_targets_that_make_no_sense_are_refused(given, message):
    with pytest.raises(InrError, match=message):
        Target.of(PICTURE, **({"bpp": None, "bytes": None, "psnr": None} | given))


def pretended(quality):
    """A codec whose files of so many bytes have this quality; the sizes that were asked for."""
    asked = []

    def encode(size):
        asked.append(size)
        return Found(bytes(size), quality(size))

    return encode, asked


@pytest.mark.parametrize("gain", [1.5, 3.0, 6.0])
@pytest.mark.parametrize("psnr", [22.0, 30.0, 38.0])
def test_the_size_is_found_where_quality_grows_with_it(gain, psnr):
    encode, asked = pretended(lambda size: 25 + gain * math.log2(size / 100))
    found = smallest_reaching(psnr, encode, PICTURE)
    largest = PICTURE.array.nbytes
    if 25 + gain * math.log2(largest / 100) < psnr:
        assert len(found.data) == largest
    else:
        assert 0 <= found.level - psnr <= 0.3
    assert len(asked) <= MAX_FITS


def test_a_curve_that_bends_and_jumps_is_searched_too():
    encode, asked = pretended(lambda size: 20 + 12 * (1 - math.exp(-size / 900)) + 0.2 * (size % 7) / 7)
    found = smallest_reaching(29.0, encode, PICTURE)
    assert 29 <= found.level <= 29.6
    assert len(asked) <= MAX_FITS


def test_what_cannot_be_reached_gets_the_nearest():
    encode, _ = pretended(lambda size: min(20 + math.log2(size), 27.0))
    assert smallest_reaching(40.0, encode, PICTURE).level == 27.0
