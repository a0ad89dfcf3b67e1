"""Networks whose values are given on a part of the domain, whatever their weights."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr._expressions import Expression, shown
from inr.activations import Activation
from inr.networks._base import Network, networks

_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt,
    "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh, "abs": torch.abs, "erf": torch.erf, "sign": torch.sign,
    "minimum": torch.minimum, "maximum": torch.maximum,
}  # fmt: skip


@networks.register(
    "conditioned",
    source="Lagaris, Likas and Fotiadis, Artificial neural networks for solving ordinary and partial differential "
    "equations, IEEE Trans. Neural Networks 1998",
    formula="g(x) + d(x) · over(features)",
    limits="formulas are of the coordinates x0, x1, … in [-1, 1]; the engine eager runs it",
)
class Conditioned(Network):
    """A network times a function that vanishes where values are given, plus one that has these values there.

    Formulas are text, one for each channel, parted by semicolons, or one for all; see `inr.equations`.

    >>> network = inr.networks.Conditioned(2, 1, inr.activations.Sine(), offset="sin(pi*x0)", factor="1 - x0^2")
    >>> network(torch.rand(3, 2), torch.tensor([[-1.0, 0.0], [1.0, 0.5], [-1.0, 1.0]])).abs().max() < 1e-6
    tensor(True)
    """

    reads_coords = True
    default_partners: ClassVar[Mapping[str, Any]] = {"encoding": "identity", "activation": "sine"}
    searched = False

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        over: Annotated[dict | str, "the network"] = "mlp",
        offset: Annotated[str, "g, a formula of x0, x1, …"] = "0",
        factor: Annotated[str, "d, likewise"] = "1",
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        self.over = networks.build(over, in_dim, out_dim, activation, self.coord_dim)
        if self.over.reads_coords or self.over.required_encoding is not None or self.over.learning_rates:
            raise InrError("network 'conditioned' takes one that reads nothing but features, as mlp")
        self.smoothness = self.over.smoothness
        self._offsets, self._factors = (_formulas(each, out_dim, self.coord_dim) for each in (offset, factor))
        self._resolved = {"over": self.over.config()}

    def forward(self, features: Float[Tensor, "n f"], coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates."""
        return _columns(self._offsets, coords) + _columns(self._factors, coords) * self.over(features)


def _formulas(text: str, channels: int, dims: int) -> list[Expression]:
    """One formula for each channel. Raises InrError for another number, unknown names, or numbers beyond bounds."""
    found = [Expression(part) for part in text.split(";")]
    if len(found) not in (1, channels):
        raise InrError(f"{channels} channels have one formula each, or one for all, not {len(found)}")
    names = [f"x{axis}" for axis in range(dims)]
    for each in found:
        each.check(names, ", ".join(names))
    if _columns(found, torch.zeros(1, dims)).is_complex():
        raise InrError(f"'{shown(text)}' has imaginary numbers, and networks are real")
    return found


def _of_numbers(function: Callable[..., Tensor], like: Tensor) -> Callable[..., Tensor]:
    """A function of tensors that takes numbers too."""
    return lambda *given: function(*(torch.as_tensor(each, dtype=like.dtype, device=like.device) for each in given))


def _columns(formulas: Sequence[Expression], coords: Tensor) -> Tensor:
    values = {f"x{axis}": column for axis, column in enumerate(coords.unbind(1))}
    functions = {name: _of_numbers(function, coords) for name, function in _FUNCTIONS.items()}
    columns = [each.evaluate(functions, values) + torch.zeros_like(coords[:, 0]) for each in formulas]
    return torch.stack(columns, 1)
