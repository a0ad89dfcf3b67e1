"""No activation."""

from typing import Any

from inr.activations._base import Activation, Ops, activations


@activations.register(
    "linear",
    formula="z",
    limits="a network of linear layers is one linear map: for networks that have nonlinearities of their own",
)
class Linear(Activation):
    """The value itself: for networks that multiply instead, and for encodings that a linear layer reads."""

    needs_encoding = True
    searched = False  # only networks that have nonlinearities of their own ask for it

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """z."""
        return (planes[0],)
