"""The engine `cpu`."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch

from inr._parts import Range, format_spec
from inr.activations import Activation
from inr.engines._base import Engine, Plan, engines
from inr.engines._checks import pointwise
from inr.engines._cpu._activations import loops
from inr.engines._cpu._derivative_plan import CpuDerivativePlan
from inr.engines._cpu._derivatives import Derivatives
from inr.engines._cpu._encoders import encoder
from inr.engines._cpu._layout import MAX_FEATURE_BYTES, MAX_TILE_ROWS, MIN_TILE_ROWS, Layout, layout
from inr.engines._cpu._losses import Loss, loss_of
from inr.engines._cpu._network import NetworkStages, network_stages
from inr.engines._cpu._plan import CpuPlan, constant_table
from inr.engines._formulas import Untranslatable, constant_row
from inr.engines._objectives import AnyObjective, Local, OfJets
from inr.field import Field
from inr.jit import usable_folder
from inr.jit.vector import DOT_PRODUCTS, LANES, PANEL, ROWS

Backward = Literal["auto", "float32", "bfloat16"]
_MIN_ROUNDED_UNITS = 64  # of layers whose products on the way back "auto" rounds: narrower ones gain little
_MIN_ROUNDED_WITH_DERIVATIVES = 128  # the same in steps of derivatives, where 64 gain nothing


@engines.register("cpu", limits="multilayer perceptrons only, in float32")
class Cpu(Engine):
    """Fused kernels for the processor: tiles of points walk through all layers, and back, while they stay in cache.

    Compiled when first needed, and kept on disk. Sums, phases and products are float32, but for the products that give
    gradients, which "auto" makes of bfloat16 numbers where that is faster: with processors that have instructions for
    it, and layers of 64 units or more, or of 128 in steps of losses of derivatives.
    """

    priority = 10

    def __init__(
        self,
        *,
        threads: Annotated[int | None, Range(1, 1024), "workers (none: as many as torch uses)"] = None,
        tile: Annotated[int | None, Range(1, 65536), "points that walk through the layers together"] = None,
        backward: Annotated[Backward, "numbers of the products on the way back, but the first layer's"] = "auto",
    ) -> None:
        self.threads = threads
        self.tile = tile
        self.backward = backward

    def facts(self) -> dict[str, Any]:
        """Threads, tiles, vectors, and where machine code is kept."""
        return {
            "threads": self.threads or torch.get_num_threads(),
            "tile": f"{self.tile} points" if self.tile else f"what {_second_cache() // 1024} KiB of cache hold",
            "vectors": f"{LANES} x float32",
            "products": f"{ROWS} x {PANEL}",
            "bfloat16": "by instruction" if DOT_PRODUCTS else "imitated: auto does not take it",
            "kernels": str(usable_folder() or "compiled by every process: no folder can be written"),
        }

    def covers(self, field: Field) -> tuple[str, ...] | str:
        """What PyTorch computes, or why there are no kernels."""
        ready = self._kernels(field, None)
        if isinstance(ready, str):
            return ready
        note = encoder(field.encoding).note
        return (note,) if note else ()

    def plan(self, field: Field, objective: AnyObjective | None) -> Plan | str:
        """A plan, or why there is none."""
        ready = self._kernels(field, objective)
        if isinstance(ready, str):
            return ready
        shape, stages = ready
        threads = self.threads or torch.get_num_threads()
        tile = _tile(shape, self.tile)
        ready_encoder, constants = encoder(field.encoding), _constants(field, len(shape.table))
        rounds, rounds_jets = self._rounds(shape), self._rounds(shape, _MIN_ROUNDED_WITH_DERIVATIVES)
        derivatives = Derivatives(
            ready_encoder, field.network.activation, shape, constants, field.domain.channels, field.domain.in_dim,
            threads=threads, tile=self.tile, cache=_second_cache(), bfloat16=rounds_jets,
        )  # fmt: skip
        make: Callable[..., CpuPlan] = CpuPlan
        if isinstance(objective, OfJets):
            reason = _underivable(field, derivatives, objective)
            if reason:
                return reason
            make, rounds = functools.partial(CpuDerivativePlan, objective), rounds_jets
        return make(
            field, ready_encoder, shape, stages, constants, pointwise(objective), derivatives,
            threads=threads, tile=tile, block=_block(shape, tile, threads), bfloat16=rounds,
        )  # fmt: skip

    def _kernels(self, field: Field, objective: AnyObjective | None) -> tuple[Layout, NetworkStages] | str:
        """How the network lies in memory, and its kernels; or why there are none."""
        reason = _refused(field, objective)
        if reason is not None:
            return reason
        shape = layout(field.network)
        if isinstance(shape, str):
            return shape
        try:
            loss = loss_of(pointwise(objective))
        except Untranslatable as error:
            return f"objective {type(objective).__name__}: {error}"
        try:
            return shape, _stages(field.network.activation, self._rounds(shape), loss)
        except Untranslatable as error:
            return f"activation '{field.network.activation.config()['name']}': {error}"

    def _rounds(self, shape: Layout, least: int = _MIN_ROUNDED_UNITS) -> bool:
        """Whether products on the way back are of bfloat16 numbers, which "auto" takes from `least` units on."""
        if self.backward == "auto":
            return DOT_PRODUCTS and min(shape.hidden_units, default=0) >= least
        return self.backward == "bfloat16"


def _refused(field: Field, objective: AnyObjective | None) -> str | None:
    """Why a field or an objective is not for this engine."""
    parameters = list(field.parameters())
    if any(parameter.device.type != "cpu" for parameter in parameters):
        return f"its weights are on {field.device}"
    if any(parameter.dtype != torch.float32 for parameter in parameters):
        return "its weights are not float32"
    if objective is not None and not isinstance(objective, OfJets) and pointwise(objective) is None:
        return f"no kernels for objective {type(objective).__name__}"
    return None


# what to take in the place of activations whose derivatives jump; a sine for all others
_SMOOTHER = {"laplacian": "gaussian", "relu": "silu"}
_ORDINALS = {1: "first", 2: "second"}


def _underivable(field: Field, derivatives: Derivatives, objective: OfJets) -> str:
    """Why there are no kernels for the derivatives that an objective reads; "" where there are."""
    wanted = [term.reads for term in objective.terms] if isinstance(objective, Local) else [objective.reads]
    order = max((reads.order for reads in wanted), default=0)
    activation = field.network.activation
    if activation.smoothness < order:
        name = activation.config()["name"]
        return (
            f"the loss reads {_ORDINALS[order]} derivatives, which activation '{name}' lacks or has jumps in; "
            f"'{_SMOOTHER.get(name, 'sine')}' has them"
        )
    return next((reason for reads in wanted if (reason := derivatives.lacks(reads))), "")


_MADE: dict[tuple[type[Activation], str, bool, str], NetworkStages] = {}


def _stages(activation: Activation, bfloat16: bool, loss: Loss) -> NetworkStages:
    """The stages of an activation and a loss, made once in a process: compiled code is never freed."""
    key = type(activation), format_spec(activation.config()), bfloat16, loss.source
    if key not in _MADE:
        hidden = loops(activation, activation.planes)
        first = loops(activation, 1) if activation.planes > 1 else hidden
        _MADE[key] = network_stages(first, hidden, bfloat16, loss)
    return _MADE[key]


def _constants(field: Field, layers: int) -> np.ndarray:
    """What the activation of every layer but the last is computed with."""
    activation = field.network.activation
    return constant_table([constant_row(activation, "first" if index == 0 else "hidden") for index in range(layers)])


def _tile(shape: Layout, given: int | None) -> int:
    """Points of a tile, in whole blocks of rows: as many as the second cache holds, with all that learning keeps."""
    points = given or min(max(_second_cache() // (4 * shape.per_point), MIN_TILE_ROWS), MAX_TILE_ROWS)
    return max(-(-points // ROWS), 1) * ROWS


@functools.cache
def _second_cache() -> int:
    """Bytes of a core's second cache; a usual size where the system does not tell."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
        return int(text.removesuffix("K")) * 1024
    except (OSError, ValueError):
        return 512 * 1024


def _block(shape: Layout, tile: int, threads: int) -> int:
    """Points of a program, in whole tiles for every worker: as many as their features leave room for in the cache."""
    points = MAX_FEATURE_BYTES // (4 * shape.features)
    return max(points // tile, 1) * tile * threads
