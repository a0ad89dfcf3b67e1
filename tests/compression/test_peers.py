"""Pillow's codecs at equal bytes."""

import numpy as np
import pytest

from inr import InrError
from inr.compression import peers
from inr.compression.peers import PEERS, Peer, find_peer, largest_within

AVAILABLE = [name for name, peer in PEERS.items() if peer.available]


@pytest.fixture
def pixels():
    """Hills in three colours with some grain."""
    y, x = np.mgrid[:40, :56] / 9
    waves = np.stack([np.sin(x + y), np.cos(2 * x - y), np.sin(x) * np.cos(y)], axis=-1)
    return (127 + 90 * waves + np.random.default_rng(0).normal(0, 6, waves.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def cheap(monkeypatch):
    """AVIF at its quickest."""
    quick = Peer("AVIF", {**PEERS["AVIF"].options, "speed": 9}, "quality", range(101), "avif")
    monkeypatch.setitem(PEERS, "AVIF", quick)


@pytest.mark.parametrize("name", AVAILABLE)
@pytest.mark.parametrize("grey", [False, True], ids=["colours", "grey"])
def test_the_best_file_within_the_bytes(name, grey, pixels, cheap):
    picture = np.ascontiguousarray(pixels[..., 0]) if grey else pixels
    found, setting = largest_within(PEERS[name], picture, 900)
    assert len(found.data) <= 900
    assert found.pixels.shape == picture.shape
    assert found.pixels.dtype == np.uint8
    settings = list(PEERS[name].settings)
    place = settings.index(setting)
    assert len(peers.code(picture, PEERS[name].form, **PEERS[name].given(settings[place + 1])).data) > 900
    again = peers.code(picture, PEERS[name].form, **PEERS[name].given(setting))
    assert len(again.data) == len(found.data)


@pytest.mark.parametrize("name", ["WebP", "JPEG"])
def test_where_nothing_fits_it_is_the_smallest(name, pixels):
    found, setting = largest_within(PEERS[name], pixels, 10)
    assert setting == PEERS[name].settings[0]
    assert len(found.data) > 10


def test_where_everything_fits_it_is_the_best(pixels):
    tried = []
    _, setting = largest_within(PEERS["JPEG"], pixels, 1 << 20, tried.append)
    assert setting == PEERS["JPEG"].settings[-1] == 95
    assert len(tried) <= 8


@pytest.mark.parametrize(
    ("given", "name"), [("avif", "AVIF"), ("JPEG-2000", "JPEG 2000"), ("jpeg2000", "JPEG 2000"), ("Jpeg", "JPEG")]
)
def test_names_are_read_as_people_write_them(given, name):
    if name in AVAILABLE:
        assert find_peer(given) == (name, PEERS[name])


def test_unknown_and_missing_ones_are_refused(monkeypatch):
    with pytest.raises(InrError, match=r"no codec 'gif'.*AVIF, JPEG 2000, WebP, JPEG"):
        find_peer("gif")
    monkeypatch.setattr(peers.features, "check", lambda name: False)
    with pytest.raises(InrError, match="built without AVIF"):
        find_peer("avif")
