"""Ways through a network that has derivatives: on planes, or in reverse; their stages, tiles and buffers."""

import math
from typing import Any

import numpy as np

from inr._parts import format_spec
from inr.activations import Activation
from inr.engines._cpu._derivative_loops import planes_loops, reverse_loops
from inr.engines._cpu._encoders import JetEncoder
from inr.engines._cpu._last_steps import GIVE_PLANES, GIVE_REVERSE, READ_PLANES, READ_REVERSE
from inr.engines._cpu._layout import MAX_FEATURE_BYTES, MAX_TILE_ROWS, MIN_TILE_ROWS, Layout
from inr.engines._cpu._planes import Planes, places_of, planes_of
from inr.engines._cpu._planes_network import planes_stage
from inr.engines._cpu._reverse_network import reverse_room, reverse_stage
from inr.engines._cpu._weights import CACHE_LINE_FLOATS, Weights
from inr.field import Reads
from inr.jit import Call, Stage
from inr.jit.vector import ROWS


def in_reverse(reads: Reads, channels: int) -> bool:
    """Whether the reverse pass is cheaper: 1 + channels products of a layer, one way, in place of 1 + axes."""
    return reads.order == 1 and channels < len(reads.first)


_MADE: dict[Any, Stage] = {}


def _stage(activation: Activation, planes: Planes | int, bfloat16: bool) -> Stage:
    """The stage on planes, or in reverse for a number of channels; made once in a process. Raises Untranslatable."""
    key = type(activation), format_spec(activation.config()), planes, bfloat16
    if key not in _MADE:
        parts = {1, activation.planes}
        if isinstance(planes, int):
            reverse = {each: reverse_loops(activation, each, planes) for each in parts}
            _MADE[key] = reverse_stage(reverse[1], reverse[activation.planes], planes, bfloat16)
        else:
            loops = {each: planes_loops(activation, each, planes) for each in parts}
            _MADE[key] = planes_stage(loops[1], loops[activation.planes], planes.count, bfloat16)
    return _MADE[key]


class Way:
    """How some derivatives of a field are come by, and their gradients go back.

    Args:
        reads: the derivatives.
        activation, encoder, layout, constants, weights: of the field.
        channels: of its values.
        threads: workers.
        tile: points that walk together; None: what the second cache holds.
        cache: bytes of that.
        bfloat16: whether products that only gradients come of are of bfloat16 numbers.

    Attributes:
        planes: what the encoder gives.
        reverse: whether the network goes in reverse.
        block: points of a program.
        clocks: ticks of products and activations by worker.

    Raises:
        Untranslatable: an activation that there is no code for.
    """

    def __init__(
        self, reads: Reads, activation: Activation, encoder: JetEncoder, layout: Layout, constants: np.ndarray,
        weights: Weights, channels: int, *, threads: int, tile: int | None, cache: int, bfloat16: bool,
    ) -> None:  # fmt: skip
        self.reads, self._encoder = reads, encoder
        self.planes = planes_of(reads)
        self.reverse = in_reverse(reads, channels)
        self.stage = _stage(activation, channels if self.reverse else self.planes, bfloat16)
        rows = self.planes.count  # of features of a point
        if self.reverse:
            height, grain = 1 + channels, ROWS
            room = reverse_room(layout.per_point, layout.widest, layout.features, channels, len(reads.first))
        else:
            height, grain = rows, ROWS // math.gcd(ROWS, rows)
            room = rows * (layout.per_point + 2 * layout.widest)
        points = tile or min(max(cache // (4 * room), MIN_TILE_ROWS // height), MAX_TILE_ROWS // height)
        self.tile = max(points // grain, 1) * grain
        programs = max(MAX_FEATURE_BYTES // (4 * layout.features * rows) // self.tile, 1)
        self.block = programs * self.tile * threads
        self._features = np.zeros(((self.block + ROWS) * rows, layout.features), np.float32)
        self.clocks = np.zeros((threads, 8), np.int64)
        self._call = Call(
            self.stage, features=self._features, records=np.zeros((threads, 16), np.int64), table=layout.table,
            constants=constants, packed=weights.packed, biases=weights.biases, grads=weights.grads,
            bias_grads=weights.bias_grads, clocks=self.clocks, tile=self.tile, parts=layout.planes,
            tiles=np.zeros((threads, (self.tile + 1) * room + CACHE_LINE_FLOATS), np.float32), pass_on=encoder.learns,
            packed16=weights.packed16, start16=weights.start16,
        )  # fmt: skip
        if self.reverse:
            self._call.set(axes=len(reads.first))
        self._read, self._give = self._exchange(READ_PLANES, READ_REVERSE), self._exchange(GIVE_PLANES, GIVE_REVERSE)

    def _exchange(self, on_planes: Stage, reverse: Stage) -> Call:
        """The call of a last step that reads or gives what a jet holds."""
        if self.reverse:
            return Call(reverse)
        places = places_of(self.reads)
        return Call(
            on_planes, planes=self.planes.count, first_places=np.array(places.first, np.int64),
            second_places=np.array(places.second, np.int64),
        )  # fmt: skip

    @property
    def stages(self) -> list[Stage]:
        """What has to be compiled, but for last steps of terms."""
        encoding = self._encoder.jet_stages(self.planes) if self.planes.order else self._encoder.stages
        return [self.stage, *encoding]

    @property
    def exchanges(self) -> list[Stage]:
        """The last steps that read and give jets."""
        return [self._read.stage, self._give.stage]

    def reading(self, values: np.ndarray, first: np.ndarray, second: np.ndarray) -> Call:
        """The last step that reads a jet of n points into arrays (n, c), (n, c k) and (n, c m)."""
        return self._with_jet(self._read, values, first, second)

    def giving(self, values: np.ndarray, first: np.ndarray, second: np.ndarray) -> Call:
        """The last step that takes the gradients by a jet from such arrays."""
        return self._with_jet(self._give, values, first, second)

    def _with_jet(self, call: Call, values: np.ndarray, first: np.ndarray, second: np.ndarray) -> Call:
        return call.set(values=values, first=first, **({} if self.reverse else {"second": second}))

    def program(self, coords: np.ndarray, at: int, last_step: Call, learning: bool) -> list[Call]:
        """What a program does with up to `block` of the points that a last step is for.

        Args:
            coords: float32 (n, d), of all points.
            at: the first one of the program.
            last_step: of the points, with all its arguments but `at`.
            learning: whether gradients are added up.
        """
        part = coords[at : at + self.block]
        address, arguments, _ = last_step.set(at=at).words
        walk = self._call.set(count=len(part), learning=learning, last_step=address, arguments=arguments)
        if not self.planes.order:
            back = self._encoder.backward(part, self._features) if learning else ()
            return [*self._encoder.encode(part, self._features), walk, *back]
        back = self._encoder.backward_jet(part, self._features, self.planes) if learning else ()
        return [*self._encoder.encode_jet(part, self._features, self.planes), walk, *back]
