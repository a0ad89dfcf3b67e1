"""Fields of equal size: how near to a number of parameters every kind of field comes."""

import numpy as np
import pytest

from inr import Signal
from inr.encodings import encodings
from inr.fitting import default_setup
from inr.sweeping._sizes import _largest_within, meta_field, sized
from tests.tables import mostly_long

SIGNAL = Signal.from_array(np.zeros((256, 192, 3), np.uint8), kind="image")
FIELDS = {
    "hash": {"encoding": "hash"},
    "dense": {"encoding": "dense"},
    "fourier": {"encoding": "fourier:sigma=4"},
    "sine": {"activation": "sine"},
    "gabor": {"activation": "gabor"},
    "hash, sine": {"encoding": "hash:levels=4", "activation": "sine", "network": "mlp:depth=5"},
}


def fitted_size(target, **parts):
    setup = default_setup(SIGNAL).with_parts(SIGNAL, **parts)
    chosen = sized(setup, SIGNAL.domain, target, {})
    return meta_field(chosen, SIGNAL.domain).parameter_count, chosen


@pytest.mark.parametrize(
    ("name", "target"),
    mostly_long(
        [
            ("hash", 150_000), ("fourier", 20_000), ("sine", 20_000), ("gabor", 150_000), ("hash", 20_000),
            ("dense", 20_000), ("dense", 150_000), ("fourier", 150_000), ("sine", 150_000), ("gabor", 20_000),
            ("hash, sine", 20_000), ("hash, sine", 150_000),
        ],
        4,
    ),
)  # fmt: skip
def test_fields_come_near_to_what_is_asked(name, target):
    count, _ = fitted_size(target, **FIELDS[name])
    assert abs(count / target - 1) < 0.05


@pytest.mark.parametrize("name", mostly_long(sorted(encodings.names(), key="fourier".__ne__)))
def test_every_encoding_can_be_made_large_and_small(name):
    encoding = "per-axis:x=(hash),y=(fourier:frequencies=32)" if name == "per-axis" else name
    small, large = (fitted_size(target, encoding=encoding)[0] for target in (30_000, 60_000))
    assert 20_000 < small < 45_000 < large < 90_000


def test_the_last_axis_of_planes_keeps_its_proportion_unless_it_was_given():
    setup = default_setup(SIGNAL).with_parts(SIGNAL, encoding="vm:resolution=64,last_resolution=32")
    both = sized(setup, SIGNAL.domain, 30_000, {}).encoding
    assert abs(both["last_resolution"] - both["resolution"] / 2) <= 1
    assert both["resolution"] < 64
    assert sized(setup, SIGNAL.domain, 30_000, {"encoding": {"last_resolution"}}).encoding["last_resolution"] == 32


def test_a_table_takes_what_the_network_leaves():
    _, setup = fitted_size(150_000, encoding="hash")
    field = meta_field(setup, SIGNAL.domain)
    table = sum(parameter.numel() for parameter in field.encoding.parameters())
    assert table > 0.8 * field.parameter_count
    count, setup = fitted_size(2_000, encoding="hash")
    assert abs(count / 2_000 - 1) < 0.05
    assert setup.network["width"] < 64


def test_what_was_given_stays():
    setup = default_setup(SIGNAL).with_parts(SIGNAL, encoding="hash:log2_size=8", network="mlp:depth=2,width=20")
    chosen = sized(setup, SIGNAL.domain, 100_000, {"encoding": {"log2_size"}, "network": {"depth", "width"}})
    assert chosen.encoding["log2_size"] == 8
    assert chosen.network == {"name": "mlp", "depth": 2, "width": 20, "bias": True}
    hashed = encodings.info("hash").params
    rigid = sized(
        setup,
        SIGNAL.domain,
        100_000,
        {"network": {"depth", "width", "bias"}, "encoding": {param.name for param in hashed}},
    )
    assert meta_field(rigid, SIGNAL.domain).parameter_count == meta_field(setup, SIGNAL.domain).parameter_count


@pytest.mark.parametrize("start", [3, 7, 40, 99])
def test_the_search_finds_the_largest_value_that_fits(start):
    def count(value):
        return None if value < 3 else value * value

    assert _largest_within(count, start, (1, 100), 50 * 50 + 7) == 50
    assert _largest_within(count, start, (1, 100), 10**9) == 100
    assert _largest_within(count, start, (1, 100), 9) == 3
    assert _largest_within(count, start, (1, 100), 2) == 3  # nothing fits: the smallest that there is
    assert _largest_within(lambda value: value, start, (1, 100), 0) == 1
