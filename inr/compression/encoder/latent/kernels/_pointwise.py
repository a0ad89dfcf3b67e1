"""The layers of 1x1 of the synthesis, forward and back, without planes of hidden units.

They walk over tiles of a row; the way back computes hidden units once more. Code is generated for a number of planes
and of channels, so that the numbers of a pixel stay in registers.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from inr.compression.encoder.latent.kernels._planes import F3, START, repeat_ends, whole
from inr.jit import D2, F1, F2, Stage, inline, share
from inr.jit.lanes import generated, load, store, total
from inr.jit.planes import product
from inr.jit.vector import LANES, PANEL, POINTERS, ROWS

_at = POINTERS["float32"]
_share, _whole = inline(share), inline(whole)
# Pixels of a row whose planes, gradients and channels fit the nearest cache once they are copied next to each other:
# planes that are a multiple of 4096 bytes apart would share few places of it.
_TILE = 256
_PITCH = 4 * _TILE  # bytes between rows of a tile
# Hidden units that share what is loaded of a pixel; all presets have a multiple of it. The weights of one unit fill
# most of 16 registers.
_AT_ONCE = ROWS >= 8  # 32 registers
_UNITS = 4 if _AT_ONCE else 1
_GROUP = 8  # hidden units whose gradients are kept until that of the inputs is made of them; presets as above


class Pointwise(NamedTuple):
    """The stages of the 1x1 layers; see the functions of these names."""

    pointwise: Stage
    pointwise_back: Stage


@functools.cache
def pointwise_stages(levels: int, channels: int) -> Pointwise:
    """The stages for `levels` planes and `channels` channels."""
    mix, hidden, mix_back, hidden_back = (generated(lines(levels, channels), name) for name, lines in _LOOPS.items())
    return Pointwise(
        Stage(_make_pointwise(levels, channels, mix, hidden), phase="synthesis"),
        Stage(_make_pointwise_back(levels, channels, mix_back, hidden_back), phase="synthesis"),
    )


def tile_numbers(levels: int, channels: int, hidden: int) -> int:
    """Numbers of a worker's tile and of its sums of gradients, each a vector.

    The tile has a row for every plane, its gradient and every channel, for a hidden unit and for gradients of several.
    """
    sums = hidden * (levels + 1 + channels) + channels * (levels + 1)
    return _rows(levels, channels) * _PITCH // 4 + LANES * sums


def _rows(levels: int, channels: int) -> int:
    """Rows of a tile."""
    return 2 * levels + channels + 1 + _GROUP


def _mix(levels: int, channels: int) -> list[str]:
    """Copies a tile of planes, starts the outputs with their bias, and gives what the linear map gives."""
    ks, cs = range(levels), range(channels)
    return [
        "def mix(inputs, pitch, tile, outputs, beside, count, bias, linear):",
        "    w, b = at(linear), at(bias)",
        *(f"    w{c}_{k} = spread(w[{c * levels + k}])" for c in cs for k in ks),
        *(f"    b{c} = spread(b[{c}])" for c in cs),
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        x{k} = load(inputs + {k} * pitch + byte)" for k in ks),
        *(f"        store(x{k}, tile + {k * _PITCH} + byte)" for k in ks),
        *(f"        store(b{c}, outputs + {c * _PITCH} + byte)" for c in cs),
        *(
            line
            for c in cs
            for line in [
                f"        sum{c} = times(w{c}_0, x0)",
                *(f"        sum{c} = fma(w{c}_{k}, x{k}, sum{c})" for k in ks[1:]),
                f"        store(sum{c}, beside + {c} * pitch + byte)",
            ]
        ),
    ]


def _hidden(levels: int, channels: int) -> list[str]:
    """Adds to the outputs what a few hidden units give."""
    ks, cs, us = range(levels), range(channels), range(_UNITS)
    return [
        "def hidden(tile, outputs, count, first, bias, second, units):",
        "    w, b, v = at(first), at(bias), at(second)",
        *(f"    w{u}_{k} = spread(w[{u * levels + k}])" for u in us for k in ks),
        *(f"    b{u} = spread(b[{u}])" for u in us),
        *(f"    v{c}_{u} = spread(v[{c} * units + {u}])" for c in cs for u in us),
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        x{k} = load(tile + {k * _PITCH} + byte)" for k in ks),
        *(f"        sum{c} = load(outputs + {c * _PITCH} + byte)" for c in cs),
        *(
            line
            for u in us
            for line in [
                f"        h = b{u}",
                *(f"        h = fma(w{u}_{k}, x{k}, h)" for k in ks),
                "        h = positive(h)",
                *(f"        sum{c} = fma(v{c}_{u}, h, sum{c})" for c in cs),
            ]
        ),
        *(f"        store(sum{c}, outputs + {c * _PITCH} + byte)" for c in cs),
    ]


def _mix_back(levels: int, channels: int) -> list[str]:
    """Copies a tile of planes, starts its gradient with the linear map's, and adds up that of map and bias."""
    ks, cs = range(levels), range(channels)
    found = [
        "def mix_back(inputs, pitch, tile, into, given, outputs, beside, count, linear, sums, biases):",
        "    w = at(linear)",
        *(f"    w{c}_{k} = spread(w[{c * levels + k}])" for c in cs for k in ks),
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        store(load(given + {c} * pitch + byte), outputs + {c * _PITCH} + byte)" for c in cs),
        *(f"        d{c} = load(beside + {c} * pitch + byte)" for c in cs),
    ]
    for k in ks:
        found += [
            f"        store(load(inputs + {k} * pitch + byte), tile + {k * _PITCH} + byte)",
            f"        sum = times(w0_{k}, d0)",
            *(f"        sum = fma(w{c}_{k}, d{c}, sum)" for c in cs[1:]),
            f"        store(sum, into + {k * _PITCH} + byte)",
        ]
    for c in cs:
        found += [
            *(f"    g{k} = load(sums + {4 * LANES * (c * levels + k)})" for k in ks),
            f"    bias = load(biases + {4 * LANES * c})",
            f"    for byte in range(0, count, {4 * LANES}):",
            f"        d = load(beside + {c} * pitch + byte)",
            *(f"        g{k} = fma(d, load(tile + {k * _PITCH} + byte), g{k})" for k in ks),
            f"        bias = plus(bias, load(outputs + {c * _PITCH} + byte))",
            *(f"    store(g{k}, sums + {4 * LANES * (c * levels + k)})" for k in ks),
            f"    store(bias, biases + {4 * LANES * c})",
        ]
    return found


def _hidden_back(levels: int, channels: int) -> list[str]:
    """Computes a hidden unit once more, and adds what it gives to all gradients.

    Its weights, the sums of their gradients and what it adds to those of the inputs do not fit into 16 registers: there
    the sums have a loop of their own, and `into` is its gradient, of which those of the inputs are made later.
    """
    ks, cs = range(levels), range(channels)
    names = [*(f"g{k}" for k in ks), "bias", *(f"e{c}" for c in cs)]
    sums = [f"    {name} = load(sums + {4 * LANES * index})" for index, name in enumerate(names)]
    loop = f"    for byte in range(0, count, {4 * LANES}):"
    inputs = [f"        x{k} = load(tile + {k * _PITCH} + byte)" for k in ks]
    inputs += [f"        d{c} = load(outputs + {c * _PITCH} + byte)" for c in cs]
    rows = [f"into + {k * _PITCH} + byte" for k in ks]
    at_once = [f"        store(fma(w{k}, d, load({row})), {row})" for k, row in enumerate(rows)]
    apart = [
        "        store(h, kept + byte)",
        "        store(d, into + byte)",
        *sums,
        loop,
        *inputs,
        "        h, d = load(kept + byte), load(into + byte)",
    ]
    return [
        "def hidden_back(tile, into, outputs, kept, count, first, bias_at, second, units, sums):",
        "    w, v = at(first), at(second)",
        *(f"    w{k} = spread(w[{k}])" for k in ks),
        "    b = spread(at(bias_at)[0])",
        *(f"    v{c} = spread(v[{c} * units])" for c in cs),
        *(sums if _AT_ONCE else []),
        loop,
        *inputs,
        "        z = b",
        *(f"        z = fma(w{k}, x{k}, z)" for k in ks),
        "        h = positive(z)",
        "        d = times(v0, d0)",
        *(f"        d = fma(v{c}, d{c}, d)" for c in cs[1:]),
        "        d = where_positive(z, d)",
        *(at_once if _AT_ONCE else apart),
        "        bias = plus(bias, d)",
        *(f"        e{c} = fma(h, d{c}, e{c})" for c in cs),
        *(f"        g{k} = fma(d, x{k}, g{k})" for k in ks),
        *(f"    store({name}, sums + {4 * LANES * index})" for index, name in enumerate(names)),
    ]


_LOOPS = {"mix": _mix, "hidden": _hidden, "mix_back": _mix_back, "hidden_back": _hidden_back}


def _make_pointwise(levels: int, channels: int, mix: Any, hidden: Any) -> Any:
    """The function of the 1x1 layers."""

    def pointwise(
        worker: int, workers: int, inputs: F3, into: F3, beside: F3, parameters: F1, units: int, width: int,
        first: int, second: int, linear: int, tiles: F2,
    ) -> None:  # fmt: skip
        """What the second layer gives, the ends of its rows repeated once, and what the linear map gives."""
        weights, bias = parameters.ctypes.data + 4 * first, parameters.ctypes.data + 4 * (first + units * levels)
        after, linear_map = parameters.ctypes.data + 4 * second, parameters.ctypes.data + 4 * linear
        height, pitch = inputs.shape[1], 4 * inputs.shape[1] * inputs.shape[2]
        tile = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        outputs = tile + 2 * levels * _PITCH
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            for column in range(0, _whole(width), _TILE):
                count = 4 * min(_TILE, _whole(width) - column)
                here = 4 * (row * inputs.shape[2] + START + column)
                mix(
                    inputs.ctypes.data + here, pitch, tile, outputs, beside.ctypes.data + here, count,
                    after + 4 * channels * units, linear_map,
                )  # fmt: skip
                for unit in range(0, units, _UNITS):
                    hidden(tile, outputs, count, weights + 4 * unit * levels, bias + 4 * unit, after + 4 * unit, units)
                for channel in range(channels):
                    target = into.ctypes.data + channel * pitch + here
                    for byte in range(0, count, 4 * LANES):
                        store(load(outputs + channel * _PITCH + byte), target + byte)
            for channel in range(channels):
                repeat_ends(into.ctypes.data + channel * pitch + 4 * row * inputs.shape[2], width)

    return pointwise


def _make_pointwise_back(levels: int, channels: int, mix_back: Any, hidden_back: Any) -> Any:
    """The function of the way back through the 1x1 layers."""
    vectors, rows = levels + 1 + channels, _rows(levels, channels)  # sums of a hidden unit, and rows of a tile
    to_inputs = product(levels, _GROUP, _TILE, start="sum")

    def pointwise_back(
        worker: int, workers: int, inputs: F3, gradient: F3, beside: F3, parameters: F1, units: int, width: int,
        first: int, second: int, linear: int, tiles: F2, sums: D2,
    ) -> None:  # fmt: skip
        """From the gradients of the second layer and of the linear map to that of the inputs, in their place."""
        weights, bias = parameters.ctypes.data + 4 * first, parameters.ctypes.data + 4 * (first + units * levels)
        after, linear_map = parameters.ctypes.data + 4 * second, parameters.ctypes.data + 4 * linear
        height, pitch = inputs.shape[1], 4 * inputs.shape[1] * inputs.shape[2]
        tile = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        into, outputs = tile + levels * _PITCH, tile + 2 * levels * _PITCH
        kept, totals = outputs + channels * _PITCH, tile + rows * _PITCH
        gradients = kept + _PITCH
        map_totals = totals + 4 * LANES * units * vectors
        bias_totals = map_totals + 4 * LANES * channels * levels
        sums_at = rows * _PITCH // 4
        tiles[worker, sums_at : sums_at + LANES * (units * vectors + channels * (levels + 1))] = np.float32(0)
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            for column in range(0, _whole(width), _TILE):
                count = 4 * min(_TILE, _whole(width) - column)
                here = 4 * (row * inputs.shape[2] + START + column)
                planes = inputs.ctypes.data + here
                mix_back(
                    planes, pitch, tile, into, gradient.ctypes.data + here, outputs, beside.ctypes.data + here, count,
                    linear_map, map_totals, bias_totals,
                )  # fmt: skip
                for unit in range(units):
                    place = unit % _GROUP
                    hidden_back(
                        tile, into if _AT_ONCE else gradients + place * _PITCH, outputs, kept, count,
                        weights + 4 * unit * levels, bias + 4 * unit, after + 4 * unit, units,
                        totals + 4 * LANES * unit * vectors,
                    )  # fmt: skip
                    if not _AT_ONCE and place == _GROUP - 1:
                        matrix = weights + 4 * (unit - place) * levels
                        panels = (count // 4 + PANEL - 1) // PANEL
                        to_inputs(matrix, matrix, gradients, into, into, panels)
                for plane in range(levels):
                    for byte in range(0, count, 4 * LANES):
                        store(load(into + plane * _PITCH + byte), planes + plane * pitch + byte)
            for plane in range(levels):
                numbers = _at(inputs.ctypes.data + plane * pitch + 4 * row * inputs.shape[2])
                for column in range(START + width, inputs.shape[2]):
                    numbers[column] = np.float32(0)
        for unit in range(units):
            place = totals + 4 * LANES * unit * vectors
            for plane in range(levels):
                sums[worker, first + unit * levels + plane] += total(load(place + 4 * LANES * plane))
            sums[worker, first + units * levels + unit] += total(load(place + 4 * LANES * levels))
            for channel in range(channels):
                found = total(load(place + 4 * LANES * (levels + 1 + channel)))
                sums[worker, second + channel * units + unit] += found
        for index in range(channels * levels):
            sums[worker, linear + index] += total(load(map_totals + 4 * LANES * index))
        for channel in range(channels):
            found = total(load(bias_totals + 4 * LANES * channel))
            sums[worker, second + channels * units + channel] += found

    return pointwise_back
