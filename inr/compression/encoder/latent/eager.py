"""The mathematics of the codec "latent" in plain PyTorch: the reference of its kernels, and what runs on other devices.

Latents are one vector, grid after grid as `Layout.grids` has them, in units of integers (Cool-Chic's "encoder gain" is
in their learning rate); network parameters are tensors by the names of `Layout.tensors`. Everything here is
differentiable and works in float32 and float64.
"""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inr.compression.bitstream.latent.layout import CONTEXT, Grid, Layout

Tensors = Mapping[str, Tensor]

# ln b is the entropy model's second output less 4, within these bounds.
LOG_SCALE_SHIFT, LOG_SCALE_BOUND = 4.0, 5.0
# No symbol is taken to be less likely; below, there is no gradient.
LEAST_PROBABILITY = 2.0**-16
# Cubic interpolation with a = -0.75 halfway between quarters, negated: the signs of both axes cancel.
_NEGATED_BICUBIC = (0.0351562, 0.1054687, -0.2617187, -0.8789063)


def initial_parameters(layout: Layout, seed: int) -> dict[str, Float[Tensor, "..."]]:
    """Network parameters to begin from, as Cool-Chic 5.0.1 draws them; float32."""
    draw = torch.Generator().manual_seed(seed)
    sizes = layout.sizes
    found = {name: torch.zeros(shape) for name, shape in layout.tensors.items()}
    for name, tensor in found.items():
        if name in ("entropy.2.weight", "entropy.linear"):
            tensor.normal_(0, 1 / 16, generator=draw)
        elif name.startswith("features") and name.endswith("weight"):
            tensor.normal_(0, 1 / sizes.features**4, generator=draw)
        elif name.startswith("prefilter"):
            tensor[-1] = 1.0
        elif name.startswith("upsampling"):
            tensor.copy_(torch.tensor(_NEGATED_BICUBIC))
        elif name in ("synthesis.0.weight", "synthesis.1.weight", "synthesis.linear"):
            bound = 1 / (tensor.shape[0] ** 2 * math.sqrt(tensor.shape[1]))
            tensor.uniform_(-bound, bound, generator=draw)
    return found


def grid_of(layout: Layout, vector: Float[Tensor, " latents"], grid: Grid) -> Float[Tensor, "height width"]:
    """One grid of a vector of all latents; a view."""
    return vector[grid.start : grid.stop].view(grid.height, grid.width)


def soft_round(x: Tensor, temperature: float) -> Tensor:
    """s_T(x) = floor(x) + 1/2 + tanh((x - floor(x) - 1/2) / T) / (2 tanh(1 / (2 T))): round(x) where T is small."""
    part = x - x.floor() - 0.5
    return x.floor() + 0.5 + torch.tanh(part / temperature) / (2 * math.tanh(1 / (2 * temperature)))


def noisy_latents(latents: Tensor, noise: Tensor, temperature: float, deviation: float) -> Tensor:
    """What stands for the rounded latents in a step: s_T(s_T(y) + σ n), n standard normal."""
    return soft_round(soft_round(latents, temperature) + deviation * noise, temperature)


def laplace_bits(values: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Bits of values under Laplace's distribution integrated over a unit around them, at most 16.

    With u = (|x - μ| - 1/2) / b, P is exp(-u) (1 - exp(-1/b)) / 2 where u >= 0, and
    1 - (exp(u) + exp(-u - 1/b)) / 2 within half a unit of the mean.
    """
    inverse = torch.exp(-log_scale)
    distance = (values - mean).abs()
    outside = (distance - 0.5).clamp(min=0) * inverse
    far = -0.5 * torch.expm1(-inverse) * torch.exp(-outside)
    inside = distance.clamp(max=0.5)
    near = -0.5 * (torch.expm1((inside - 0.5) * inverse) + torch.expm1(-(inside + 0.5) * inverse))
    probability = torch.where(distance >= 0.5, far, near)
    return -torch.log2(probability.clamp(min=LEAST_PROBABILITY))


def entropy_inputs(layout: Layout, parameters: Tensors, rounded: Tensor, grid: Grid) -> Float[Tensor, "latents width"]:
    """What the entropy model reads at every latent of a grid: causal neighbours, then features of coarser grids."""
    sizes = layout.sizes
    padded = functional.pad(grid_of(layout, rounded, grid), (4, 4, 3, 0))
    height, width = grid.height, grid.width
    neighbours = [
        padded[3 + down : 3 + down + height, 4 + right : 4 + right + width] for down, right in CONTEXT[: sizes.contexts]
    ]
    planes = torch.stack(neighbours)
    coarser = () if grid.hyper else layout.coarser(grid.level)
    if not coarser:
        features = planes.new_zeros(sizes.features, height, width)
    else:
        parent_height, parent_width = -(-layout.height >> grid.level + 1), -(-layout.width >> grid.level + 1)
        inputs = torch.stack(
            [
                _nearest(grid_of(layout, rounded, each), each.level - grid.level - 1, parent_height, parent_width)
                for each in coarser
            ]
        )
        weight, bias = parameters[f"features.{grid.level}.weight"], parameters[f"features.{grid.level}.bias"]
        features = torch.einsum("fi,ihw->fhw", weight, inputs) + bias[:, None, None]
        features = _nearest(features, 1, height, width)
    return torch.cat([planes, features]).flatten(1).T


def _nearest(planes: Tensor, octaves: int, height: int, width: int) -> Tensor:
    """Planes (…, h, w), each number repeated 2^octaves times along both axes and cut to a size."""
    times = 1 << octaves
    return planes.repeat_interleave(times, -2).repeat_interleave(times, -1)[..., :height, :width]


def entropy_model(parameters: Tensors, inputs: Float[Tensor, "n width"]) -> tuple[Tensor, Tensor]:
    """Mean and log scale, (n,) each: h = ReLU(h + W h + b) twice, then W h + b + S x."""
    hidden = inputs
    for layer in range(2):
        weight, bias = parameters[f"entropy.{layer}.weight"], parameters[f"entropy.{layer}.bias"]
        hidden = torch.relu(hidden + hidden @ weight.T + bias)
    found = hidden @ parameters["entropy.2.weight"].T + parameters["entropy.2.bias"]
    found = found + inputs @ parameters["entropy.linear"].T
    return found[:, 0], (found[:, 1] - LOG_SCALE_SHIFT).clamp(-LOG_SCALE_BOUND, LOG_SCALE_BOUND)


def latent_bits(layout: Layout, parameters: Tensors, rounded: Float[Tensor, " latents"]) -> Float[Tensor, " latents"]:
    """Bits of every latent, in the order of the vector."""
    found = []
    for grid in layout.grids:
        mean, log_scale = entropy_model(parameters, entropy_inputs(layout, parameters, rounded, grid))
        found.append(laplace_bits(rounded[grid.start : grid.stop], mean, log_scale))
    return torch.cat(found)


def prefiltered(plane: Float[Tensor, "height width"], half: Float[Tensor, "4"]) -> Float[Tensor, "height width"]:
    """y + k ⊗ k * y: k is symmetric with 7 taps, `half` its first four; 0 lies around the plane."""
    kernel = torch.cat([half, half[:-1].flip(0)])
    rows = functional.conv2d(plane[None, None], kernel.view(1, 1, 7, 1), padding=(3, 0))
    return plane + functional.conv2d(rows, kernel.view(1, 1, 1, 7), padding=(0, 3))[0, 0]


def upsampled(
    planes: Float[Tensor, "c height width"], half: Float[Tensor, "4"], height: int, width: int
) -> Float[Tensor, "c height2 width2"]:
    """Planes at twice the resolution, cut to a size, by a separable symmetric filter of 8 taps; borders are repeated.

    With w the filter's first four taps, along each axis
    out[2n] = w0 x[n-2] + w2 x[n-1] + w3 x[n] + w1 x[n+1], and out[2n+1] = w1 x[n-1] + w3 x[n] + w2 x[n+1] + w0 x[n+2].
    """
    kernel = torch.cat([half, half.flip(0)])
    count = len(planes)
    padded = functional.pad(planes[None], (4, 4, 4, 4), mode="replicate")
    rows = functional.conv_transpose2d(
        padded, kernel.view(1, 1, 8, 1).expand(count, 1, 8, 1), stride=(2, 1), groups=count
    )
    both = functional.conv_transpose2d(
        rows, kernel.view(1, 1, 1, 8).expand(count, 1, 1, 8), stride=(1, 2), groups=count
    )
    return both[0, :, 11 : 11 + height, 11 : 11 + width]


def synthesis_inputs(layout: Layout, parameters: Tensors, rounded: Tensor) -> Float[Tensor, "levels height width"]:
    """All grids but the companions at the picture's resolution, the finest first."""
    planes = grid_of(layout, rounded, layout.seen[-1])[None]
    for grid in reversed(layout.seen[:-1]):
        planes = upsampled(planes, parameters[f"upsampling.{grid.level}"], grid.height, grid.width)
        own = prefiltered(grid_of(layout, rounded, grid), parameters[f"prefilter.{grid.level}"])
        planes = torch.cat([own[None], planes])
    return planes


def synthesis(
    layout: Layout, parameters: Tensors, inputs: Float[Tensor, "levels height width"]
) -> Float[Tensor, "channels height width"]:
    """The picture, in [0, 1] but for what is to be clipped: 1x1 layers, then residual 3x3 ones, beside a linear map."""

    def pointwise(name: str, planes: Tensor) -> Tensor:
        weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
        return torch.einsum("oi,ihw->ohw", weight, planes) + bias[:, None, None]

    planes = pointwise("synthesis.1", torch.relu(pointwise("synthesis.0", inputs)))
    last = layout.sizes.convolutions + 1
    for layer in range(2, last + 1):
        weight, bias = parameters[f"synthesis.{layer}.weight"], parameters[f"synthesis.{layer}.bias"]
        padded = functional.pad(planes[None], (1, 1, 1, 1), mode="replicate")
        planes = planes + functional.conv2d(padded, weight, bias)[0]
        planes = torch.relu(planes) if layer < last else planes
    return planes + torch.einsum("oi,ihw->ohw", parameters["synthesis.linear"], inputs)


def decoded(layout: Layout, parameters: Tensors, rounded: Tensor) -> Float[Tensor, "channels height width"]:
    """The picture that latents stand for."""
    return synthesis(layout, parameters, synthesis_inputs(layout, parameters, rounded))
