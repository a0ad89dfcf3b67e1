"""Named tensors of a network, and tiny-cuda-nn's one flat vector.

The vector holds a matrix (out, in) a layer, in order, row by row, without biases. The first layer's inputs, all hidden
units and the last layer's outputs are padded to multiples of 16. Inputs beyond the real ones are constant 1, so their
columns must be 0 here; units beyond the real ones have rows and columns of 0, and stay 0, as relu(0) = sin(0) = 0;
outputs beyond the real ones are not read.

tiny-cuda-nn has no ω: sin(ωWx) is computed as sin((ωW)x). A matrix is multiplied by its layer's gain ω on the way in,
and so is its gradient on the way back: dL/dW = ω dL/d(ωW). For whoever moves W this is exact, and invisible.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError

ALIGNMENT = 16  # of inputs, units and outputs, in both of its networks


def padded(count: int) -> int:
    """The next multiple of the alignment."""
    return -(-count // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class Place:
    """Where one layer's weights (rows, columns) lie in the vector, and what they are multiplied by."""

    name: str
    start: int
    rows: int
    columns: int
    padded_rows: int
    padded_columns: int
    gain: float

    def matrix(self, flat: Float[Tensor, " parameters"]) -> Float[Tensor, "rows columns"]:
        """The layer's whole matrix in the vector, padding included; a view."""
        stop = self.start + self.padded_rows * self.padded_columns
        return flat[self.start : stop].view(self.padded_rows, self.padded_columns)

    def weights(self, flat: Float[Tensor, " parameters"]) -> Float[Tensor, "rows columns"]:
        """The part of the matrix that is weights; a view."""
        return self.matrix(flat)[: self.rows, : self.columns]


@dataclass(frozen=True)
class Layout:
    """The vector of a network: `inputs` to `depth` hidden layers of `width`, to `outputs`.

    Attributes:
        units: the width in the vector.
        gains: one a layer, the last layer's being 1.
    """

    inputs: int
    width: int
    units: int
    depth: int
    outputs: int
    gains: tuple[float, ...]

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The layers' places, in order."""
        real = (self.inputs, *[self.width] * self.depth, self.outputs)
        held = (padded(self.inputs), *[self.units] * self.depth, padded(self.outputs))
        places, start = [], 0
        for index, gain in enumerate(self.gains):
            name = f"network.layers.{index}.weight"
            places.append(Place(name, start, real[index + 1], real[index], held[index + 1], held[index], gain))
            start += held[index + 1] * held[index]
        return tuple(places)

    @property
    def size(self) -> int:
        """Numbers in the vector."""
        last = self.places[-1]
        return last.start + last.padded_rows * last.padded_columns

    def pack(self, tensors: Mapping[str, Tensor]) -> Float[Tensor, " parameters"]:
        """The vector of named weights, float32, on their device: multiplied by their gains, zeros in the padding."""
        flat = torch.zeros(self.size, device=tensors[self.places[0].name].device)
        with torch.no_grad():
            for place in self.places:
                place.weights(flat).copy_(tensors[place.name]).mul_(place.gain)
        return flat

    def backward(self, grad: Float[Tensor, " parameters"]) -> dict[str, Float[Tensor, "rows columns"]]:
        """Gradients by name from the vector's, by the chain rule; those of the padding are dropped."""
        return {place.name: place.weights(grad) * place.gain for place in self.places}

    def unpack(self, flat: Float[Tensor, " parameters"]) -> dict[str, Float[Tensor, "rows columns"]]:
        """Named weights from a vector: the inverse of `pack`.

        Raises:
            InrError: a vector of another size, or one whose padding does something: a column of a constant input is
                a bias, and units beyond the width are more units.
        """
        self.check_size(flat)
        for place in self.places:
            matrix = place.matrix(flat)
            kept = matrix[: place.rows] if place is self.places[-1] else matrix  # outputs beyond are not read
            if bool(kept[:, place.columns :].any()) or bool(kept[place.rows :].any()):
                raise InrError(
                    f"the padding of layer {place.name} is not 0, which this network cannot hold: "
                    "from_tcnn makes a field of it, with biases and all units"
                )
        return {place.name: place.weights(flat) / place.gain for place in self.places}

    def check_size(self, flat: Tensor) -> None:
        """Raises InrError unless the vector is this network's."""
        if flat.shape != (self.size,):
            raise InrError(f"this network's vector is ({self.size},), got {tuple(flat.shape)}")


def learning_rate_factors(layout: Layout, *, adam: bool = True) -> Float[Tensor, " parameters"]:
    """What to multiply the learning rate of every number of the vector by, so that it learns as the named tensors do.

    For those who train the vector itself. Adam's steps do not depend on the gradient's size: a step of W is one of ωW
    only if it is ω times as long. Plain gradient descent sees a gradient that is ω times smaller as well: ω². (Adam's
    epsilon would have to be divided by ω too, which matters only where gradients are as small.) The padding has 0:
    it must stay what it is.
    """
    gains = layout.pack({place.name: torch.ones(place.rows, place.columns) for place in layout.places})
    return gains if adam else gains.square()
