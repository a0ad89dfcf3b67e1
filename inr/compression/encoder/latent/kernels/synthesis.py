"""The network from planes at the picture's resolution to the picture, its squared error, and all gradients.

`eager.synthesis` says what is computed.
"""

import numpy as np

from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels._convolution import convolution_stages
from inr.compression.encoder.latent.kernels._planes import START, planes
from inr.compression.encoder.latent.kernels._pointwise import pointwise_stages, tile_numbers
from inr.jit import Call, worker_rows
from inr.jit.vector import LANES


class Synthesis:
    """The picture from planes, and the gradients back.

    Args:
        buffers: with the parameters and the picture.
        threads: workers that run the calls.
        inputs: (levels, height, stride), as `Upsampling.inputs`.
        sums: (threads, parameters), where each worker's gradients of parameters are added up.

    Attributes:
        forward: calls that set the buffers' `output`, and `error`.
        backward: calls after these: they put the gradient of `inputs` in their place and add to `sums`.
        error: float64 (threads, 1): the weighted mean squared error, as each worker adds it up.
    """

    def __init__(self, buffers: Buffers, threads: int, inputs: np.ndarray, sums: np.ndarray) -> None:
        layout = buffers.layout
        channels, height, width = buffers.picture.shape
        layers, slices = layout.sizes.convolutions, layout.slices
        points, code = pointwise_stages(layout.levels, channels), convolution_stages(channels)
        values = [planes(channels, height, width) for _ in range(layers)]
        beside, gradient = planes(channels, height, width), planes(channels, height, width)
        self.error = np.zeros((threads, 1))
        pointwise = {
            "inputs": inputs, "parameters": buffers.parameters, "units": layout.sizes.hidden, "width": width,
            "first": slices["synthesis.0.weight"].start, "second": slices["synthesis.1.weight"].start,
            "linear": slices["synthesis.linear"].start,
            "tiles": worker_rows(threads, tile_numbers(layout.levels, channels, layout.sizes.hidden)),
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
        self.forward.append(
            Call(
                code.compare, values=values[-1], beside=beside, into=gradient, picture=_padded(buffers.picture),
                importance=_weights(buffers), output=buffers.output, error=self.error, scale=1 / buffers.picture.size,
                **kernels[-1],
            )
        )  # fmt: skip
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
                    scratch=worker_rows(threads, (9 * channels**2 + channels) * LANES + 9 * channels**2),
                    width=width,
                    **kernels[layer],
                )
            )
            above, spare = spare, values[layer]
        self.backward.append(Call(points.pointwise_back, gradient=above, beside=gradient, sums=sums, **pointwise))


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
