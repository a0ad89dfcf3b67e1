"""Small networks' rounded weights made better by second derivatives, which steps of a gradient cannot follow."""

from collections.abc import Callable

import torch

from inr.compression.bitstream.step_sizes import step_of
from inr.compression.bitstream.weights import QuantisedTensor
from inr.compression.encoder.levenberg_marquardt import LeastSquares, levenberg_marquardt
from inr.compression.encoder.local_search import local_search
from inr.compression.encoder.obq import round_in_turn
from inr.compression.encoder.qat import RoundedWeights
from inr.compression.encoder.weights import encode_weights
from inr.field import Field
from inr.fitting import one_thread
from inr.networks import MLP
from inr.signals import Signal

# Products of weights, weights and values of one model of the loss, at most: a tenth of a second. Hundreds are made.
_WORK = 15 * 10**8
# orders of rounding, and iterations of the fit before
_ORDERS, _ITERATIONS = 4, 60
# what names of a field's tensors begin with
_NETWORK = "network."
# by how much the multiplier grows where weights took too much, as a logarithm to base 2
_WIDER = 1 / 8


def refinable(field: Field, signal: Signal) -> bool:
    """Whether a field is small enough for its signal, and all its weights are those of a plain network."""
    small = field.parameter_count**2 * signal.size * signal.channels <= _WORK
    return small and isinstance(field.network, MLP) and not [*field.encoding.parameters()]


@one_thread()
def refine(
    field: Field,
    signal: Signal,
    rounded: RoundedWeights,
    found: dict[str, QuantisedTensor],
    max_bytes: int,
    *,
    seed: int,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, QuantisedTensor]:
    """Integers of no larger loss that fit the allowed bytes, from ones that do.

    From the rounded weights to the nearest minimum of the loss, by `levenberg_marquardt`, then back by `round_in_turn`
    and `local_search`; several times, for the order of rounding is drawn.

    Args:
        field: what the weights are of, on the processor; it is `refinable`.
        rounded: what chooses the steps; it has those of `found`.
        max_bytes: bytes that the weights may take.
        seed: of the order of rounding.
        stopped: whether to end with what is found so far.
    """
    everything = torch.arange(signal.size)
    with torch.no_grad():
        features = field.encoding(signal.coords(everything).cpu())
    problem = LeastSquares(field.network, features, signal.values(everything).cpu())
    start = problem.join({name.removeprefix(_NETWORK): each.values for name, each in found.items()})
    least = problem.loss(start)
    free = levenberg_marquardt(problem, start, iterations=_ITERATIONS)
    parameters = {_NETWORK + name: tensor.float() for name, tensor in problem.split(free).items()}
    rounded.choose(parameters, aim=1.0)
    for order in range(_ORDERS):
        if stopped():
            break
        steps = torch.cat(
            [torch.full((tensor.numel(),), step_of(rounded.indices[name])) for name, tensor in parameters.items()]
        ).double()
        near = local_search(problem, round_in_turn(problem, free, steps, seed=seed + order), steps)
        tried = rounded.rounded({_NETWORK + name: tensor.float() for name, tensor in problem.split(near).items()})
        if len(encode_weights(tried)) > max_bytes:
            rounded.use(parameters, rounded.exponent + _WIDER)
        elif (loss := problem.loss(near)) < least:
            least, found = loss, tried
    return found
