"""The network from planes at the picture's resolution to the picture, its squared error, and all gradients.

`eager.synthesis` says what is computed. The layers of 1x1 walk over tiles of a row with hidden units in registers only:
the way back computes them once more. The layers of 3x3 go row by row, directly. Code is generated for a number of
planes and of channels, so that all numbers of a pixel stay in registers.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels._planes import F3, START, lines, planes, whole
from inr.jit import D2, F1, F2, Call, Stage, inline, inline_generated, share
from inr.jit import lanes as _lanes
from inr.jit.vector import LANES, POINTERS

_at = POINTERS["float32"]
_share, _whole = inline(share), inline(whole)
_TILE = 256  # pixels of a row whose planes and gradients fit the nearest cache
_UNITS = 4  # hidden units that share what is loaded of a pixel
_store, _load, _zero, _total, _fma, _minus, _times, _plus = (
    _lanes.store, _lanes.load, _lanes.zero, _lanes.total, _lanes.fma, _lanes.minus, _lanes.times, _lanes.plus,
)  # fmt: skip
_spread, _positive, _where_positive = _lanes.spread, _lanes.positive, _lanes.where_positive


class Synthesis:
    """The picture from planes, and the gradients back.

    Args:
        buffers: with the parameters and the picture.
        threads: workers that run the calls.
        inputs: (levels, height, stride), as `Upsampling.inputs`.
        sums: (threads, parameters), where each worker's gradients of parameters are added up.

    Attributes:
        forward: calls up to the last layer but one.
        backward: calls after the one of `compare(0)` that put the gradient of `inputs` in their place and add to `sums`.
        error: float64 (threads, 1): the weighted mean squared error, as each worker adds it up.
    """

    def __init__(self, buffers: Buffers, threads: int, inputs: np.ndarray, sums: np.ndarray) -> None:
        layout = buffers.layout
        channels, height, width = buffers.picture.shape
        layers, slices = layout.sizes.convolutions, layout.slices
        points, code = _pointwise_stages(layout.levels, channels), _convolution_stages(channels)
        values = [planes(channels, height, width) for _ in range(layers)]
        beside, gradient = planes(channels, height, width), planes(channels, height, width)
        self.error = np.zeros((threads, 1))
        pointwise = {
            "inputs": inputs, "parameters": buffers.parameters, "units": layout.sizes.hidden, "width": width,
            "first": slices["synthesis.0.weight"].start, "second": slices["synthesis.1.weight"].start,
            "linear": slices["synthesis.linear"].start,
            "tiles": lines(threads, 2 * layout.levels * _TILE + _sums_of(layout.levels, channels, layout.sizes.hidden)),
        }  # fmt: skip
        kernels = [
            {"parameters": buffers.parameters, "kernel": slices[f"synthesis.{2 + layer}.weight"].start}
            for layer in range(layers)
        ]
        self.forward = [Call(points.pointwise, into=values[0], beside=beside, **pointwise)]
        for layer in range(layers - 1):
            self.forward.append(
                Call(code.convolve, values=values[layer], into=values[layer + 1], width=width, **kernels[layer])
            )
        self._compared = {
            "values": values[-1], "beside": beside, "into": gradient, "picture": _padded(buffers.picture),
            "importance": _weights(buffers), "output": buffers.output, "error": self.error,
            "scale": 1 / buffers.picture.size, **kernels[-1],
        }  # fmt: skip
        self._compare = code.compare
        self.backward = []
        above, spare = gradient, beside
        for layer in reversed(range(layers)):
            self.backward.append(
                Call(
                    code.convolve_back,
                    values=values[layer],
                    gradient=above,
                    into=spare,
                    masked=int(layer > 0),
                    sums=sums,
                    scratch=lines(threads, (9 * channels**2 + channels) * LANES + 9 * channels**2),
                    width=width,
                    **kernels[layer],
                )
            )
            above, spare = spare, values[layer]
        self.backward.append(Call(points.pointwise_back, gradient=above, beside=gradient, sums=sums, **pointwise))

    def compare(self, shown_steps: int) -> Call:
        """The call of the last layer, which sets `output` and `error`.

        Args:
            shown_steps: 0 for the error of what the synthesis gives; else that of what a viewer gets, cut to [0, 1] and
                rounded to multiples of 1/shown_steps.
        """
        return Call(self._compare, steps=float(shown_steps), **self._compared)


def _padded(picture: np.ndarray) -> np.ndarray:
    """Planes (c, h, w) with room around."""
    channels, height, width = picture.shape
    room = planes(channels, height, width)
    room[:, :, START : START + width] = picture
    return room


def _weights(buffers: Buffers) -> np.ndarray:
    """The importance of each pixel, and 0 beside the picture, (1, height, stride)."""
    shape = buffers.picture.shape[1:]
    return _padded((buffers.importance if buffers.importance.size else np.ones(shape, np.float32))[None])


def _sums_of(levels: int, channels: int, hidden: int) -> int:
    """Numbers of a worker's sums of gradients of the 1x1 layers, each a vector."""
    return LANES * (hidden * (levels + 1 + channels) + channels * (levels + 1))


class _Pointwise(NamedTuple):
    """The stages of the 1x1 layers; see the functions of these names."""

    pointwise: Stage
    pointwise_back: Stage


class _Convolution(NamedTuple):
    """The stages of the 3x3 layers; see the functions of these names."""

    convolve: Stage
    compare: Stage
    convolve_back: Stage


@functools.cache
def _pointwise_stages(levels: int, channels: int) -> _Pointwise:
    """The stages for `levels` planes and `channels` channels."""
    mix, hidden, mix_back, hidden_back = (
        _generated(lines(levels, channels), name) for name, lines in _POINTWISE.items()
    )
    return _Pointwise(
        Stage(_make_pointwise(levels, channels, mix, hidden), phase="synthesis"),
        Stage(_make_pointwise_back(levels, channels, mix_back, hidden_back), phase="synthesis"),
    )


@functools.cache
def _convolution_stages(channels: int) -> _Convolution:
    """The stages for `channels` channels."""
    row, kernel_gradients, row_back = (_generated(lines(channels), name) for name, lines in _CONVOLUTION.items())
    return _Convolution(
        Stage(_make_convolve(row), phase="synthesis"),
        Stage(_make_compare(row), phase="synthesis"),
        Stage(_make_convolve_back(channels, kernel_gradients, row_back), phase="synthesis"),
    )


def _generated(lines: list[str], name: str) -> Any:
    scope = {
        "at": _at, "load": _load, "store": _store, "spread": _spread, "zero": _zero, "fma": _fma, "plus": _plus,
        "times": _times, "positive": _positive, "where_positive": _where_positive, "total": _total,
    }  # fmt: skip
    return inline_generated("\n".join(lines) + "\n", name, scope)


# --- layers of 1x1 -------------------------------------------------------------------------------------------------


def _mix(levels: int, channels: int) -> list[str]:
    """Copies a tile of planes, starts the outputs with their bias, and gives what the linear map gives."""
    ks, cs = range(levels), range(channels)
    return [
        "def mix(inputs, pitch, tile, tile_pitch, outputs, beside, pitch_out, count, bias, linear):",
        "    w, b = at(linear), at(bias)",
        *(f"    w{c}_{k} = spread(w[{c * levels + k}])" for c in cs for k in ks),
        *(f"    b{c} = spread(b[{c}])" for c in cs),
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        x{k} = load(inputs + {k} * pitch + byte)" for k in ks),
        *(f"        store(x{k}, tile + {k} * tile_pitch + byte)" for k in ks),
        *(f"        store(b{c}, outputs + {c} * pitch_out + byte)" for c in cs),
        *(
            line
            for c in cs
            for line in [
                f"        sum{c} = times(w{c}_0, x0)",
                *(f"        sum{c} = fma(w{c}_{k}, x{k}, sum{c})" for k in ks[1:]),
                f"        store(sum{c}, beside + {c} * pitch_out + byte)",
            ]
        ),
    ]


def _hidden(levels: int, channels: int) -> list[str]:
    """Adds to the outputs what a few hidden units give."""
    ks, cs, us = range(levels), range(channels), range(_UNITS)
    return [
        "def hidden(tile, tile_pitch, outputs, pitch_out, count, first, bias, second, units):",
        "    w, b, v = at(first), at(bias), at(second)",
        *(f"    w{u}_{k} = spread(w[{u * levels + k}])" for u in us for k in ks),
        *(f"    b{u} = spread(b[{u}])" for u in us),
        *(f"    v{c}_{u} = spread(v[{c} * units + {u}])" for c in cs for u in us),
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        x{k} = load(tile + {k} * tile_pitch + byte)" for k in ks),
        *(f"        sum{c} = load(outputs + {c} * pitch_out + byte)" for c in cs),
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
        *(f"        store(sum{c}, outputs + {c} * pitch_out + byte)" for c in cs),
    ]


def _mix_back(levels: int, channels: int) -> list[str]:
    """Copies a tile of planes, starts its gradient with the linear map's, and adds up that of map and bias."""
    ks, cs = range(levels), range(channels)
    found = [
        "def mix_back(inputs, pitch, tile, tile_pitch, into, outputs, beside, pitch_out, count, linear, sums, biases):",
        "    w = at(linear)",
        *(f"    w{c}_{k} = spread(w[{c * levels + k}])" for c in cs for k in ks),
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        d{c} = load(beside + {c} * pitch_out + byte)" for c in cs),
    ]
    for k in ks:
        found += [
            f"        store(load(inputs + {k} * pitch + byte), tile + {k} * tile_pitch + byte)",
            f"        sum = times(w0_{k}, d0)",
            *(f"        sum = fma(w{c}_{k}, d{c}, sum)" for c in cs[1:]),
            f"        store(sum, into + {k} * tile_pitch + byte)",
        ]
    for c in cs:
        found += [
            *(f"    g{k} = load(sums + {4 * LANES * (c * levels + k)})" for k in ks),
            f"    bias = load(biases + {4 * LANES * c})",
            f"    for byte in range(0, count, {4 * LANES}):",
            f"        d = load(beside + {c} * pitch_out + byte)",
            *(f"        g{k} = fma(d, load(tile + {k} * tile_pitch + byte), g{k})" for k in ks),
            f"        bias = plus(bias, load(outputs + {c} * pitch_out + byte))",
            *(f"    store(g{k}, sums + {4 * LANES * (c * levels + k)})" for k in ks),
            f"    store(bias, biases + {4 * LANES * c})",
        ]
    return found


def _hidden_back(levels: int, channels: int) -> list[str]:
    """Computes a hidden unit once more, and adds what it gives to all gradients."""
    ks, cs = range(levels), range(channels)
    names = [*(f"g{k}" for k in ks), "bias", *(f"e{c}" for c in cs)]
    return [
        "def hidden_back(tile, tile_pitch, into, outputs, pitch_out, count, first, bias_at, second, units, sums):",
        "    w, v = at(first), at(second)",
        *(f"    w{k} = spread(w[{k}])" for k in ks),
        "    b = spread(at(bias_at)[0])",
        *(f"    v{c} = spread(v[{c} * units])" for c in cs),
        *(f"    {name} = load(sums + {4 * LANES * index})" for index, name in enumerate(names)),
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        x{k} = load(tile + {k} * tile_pitch + byte)" for k in ks),
        *(f"        d{c} = load(outputs + {c} * pitch_out + byte)" for c in cs),
        "        z = b",
        *(f"        z = fma(w{k}, x{k}, z)" for k in ks),
        "        h = positive(z)",
        "        d = times(v0, d0)",
        *(f"        d = fma(v{c}, d{c}, d)" for c in cs[1:]),
        "        d = where_positive(z, d)",
        "        bias = plus(bias, d)",
        *(f"        e{c} = fma(h, d{c}, e{c})" for c in cs),
        *(f"        g{k} = fma(d, x{k}, g{k})" for k in ks),
        *(
            f"        store(fma(w{k}, d, load(into + {k} * tile_pitch + byte)), into + {k} * tile_pitch + byte)"
            for k in ks
        ),
        *(f"    store({name}, sums + {4 * LANES * index})" for index, name in enumerate(names)),
    ]


_POINTWISE = {"mix": _mix, "hidden": _hidden, "mix_back": _mix_back, "hidden_back": _hidden_back}


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
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            for column in range(0, _whole(width), _TILE):
                count = 4 * min(_TILE, _whole(width) - column)
                here = 4 * (row * inputs.shape[2] + START + column)
                outputs = into.ctypes.data + here
                mix(
                    inputs.ctypes.data + here, pitch, tile, 4 * _TILE, outputs, beside.ctypes.data + here, pitch, count,
                    after + 4 * channels * units, linear_map,
                )  # fmt: skip
                for unit in range(0, units, _UNITS):
                    hidden(
                        tile, 4 * _TILE, outputs, pitch, count, weights + 4 * unit * levels, bias + 4 * unit,
                        after + 4 * unit, units,
                    )  # fmt: skip
            for channel in range(channels):
                _repeat_ends(into.ctypes.data + channel * pitch + 4 * row * inputs.shape[2], width)

    return pointwise


@inline
def _repeat_ends(row: int, width: int) -> None:
    """The first and the last number of a row of a plane, once more beside it."""
    numbers = _at(row)
    numbers[START - 1] = numbers[START]
    numbers[START + width] = numbers[START + width - 1]


def _make_pointwise_back(levels: int, channels: int, mix_back: Any, hidden_back: Any) -> Any:
    """The function of the way back through the 1x1 layers."""
    vectors = levels + 1 + channels  # sums of a hidden unit

    def pointwise_back(
        worker: int, workers: int, inputs: F3, gradient: F3, beside: F3, parameters: F1, units: int, width: int,
        first: int, second: int, linear: int, tiles: F2, sums: D2,
    ) -> None:  # fmt: skip
        """From the gradients of the second layer and of the linear map to that of the inputs, in their place."""
        weights, bias = parameters.ctypes.data + 4 * first, parameters.ctypes.data + 4 * (first + units * levels)
        after, linear_map = parameters.ctypes.data + 4 * second, parameters.ctypes.data + 4 * linear
        height, pitch = inputs.shape[1], 4 * inputs.shape[1] * inputs.shape[2]
        tile = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        into, totals = tile + 4 * levels * _TILE, tile + 8 * levels * _TILE
        map_totals = totals + 4 * LANES * units * vectors
        bias_totals = map_totals + 4 * LANES * channels * levels
        tiles[worker, 2 * levels * _TILE :] = np.float32(0)
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            for column in range(0, _whole(width), _TILE):
                count = 4 * min(_TILE, _whole(width) - column)
                here = 4 * (row * inputs.shape[2] + START + column)
                outputs, planes = gradient.ctypes.data + here, inputs.ctypes.data + here
                mix_back(
                    planes, pitch, tile, 4 * _TILE, into, outputs, beside.ctypes.data + here, pitch, count,
                    linear_map, map_totals, bias_totals,
                )  # fmt: skip
                for unit in range(units):
                    hidden_back(
                        tile, 4 * _TILE, into, outputs, pitch, count, weights + 4 * unit * levels, bias + 4 * unit,
                        after + 4 * unit, units, totals + 4 * LANES * unit * vectors,
                    )  # fmt: skip
                for plane in range(levels):
                    for byte in range(0, count, 4 * LANES):
                        _store(_load(into + 4 * plane * _TILE + byte), planes + plane * pitch + byte)
            for plane in range(levels):
                numbers = _at(inputs.ctypes.data + plane * pitch + 4 * row * inputs.shape[2])
                for column in range(START + width, inputs.shape[2]):
                    numbers[column] = np.float32(0)
        for unit in range(units):
            place = totals + 4 * LANES * unit * vectors
            for plane in range(levels):
                sums[worker, first + unit * levels + plane] += _total(_load(place + 4 * LANES * plane))
            sums[worker, first + units * levels + unit] += _total(_load(place + 4 * LANES * levels))
            for channel in range(channels):
                found = _total(_load(place + 4 * LANES * (levels + 1 + channel)))
                sums[worker, second + channel * units + unit] += found
        for index in range(channels * levels):
            sums[worker, linear + index] += _total(_load(map_totals + 4 * LANES * index))
        for channel in range(channels):
            found = _total(_load(bias_totals + 4 * LANES * channel))
            sums[worker, second + channels * units + channel] += found

    return pointwise_back


# --- layers of 3x3 -------------------------------------------------------------------------------------------------


def _row(channels: int) -> list[str]:
    """x + K * x + b for a row, from the rows above it, of it and below it."""
    cs = range(channels)
    return [
        "def row(row0, row1, row2, pitch, into, count, kernel):",
        "    w = at(kernel)",
        *(f"    b{o} = spread(w[{9 * channels**2 + o}])" for o in cs),
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        sum{o} = plus(b{o}, load(row1 + {o} * pitch + byte))" for o in cs),
        f"        for i in range({channels}):",
        "            here, tap = i * pitch + byte, 9 * i",
        *(
            line
            for down in range(3)
            for right in range(3)
            for line in [
                f"            x = load(row{down} + here + {4 * (right - 1)})",
                *(
                    f"            sum{o} = fma(spread(w[tap + {9 * o * channels + 3 * down + right}]), x, sum{o})"
                    for o in cs
                ),
            ]
        ),
        *(f"        store(sum{o}, into + {o} * pitch + byte)" for o in cs),
    ]


def _kernel_gradients(channels: int) -> list[str]:
    """Adds up the gradients of a layer's kernel, tap by tap, and of its bias, from a row."""
    cs = range(channels)
    found = ["def kernel_gradients(row0, row1, row2, pitch, gradient, count, sums):"]
    loop = f"    for byte in range(0, count, {4 * LANES}):"
    for i in cs:
        for down in range(3):
            places = {
                f"g{o}_{right}": 4 * LANES * (9 * (o * channels + i) + 3 * down + right)
                for o in cs
                for right in range(3)
            }
            if i == down == 0:
                places |= {f"bias{o}": 4 * LANES * (9 * channels**2 + o) for o in cs}
            found += [
                *(f"    {name} = load(sums + {place})" for name, place in places.items()),
                loop,
                *(f"        x{right} = load(row{down} + {i} * pitch + byte + {4 * (right - 1)})" for right in range(3)),
                *(f"        d{o} = load(gradient + {o} * pitch + byte)" for o in cs),
                *(f"        g{o}_{right} = fma(d{o}, x{right}, g{o}_{right})" for o in cs for right in range(3)),
                *(f"        bias{o} = plus(bias{o}, d{o})" for o in cs if i == down == 0),
                *(f"    store({name}, sums + {place})" for name, place in places.items()),
            ]
    return found


def _row_back(channels: int) -> list[str]:
    """The gradient of a row from those of the rows below it, of it and above it; 0 where `values` is, if asked for."""
    cs = range(channels)
    return [
        "def row_back(row0, row1, row2, pitch, into, values, count, kernel, masked):",
        "    w = at(kernel)",
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        sum{i} = load(row1 + {i} * pitch + byte)" for i in cs),
        f"        for o in range({channels}):",
        f"            here, tap = o * pitch + byte, {9 * channels} * o",
        *(
            line
            for down in range(3)
            for right in range(3)
            for line in [
                f"            d = load(row{down} + here + {4 * (1 - right)})",
                *(f"            sum{i} = fma(spread(w[tap + {9 * i + 3 * down + right}]), d, sum{i})" for i in cs),
            ]
        ),
        "        if masked:",
        *(f"            sum{i} = where_positive(load(values + {i} * pitch + byte), sum{i})" for i in cs),
        *(f"        store(sum{i}, into + {i} * pitch + byte)" for i in cs),
    ]


_CONVOLUTION = {"row": _row, "kernel_gradients": _kernel_gradients, "row_back": _row_back}


def _make_convolve(row_of: Any) -> Any:
    """The function of a 3x3 layer that is not the last one."""

    def convolve(worker: int, workers: int, values: F3, into: F3, parameters: F1, kernel: int, width: int) -> None:
        """ReLU(x + K * x + b), the ends of its rows repeated once."""
        channels, height, pitch = values.shape[0], values.shape[1], 4 * values.shape[2]
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            _convolved(row_of, values, into, parameters, kernel, row, width)
            for channel in range(channels):
                target = into.ctypes.data + (channel * height + row) * pitch
                for byte in range(4 * START, 4 * (START + _whole(width)), 4 * LANES):
                    _store(_positive(_load(target + byte)), target + byte)
                _repeat_ends(target, width)

    return convolve


@inline
def _convolved(row_of: Any, values: F3, into: F3, parameters: F1, kernel: int, row: int, width: int) -> None:
    """A row of a 3x3 layer; beyond the first and last row, these are repeated."""
    height, pitch = values.shape[1], 4 * values.shape[2]
    place = values.ctypes.data + 4 * START
    row_of(
        place + max(row - 1, 0) * pitch, place + row * pitch, place + min(row + 1, height - 1) * pitch, height * pitch,
        into.ctypes.data + row * pitch + 4 * START, 4 * _whole(width), parameters.ctypes.data + 4 * kernel,
    )  # fmt: skip


def _make_compare(row_of: Any) -> Any:
    """The function of the last layer."""

    def compare(
        worker: int, workers: int, values: F3, beside: F3, into: F3, parameters: F1, kernel: int, picture: F3,
        importance: F3, output: F3, error: D2, scale: float, steps: float,
    ) -> None:  # fmt: skip
        """The picture and its error; into: the derivative of the error by each value, 0 beside the picture.

        With `steps` above 0, the error is that of the picture cut to [0, 1] and rounded to multiples of 1/steps.
        """
        channels, height, pitch = values.shape[0], values.shape[1], 4 * values.shape[2]
        width, plane = output.shape[2], height * pitch
        full, twice = width // LANES * LANES, _spread(np.float32(2 * scale))
        found = 0.0
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            _convolved(row_of, values, into, parameters, kernel, row, width)
            here = row * pitch + 4 * START
            weight = importance.ctypes.data + here
            for channel in range(channels):
                place, target = into.ctypes.data + channel * plane + here, picture.ctypes.data + channel * plane + here
                more, shown = beside.ctypes.data + channel * plane + here, output[channel, row].ctypes.data
                for byte in range(0, 4 * _whole(width), 4 * LANES):
                    _store(_plus(_load(place + byte), _load(more + byte)), place + byte)
                for byte in range(0, 4 * full, 4 * LANES):
                    _store(_load(place + byte), shown + byte)
                numbers, ends = _at(place), _at(shown)
                for column in range(full, width):
                    ends[column] = numbers[column]
                if steps > 0:
                    found += _rounded_error(numbers, _at(target), _at(weight), width, np.float32(steps))
                    continue
                errors = _zero()
                for byte in range(0, 4 * _whole(width), 4 * LANES):
                    difference = _minus(_load(place + byte), _load(target + byte))
                    slope = _times(_load(weight + byte), difference)
                    errors = _fma(slope, difference, errors)
                    _store(_times(twice, slope), place + byte)
                found += _total(errors)
        error[worker, 0] = found * scale

    return compare


@inline
def _rounded_error(values: Any, target: Any, importance: Any, width: int, steps: np.float32) -> float:
    """The weighted squared error of a row whose values are cut to [0, 1] and rounded to multiples of 1/steps."""
    found = np.float32(0)
    for column in range(width):
        shown = max(np.float32(0), min(values[column], np.float32(1)))
        difference = np.floor(shown * steps + np.float32(0.5)) / steps - target[column]
        found += importance[column] * difference * difference
    return found


def _make_convolve_back(channels: int, kernel_gradients: Any, row_back: Any) -> Any:
    """The function of the way back through a 3x3 layer."""
    size = 9 * channels**2  # of a kernel

    def convolve_back(
        worker: int, workers: int, values: F3, gradient: F3, into: F3, parameters: F1, kernel: int, masked: int,
        scratch: F2, sums: D2, width: int,
    ) -> None:  # fmt: skip
        """From the gradient of x + K * x + b to that of x, for `masked` of what x = ReLU(…) is of; 0 beside it."""
        height, pitch = values.shape[1], 4 * values.shape[2]
        plane, count = height * pitch, 4 * _whole(width)
        room = scratch.ctypes.data + 4 * worker * scratch.shape[1]
        edited = room + 4 * LANES * (size + channels)
        taps, w = _at(edited), _at(parameters.ctypes.data + 4 * kernel)
        scratch[worker] = np.float32(0)
        place, above = values.ctypes.data + 4 * START, gradient.ctypes.data + 4 * START
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            up, down = max(row - 1, 0) * pitch, min(row + 1, height - 1) * pitch
            here = row * pitch
            kernel_gradients(place + up, place + here, place + down, plane, above + here, count, room)
            for pair in range(0, size, 9):  # what rows beyond the first and last one get, these do
                for tap in range(3):
                    first, middle, last = w[pair + tap], w[pair + 3 + tap], w[pair + 6 + tap]
                    if row == 0:
                        middle, last = middle + first, np.float32(0)
                    if row == height - 1:
                        middle, first = middle + w[pair + 6 + tap], np.float32(0)
                    taps[pair + tap], taps[pair + 3 + tap], taps[pair + 6 + tap] = first, middle, last
            target = into.ctypes.data + 4 * START + here
            row_back(above + down, above + here, above + up, plane, target, place + here, count, edited, masked)
            for channel in range(channels):
                numbers, x = _at(target + channel * plane), _at(place + here + channel * plane)
                left, right = np.float32(0), np.float32(0)  # what columns beyond the first and last one get
                for output in range(channels):
                    pair = 9 * (output * channels + channel)
                    rows = above + output * plane
                    below, same, over = _at(rows + down), _at(rows + here), _at(rows + up)
                    left += taps[pair] * below[0] + taps[pair + 3] * same[0] + taps[pair + 6] * over[0]
                    last = width - 1
                    right += taps[pair + 2] * below[last] + taps[pair + 5] * same[last] + taps[pair + 8] * over[last]
                if masked == 0 or x[0] > 0:
                    numbers[0] += left
                if masked == 0 or x[width - 1] > 0:
                    numbers[width - 1] += right
                numbers[width] = np.float32(0)
        for index in range(size + channels):
            sums[worker, kernel + index] += _total(_load(room + 4 * LANES * index))

    return convolve_back
