"""Frequencies of parts that are chosen for a signal, before its fit: by trial fits, tangent kernels or spectra."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from inr._errors import InrError
from inr._parts import AUTO, WAYS, Config
from inr.activations import activations
from inr.encodings import encodings
from inr.field import Field
from inr.fitting._fresh import fresh_distance
from inr.fitting._kernel import leave_one_out, tangent_kernel
from inr.fitting._make_optimiser import make_optimiser
from inr.fitting._parameter_groups import parameter_groups, resolve_learning_rates
from inr.fitting._patches import dense_patches
from inr.fitting._schedules import SCHEDULES
from inr.networks import networks
from inr.signals import GridSignal, Signal

Parts = Mapping[str, Config]  # "encoding", "activation" and "network"
Patch = tuple[Tensor, Tensor]  # coordinates (n, D) and values (n, C) about their mean, float32

POINTS, PATCHES = 1568, 3
KERNEL_POINTS = 784  # neighbouring samples of a patch of which a kernel is made
FRESH_POINTS, FRESH_OUTPUTS = 16_384, 10  # samples whose spectrum is compared, and untrained networks
QUICK_POINTS, QUICK_PATCHES = 324, 2  # for a second opinion, which may take a second
HELD_OUT = 8  # one sample of a patch in so many is not learned from
# A patch has few samples to learn, so that steps of a trial stand for several times as many of a whole signal: trials
# of 200 and 400 steps named lower numbers than fits did.
STEPS, RATE = 100, 2e-3
STEADY = 30.0  # the frequency of hidden layers up to which RATE is stable; their weights are as small as it is large
WIDTH = 64  # of the networks whose trials stand for those of wider ones
_REGISTRIES = {"encoding": encodings, "activation": activations}
_LEAST_ERROR = 1e-15  # of a flat patch, which is predicted exactly
_ROUNDING = 3  # digits of a chosen number
_FARTHEST = 10  # octaves on either side of where a search begins
_PATIENCE = 2  # octaves in a row that predict worse, before a direction is given up


@dataclass(frozen=True)
class Choice:
    """A frequency that was chosen for a signal.

    Attributes:
        part: "encoding" or "activation"; name: of the part; parameter: what was chosen.
        value: the chosen number.
        psnr: what it predicts samples with that it does not see, in dB of the values' range; not a number where spectra
            were compared.
        ladder: every number that was tried and what it predicts, by size; or how far apart spectra were, in cycles.
        seconds: what the choice took.
        way: how it was chosen: "auto", "kernel" or "fresh", see `choose_frequencies`.
    """

    part: str
    name: str
    parameter: str
    value: float
    psnr: float
    ladder: tuple[tuple[float, float], ...]
    seconds: float
    way: str = AUTO

    @property
    def merit(self) -> float:
        """What it was chosen by, the more the better: `psnr`, or minus the distance of spectra."""
        return -min(distance for _, distance in self.ladder) if self.way == "fresh" else self.psnr

    @property
    def figure(self) -> str:
        """The same in words."""
        if self.way == "fresh":
            return f"spectra {-self.merit:.2f} cycles apart"
        return f"{self.psnr:.1f} dB on samples left out"

    @property
    def unit(self) -> str:
        """Of the ladder's figures."""
        return "cycles" if self.way == "fresh" else "dB"

    def __str__(self) -> str:
        return f"{self.name}:{self.parameter}={self.value:g}"


def open_parameters(parts: Parts) -> list[tuple[str, tuple[str, ...], str]]:
    """Where parts leave a number to be chosen: the part, the names of parts within, and the parameter."""
    found: list[tuple[str, tuple[str, ...], str]] = []
    for part, registry in _REGISTRIES.items():
        found += [(part, path, name) for path, name in _open(parts[part], registry, ())]
    return found


def _open(config: Config, registry: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    info = registry.info(config["name"])
    found = [(path, name) for name in info.cls.automatic if config.get(name) in WAYS]
    for param in info.params:
        inner = config.get(param.name)
        if param.is_part and isinstance(inner, Mapping):
            found += _open(dict(inner), registry, (*path, param.name))
    return found


def choose_frequencies(
    signal: Signal, parts: Parts, *, seed: int = 0, points: int = POINTS, count: int = PATCHES
) -> tuple[dict[str, Config], list[Choice]]:
    """The parts with every "auto", "kernel" and "fresh" replaced by a number that suits the signal.

    Numbers an octave apart are compared, outwards from one that suits its number of samples until two in a row are
    worse; a parabola through the best three ends the search. Where several are open they are chosen one after the
    other. What they are compared by:

    - "auto": short fits of dense patches predict samples that are held out.
    - "kernel": regression with the tangent kernel of the untrained network predicts each sample of a patch from the
      others (`leave_one_out`), at the ridge that does so best; no fits, and a number that generalises.
    - "fresh": the spectra of the signal and of ten untrained networks' outputs are nearest (Kania et al., FreSh:
      frequency shifting for accelerated neural representation learning, ICLR 2025; `fresh_distance`). It finds what
      learns the samples fast, as for compression, and says nothing of what is right between them.

    Args:
        signal: what is to be represented.
        parts: complete configurations of "encoding", "activation" and "network".
        seed: decides where the patches lie, which of their samples are held out, and what weights trials begin with.
        points: neighbouring samples of a patch.
        count: patches, fewer where the signal is small.

    Returns:
        The parts, and a `Choice` for every number, in the order in which they were made.

    Raises:
        InrError: parts that cannot be built, or spectra of what is on no grid or does not vary.
    """
    settled = {part: dict(config) for part, config in parts.items()}
    choices = []
    wanted = open_parameters(settled)
    ways = [_at(settled[part], path)[parameter] for part, path, parameter in wanted]
    for part, path, parameter in wanted:
        _set(settled[part], path, parameter, _start(settled[part], part, path, parameter, signal))
    patches = _patches(signal, points, count, seed) if AUTO in ways else []
    for way, (part, path, parameter) in zip(ways, wanted, strict=True):
        seen = patches
        if way == "kernel":
            seen = _patches(signal, min(points, KERNEL_POINTS), count, seed)
        elif way == "fresh":
            seen = [_block_of(signal, seed)]
        choice = _choose(signal, settled, (part, path, parameter), way, seen, seed)
        _set(settled[part], path, parameter, choice.value)
        choices.append(choice)
    return settled, choices


def second_opinions(
    signal: Signal, parts: Parts, given: Mapping[str, Config], *, seed: int = 0
) -> list[tuple[float, Choice]]:
    """Frequencies that a user gave, each with what would be chosen instead.

    Args:
        signal: what is to be represented.
        parts: complete configurations of "encoding", "activation" and "network".
        given: what the user wrote of "encoding" and "activation"; only numbers in it are looked at.
        seed: as for `choose_frequencies`.

    Returns:
        The given number and the `Choice` beside it; none where parts cannot be built.
    """
    found = []
    for part, config in given.items():
        cls = _REGISTRIES[part].info(config["name"]).cls
        for name in cls.automatic:
            if not isinstance(config.get(name), (int, float)):
                continue
            opened = {**parts, part: cls.placed({**parts[part], name: AUTO}, signal)}
            try:
                _, (choice, *_) = choose_frequencies(
                    signal, opened, seed=seed, points=QUICK_POINTS, count=QUICK_PATCHES
                )
                found.append((float(config[name]), choice))
            except InrError:
                continue
    return found


def _choose(
    signal: Signal, parts: Parts, where: tuple[str, tuple[str, ...], str], way: str, patches: Sequence[Patch], seed: int
) -> Choice:
    """The best number for one parameter."""
    begin = perf_counter()
    part, path, parameter = where
    own = _at(parts[part], path)

    def error(octave: int) -> float:
        value = start * 2.0**octave
        changed = {name: _copied(config) for name, config in parts.items()}
        _set(changed[part], path, parameter, value)
        return _ERRORS[way](signal, changed, patches, seed)

    start = own[parameter]
    flat = not any(values.any() for _, values in patches)  # any number predicts that
    errors = {0: 0.0} if flat else climb(error)
    best = refined(errors)
    value = float(f"{start * 2.0**best:.{_ROUNDING}g}")
    told = {octave: error if way == "fresh" else _psnr(error) for octave, error in errors.items()}
    ladder = tuple((start * 2.0**octave, told[octave]) for octave in sorted(errors))
    psnr = math.nan if way == "fresh" else max(told.values())
    return Choice(part, own["name"], parameter, value, psnr, ladder, perf_counter() - begin, way)


def climb(error: Callable[[int], float]) -> dict[int, float]:
    """Errors by octave, outwards from 0 until two in a row are worse than the least on either side."""
    errors = {0: error(0)}
    for direction in (1, -1):
        for _ in range(_FARTHEST):
            octave = (max if direction > 0 else min)(errors) + direction
            errors[octave] = error(octave)
            least = min(errors, key=lambda each: errors[each])
            if (octave - least) * direction >= _PATIENCE:
                break
    return errors


def refined(errors: Mapping[int, float]) -> float:
    """The octave where a parabola through the logarithms of the least error and its neighbours has its least."""
    best = min(errors, key=lambda octave: errors[octave])
    if not {best - 1, best + 1} <= errors.keys() or errors[best] <= 0:
        return float(best)
    below, here, above = (math.log(errors[best + step]) for step in (-1, 0, 1))
    bend = below - 2 * here + above
    return best + (0.0 if bend <= 0 else (below - above) / (2 * bend))


def held_out_error(signal: Signal, parts: Parts, patches: Sequence[Patch], seed: int) -> float:
    """What short fits of patches miss on samples that they do not learn from.

    Args:
        signal: that the patches are of.
        parts: complete configurations.
        patches: each is fitted by a network of its own.
        seed: decides the networks' first weights and which samples are held out.

    Returns:
        The geometric mean over patches of the mean squared error, so that each patch has a say; infinite where it is no
        number.
    """
    errors = [
        _trial_error(_narrow_field(signal, parts, seed + index), coords, values, seed + index)
        for index, (coords, values) in enumerate(patches)
    ]
    mean = math.exp(fmean(math.log(max(error, _LEAST_ERROR)) for error in errors)) if min(errors) >= 0 else math.nan
    return mean if math.isfinite(mean) else math.inf


def kernel_error(signal: Signal, parts: Parts, patches: Sequence[Patch], seed: int) -> float:
    """What regression with tangent kernels of untrained networks misses, see `held_out_error`."""
    errors = []
    for index, (coords, values) in enumerate(patches):
        field = _narrow_field(signal, parts, seed + index).double()
        kernel = tangent_kernel(field, coords.double())
        errors.append(float(leave_one_out(kernel, values.double()).min()))
    return math.exp(fmean(math.log(max(error, _LEAST_ERROR)) for error in errors))


def spectrum_error(signal: Signal, parts: Parts, patches: Sequence[Patch], seed: int) -> float:
    """How far the spectra of untrained networks are from a block's, in cycles over the block; see `fresh_distance`."""
    ((coords, values),) = patches
    shape = [len(axis.unique()) for axis in reversed(coords.unbind(1))]
    outputs = []
    with torch.no_grad():
        for index in range(FRESH_OUTPUTS):
            field = _narrow_field(signal, parts, seed + index)
            outputs.append(field(coords).reshape(*shape, -1).numpy())
    return fresh_distance(values.reshape(*shape, -1).numpy(), outputs)


_ERRORS: dict[str, Callable[[Signal, Parts, Sequence[Patch], int], float]] = {
    AUTO: held_out_error,
    "kernel": kernel_error,
    "fresh": spectrum_error,
}


def _trial_error(field: Field, coords: Tensor, values: Tensor, seed: int) -> float:
    """The mean squared error on samples held out, after a fit to the others; they are what a seed says."""
    mixed = torch.randperm(len(coords), generator=torch.Generator().manual_seed(seed))
    out, learned = mixed[: max(len(mixed) // HELD_OUT, 1)], mixed[max(len(mixed) // HELD_OUT, 1) :]
    seen, wanted = coords[learned], values[learned]
    frequency = getattr(field.network.activation, "omega", STEADY)
    rates = resolve_learning_rates(field, RATE * min(STEADY / frequency, 1.0))
    optimiser = make_optimiser(parameter_groups(field, rates))
    parameters = dict(field.named_parameters())
    for step in range(STEPS):
        optimiser.set_learning_rates(rates, SCHEDULES["cosine"](step / STEPS))
        residuals = field(seen) - wanted
        grads = torch.autograd.grad(residuals.square().mean(), list(parameters.values()))
        optimiser.step(dict(zip(parameters, grads, strict=True)))
        field.encoding.progress((step + 1) / STEPS, seen, residuals.detach())
    with torch.no_grad():
        return float((field(coords[out]) - values[out]).square().mean())


def _narrow_field(signal: Signal, parts: Parts, seed: int) -> Field:
    """The field that is to be fitted, no wider than a trial needs, for values about a mean."""
    network = dict(parts["network"])
    width = next((param for param in networks.info(network["name"]).params if param.name == "width"), None)
    if width is not None and isinstance(usual := network.get("width", width.default), int):
        network["width"] = min(usual, WIDTH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Field.build(signal.domain, encoding=parts["encoding"], activation=parts["activation"], network=network)


def _patches(signal: Signal, points: int, count: int, seed: int) -> list[Patch]:
    """Coordinates and values of dense patches."""
    patches = []
    for indices in dense_patches(signal, points=points, count=count, seed=seed):
        values = signal.values(indices)
        patches.append((signal.coords(indices), values - values.mean(0)))
    return patches


def _block_of(signal: Signal, seed: int) -> Patch:
    """A dense block of a grid: all of it, where it is small."""
    if not isinstance(signal, GridSignal) or signal.missing is not None:
        raise InrError(
            "spectra (fresh) are of signals on grids without missing samples; auto and kernel take any samples"
        )
    (block,) = _patches(signal, FRESH_POINTS, 1, seed)
    return block


def _start(config: Config, part: str, path: tuple[str, ...], parameter: str, signal: Signal) -> float:
    """Where a search begins: a power of two that suits the number of samples along the longest axis."""
    samples = max(signal.domain.shape or (signal.size ** (1 / signal.in_dim),))
    usual = _REGISTRIES[part].info(_at(config, path)["name"]).cls.automatic[parameter](samples)
    return 2.0 ** round(math.log2(usual))


def _at(config: Config, path: tuple[str, ...]) -> Config:
    """A part within parts."""
    for name in path:
        config = config[name]
    return config


def _set(config: Config, path: tuple[str, ...], parameter: str, value: float) -> None:
    _at(config, path)[parameter] = value


def _copied(config: Config) -> Config:
    return {key: _copied(dict(value)) if isinstance(value, Mapping) else value for key, value in config.items()}


def _psnr(error: float) -> float:
    """Decibels of the range [-1, 1]."""
    return 10 * math.log10(4 / error) if error > 0 else math.inf
