"""What comes after the last layer of a tile with derivatives: reading them, taking gradients by them, or a term.

A last step is a stage of its own, which the network's stage calls with a record of the tile (`_planes_network`) in the
place of the worker, and the worker in that of their number. On planes it finds the outputs of every plane in rows of
the tile, and leaves the gradients of the loss there; in reverse only values are there, and slopes apart.
"""

import functools

import numpy as np

from inr.engines._cpu._activations import FUNCTIONS_OF_FORMULAS, NUMBA
from inr.engines._cpu._planes import places_of, planes_of
from inr.engines._cpu._planes_network import FIRST, OUTPUTS, POINTS, SHIFTS, SLOPES, STRIDE, SUMS
from inr.engines._derivative_formulas import TermFormula, term_formula
from inr.engines._objectives import Term
from inr.field import Reads
from inr.jit import D2, F1, F2, I1, Stage, inline_generated
from inr.jit.vector import POINTERS

_at, _words = POINTERS["float32"], POINTERS["int64"]
_zero = np.float32(0)


def _read_planes(
    record: int, worker: int, values: F2, first: F2, second: F2, first_places: I1, second_places: I1, planes: int,
    at: int,
) -> None:  # fmt: skip
    """Values (n, c), and derivatives (n, c k) and (n, c m), of the points from `at` on."""
    tile = _words(record)
    shift, channels = _at(tile[SHIFTS]), values.shape[1]
    firsts, seconds = first_places.shape[0], second_places.shape[0]
    for row in range(tile[POINTS]):
        point = at + tile[FIRST] + row
        y = tile[OUTPUTS] + 4 * row * planes * tile[STRIDE]
        outputs = _at(y)
        for channel in range(channels):
            values[point, channel] = outputs[channel] + shift[channel]
        for place in range(firsts):
            outputs = _at(y + 4 * first_places[place] * tile[STRIDE])
            for channel in range(channels):
                first[point, channel * firsts + place] = outputs[channel]
        for place in range(seconds):
            outputs = _at(y + 4 * second_places[place] * tile[STRIDE])
            for channel in range(channels):
                second[point, channel * seconds + place] = outputs[channel]


def _give_planes(
    record: int, worker: int, values: F2, first: F2, second: F2, first_places: I1, second_places: I1, planes: int,
    at: int,
) -> None:  # fmt: skip
    """As `_read_planes`, the other way: gradients by what it reads."""
    tile = _words(record)
    sums, channels = _at(tile[SUMS]), values.shape[1]
    firsts, seconds = first_places.shape[0], second_places.shape[0]
    for row in range(tile[POINTS]):
        point = at + tile[FIRST] + row
        y = tile[OUTPUTS] + 4 * row * planes * tile[STRIDE]
        for plane in range(1, planes):  # those that are not read
            outputs = _at(y + 4 * plane * tile[STRIDE])
            for channel in range(channels):
                outputs[channel] = _zero
        outputs = _at(y)
        for channel in range(channels):
            outputs[channel] = values[point, channel]
            sums[channel] += values[point, channel]
        for place in range(firsts):
            outputs = _at(y + 4 * first_places[place] * tile[STRIDE])
            for channel in range(channels):
                outputs[channel] = first[point, channel * firsts + place]
        for place in range(seconds):
            outputs = _at(y + 4 * second_places[place] * tile[STRIDE])
            for channel in range(channels):
                outputs[channel] = second[point, channel * seconds + place]


def _read_reverse(record: int, worker: int, values: F2, first: F2, at: int) -> None:
    """Values (n, c) and slopes (n, c k) of the points from `at` on."""
    tile = _words(record)
    shift, channels, wide = _at(tile[SHIFTS]), values.shape[1], first.shape[1]
    for row in range(tile[POINTS]):
        point = at + tile[FIRST] + row
        outputs = _at(tile[OUTPUTS] + 4 * row * (1 + channels) * tile[STRIDE])
        slopes = _at(tile[SLOPES] + 4 * row * wide)
        for channel in range(channels):
            values[point, channel] = outputs[channel] + shift[channel]
        for place in range(wide):
            first[point, place] = slopes[place]


def _give_reverse(record: int, worker: int, values: F2, first: F2, at: int) -> None:
    """As `_read_reverse`, the other way."""
    tile = _words(record)
    sums, channels, wide = _at(tile[SUMS]), values.shape[1], first.shape[1]
    for row in range(tile[POINTS]):
        point = at + tile[FIRST] + row
        outputs = _at(tile[OUTPUTS] + 4 * row * (1 + channels) * tile[STRIDE])
        slopes = _at(tile[SLOPES] + 4 * row * wide)
        for channel in range(channels):
            outputs[channel] = values[point, channel]
            sums[channel] += values[point, channel]
        for place in range(wide):
            slopes[place] = first[point, place]


READ_PLANES, GIVE_PLANES = Stage(_read_planes), Stage(_give_planes)
READ_REVERSE, GIVE_REVERSE = Stage(_read_reverse), Stage(_give_reverse)


def term_stage(term: Term, in_dim: int, channels: int, reverse: bool) -> Stage:
    """The last step of a term, made once in a process.

    It takes coords (n, d), data (n, k), importance (n,) or none, the numbers that the term reads, the sums of their
    gradients and of losses by worker, costs (n,) of points without weights, `at`, the number of a program's first
    point, and `scale`, by which losses and gradients are multiplied.

    Raises:
        Untranslatable: in words.
    """
    code = term_formula(term, in_dim, channels, NUMBA)
    return _stage(_source(code, term.reads, channels, reverse))


@functools.cache
def _stage(source: str) -> Stage:
    loop = inline_generated(source, "term", {**FUNCTIONS_OF_FORMULAS, "at": _at, "f": np.float32})

    def last_step(
        record: int, worker: int, coords: F2, data: F2, importance: F1, numbers: F1, number_sums: D2, losses: D2,
        costs: F1, at: int, scale: float,
    ) -> None:  # fmt: skip
        tile = _words(record)
        losses[worker, 0] += scale * loop(
            tile[OUTPUTS], 4 * tile[STRIDE], tile[POINTS], tile[SHIFTS], tile[SUMS], tile[SLOPES], coords, data,
            importance, numbers, number_sums[worker], costs, at + tile[FIRST], scale,
        )  # fmt: skip

    return Stage(last_step, source, "network")


def _source(code: TermFormula, reads: Reads, channels: int, reverse: bool) -> str:
    """A loop over points: what the formula reads, its code, and the gradients where that was."""
    planes, places = planes_of(reads), places_of(reads)
    rows = 1 + channels if reverse else planes.count
    firsts = len(reads.first)

    def place(plane: int, channel: int) -> str:
        return f"plane{plane}[{channel}]"

    def first(channel: int, index: int) -> str:
        return f"slopes[{channel * firsts + index}]" if reverse else place(places.first[index], channel)

    read = {name: f"plane0[{channel}]" for channel, name in enumerate(code.values)}
    read |= {
        name: first(channel, index) for channel, names in enumerate(code.first) for index, name in enumerate(names)
    }
    read |= {
        name: place(places.second[index], channel)
        for channel, names in enumerate(code.second)
        for index, name in enumerate(names)
    }
    lines = [
        "def term(y, stride, points, shifts_at, sums_at, slopes_at, coords, data, importance, numbers, number_sums, "
        "costs, first, scale):",
        "    shifts, sums, factor, total = at(shifts_at), at(sums_at), f(scale), 0.0",
        *(f"    {name} = numbers[{index}]" for index, name in enumerate(code.numbers)),
        "    for row in range(points):",
    ]
    used = range(1) if reverse else range(planes.count)
    body = [f"plane{plane} = at(y + (row * {rows} + {plane}) * stride)" for plane in used]
    body += [f"slopes = at(slopes_at + 4 * row * {channels * firsts})"] if reverse else []
    body += [f"{name} = {where}" for name, where in read.items()]
    body += [f"{name} = {name} + shifts[{channel}]" for channel, name in enumerate(code.values)]
    body += [f"{name} = coords[first + row, {axis}]" for axis, name in enumerate(code.coords)]
    body += [f"{name} = data[first + row, {column}]" for column, name in enumerate(code.data)]
    cost, *gradients = code.code.results
    body += [
        *code.code.lines,
        f"cost = {cost}",
        "costs[first + row] = cost",
        "weight = f(1.0)",
        "if importance.shape[0] > 0:",
        "    weight = importance[first + row]",
        "total += weight * cost",
        "weight = factor * weight",
        *(f"r{index} = weight * {gradient}" for index, gradient in enumerate(gradients)),
    ]
    results = {where: f"r{index}" for index, where in enumerate(read.values())}
    targets = results if reverse else {place(plane, channel): "f(0.0)" for plane in used for channel in range(channels)}
    body += [f"{where} = {result}" for where, result in (targets | results).items()]
    body += [f"sums[{channel}] = sums[{channel}] + r{channel}" for channel in range(channels)]
    body += [f"number_sums[{index}] += r{len(read) + index}" for index in range(len(code.numbers))]
    return "\n".join([*lines, *(f"        {line}" for line in body), "    return total"]) + "\n"
