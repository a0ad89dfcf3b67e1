"""How the parameters of a field are grouped for an optimiser, and what learning rates they have."""

import math

from torch import Tensor

from inr._errors import InrError
from inr.encodings import Encoding
from inr.field import Field
from inr.fitting._optimiser import Group, LearningRates

# How rates come about that are not given: found by a probe, or as the parts declare them.
RATE_RULES = ("auto", "paper")


def default_learning_rates(field: Field) -> dict[str, float]:
    """Learning rates by part, as the field's network, encoding and activation recommend them.

    Args:
        field: whose parts they are.

    Returns:
        By "network", by "encoding" where that learns, and by the names of parameters that the network gives their own.
    """
    network, activation, encoding = field.network, field.network.activation, field.encoding
    rate = activation.learning_rate if network.learning_rate is None else network.learning_rate
    if encoding.tables:
        rate = activation.learning_rate_on_tables or rate
    found = {"network": rate, **network.learning_rates}
    return found if encoding.learning_rate is None else {**found, "encoding": encoding.learning_rate}


def resolve_learning_rates(field: Field, given: LearningRates | float | str) -> dict[str, float]:
    """The learning rates of a field's parts, as far as they are known before a probe.

    Args:
        field: whose parts they are.
        given: the network's as a number, or several by part, the others keeping their default; "paper" for all
            defaults, and "auto" too, which a probe then multiplies.

    Returns:
        One for every part that learns.

    Raises:
        InrError: a part that the field does not have or that does not learn; a number that is not positive.
    """
    found = default_learning_rates(field)
    if isinstance(given, str):
        if given not in RATE_RULES:
            raise InrError(f"unknown learning rate '{given}'; give a number, or one of {', '.join(RATE_RULES)}")
        return found
    overrides = {"network": given} if isinstance(given, (int, float)) else dict(given)
    for part, rate in overrides.items():
        if part not in found:
            raise InrError(f"no learning rate to set for '{part}'; this field learns: {', '.join(found)}")
        if not (isinstance(rate, (int, float)) and 0 < rate < math.inf):
            raise InrError(f"the learning rate of the {part} must be a positive number, got {rate!r}")
        found[part] = float(rate)
    return found


def parameter_groups(field: Field, learning_rates: LearningRates) -> list[Group]:
    """A field's parameters, in a group for every part.

    Tables get the moments of Instant-NGP (beta2 0.99, epsilon 1e-15): entries that collide or are rarely hit
    have tiny gradients and still need full-size steps. Unlike there, an entry that was hit once goes on moving
    by its momentum in steps that do not hit it (0.3 to 0.8 dB better after equal steps, on pictures); one that was
    never hit stays as it is.

    Args:
        field: whose parameters they are.
        learning_rates: by part, as `default_learning_rates` gives them.

    Returns:
        The network's group first, then those of its parameters with their own rates, then the encoding's.
    """
    own = {name: _named(field, f"network.{name}") for name in field.network.learning_rates}
    rest = _named(field, "network")
    for parameters in own.values():
        rest = {name: tensor for name, tensor in rest.items() if name not in parameters}
    groups = [Group("network", rest, learning_rates["network"])]
    groups += [Group(name, parameters, learning_rates[name]) for name, parameters in own.items()]
    return groups + _encoding_groups(field, learning_rates)


def _encoding_groups(field: Field, learning_rates: LearningRates) -> list[Group]:
    """The encoding's parameters; those of encodings within it keep their own constants, and their rates' ratio."""
    groups: dict[tuple[float, tuple[float, float, float]], dict[str, Tensor]] = {}
    for name, parameter in _named(field, "encoding").items():
        owner = _owner(field, name)
        assert owner.learning_rate is not None
        assert field.encoding.learning_rate is not None
        share = owner.learning_rate / field.encoding.learning_rate
        groups.setdefault((share, owner.moments), {})[name] = parameter
    return [
        Group("encoding", parameters, learning_rates["encoding"] * share, (beta1, beta2), eps, share)
        for (share, (beta1, beta2, eps)), parameters in groups.items()
    ]


def _owner(field: Field, name: str) -> Encoding:
    """The innermost encoding that a parameter belongs to."""
    path = name.split(".")[:-1]
    modules = [field.get_submodule(".".join(path[:depth])) for depth in range(1, len(path) + 1)]
    return next(module for module in reversed(modules) if isinstance(module, Encoding))


def _named(field: Field, part: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in field.named_parameters() if name.startswith(f"{part}.")}
