"""How the loss of a fitted picture bends with the parameters of its networks: all of their second derivatives, nearly.

Rates depend on the entropy model and the features only, errors on the filters and the synthesis only, so there are two
matrices. Both are Gauss and Newton's: products of first derivatives, of latents and of pixels drawn at random.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor
from torch.func import jacrev, vmap
from torch.nn import functional

from inr.compression.bitstream.latent.layout import Grid, Layout
from inr.compression.encoder.latent import eager

# Of each grid at least so many latents are drawn.
_LEAST_LATENTS = 256
# Integers on both sides of the mean over which expectations are taken; wider distributions than this log scale take
# those of Laplace's density.
_REACH, _WIDE = 12, 1.0
# Pixels around one that it depends on, through the 3x3 layers, and pixels at once.
_MARGIN, _CHUNK = 2, 512


def rate_names(layout: Layout) -> list[str]:
    """The tensors on which the bits of latents depend: the first ones of the layout."""
    return [name for name in layout.tensors if name.startswith(("entropy", "features"))]


@torch.no_grad()
def rate_curvature(
    layout: Layout, parameters: eager.Tensors, rounded: Float[Tensor, " latents"], samples: int, seed: int
) -> Float64[Tensor, "n n"]:
    """Second derivatives of the bits of all latents by the entropy model and the features, as these expect them.

    With J the derivatives of a latent's mean and log scale by the parameters, the sum over latents of Jᵀ F J: F is
    Fisher's information of the distribution.

    Args:
        layout, parameters, rounded: as in `eager.latent_bits`.
        samples: latents that are drawn, about.
        seed: of the draw.
    """
    count = layout.slices[rate_names(layout)[-1]].stop
    draw = torch.Generator().manual_seed(seed)
    found = rounded.new_zeros(count, count, dtype=torch.float64)
    for grid in layout.grids:
        take = min(grid.size, max(_LEAST_LATENTS, round(samples * grid.size / layout.latents)))
        places = torch.randperm(grid.size, generator=draw)[:take].to(rounded.device)
        slopes = _rate_slopes(layout, parameters, rounded, grid, places).double()
        found.addmm_(slopes.T, slopes, alpha=grid.size / take / math.log(2))
    return found


def _rate_slopes(
    layout: Layout, parameters: eager.Tensors, rounded: Tensor, grid: Grid, places: Int[Tensor, " n"]
) -> Float[Tensor, "rows parameters"]:
    """Two rows per latent, whose products sum up to Jᵀ F J."""
    inputs = eager.entropy_inputs(layout, parameters, rounded, grid)[places]
    first, second = parameters["entropy.0.weight"], parameters["entropy.1.weight"]
    before0 = inputs + inputs @ first.T + parameters["entropy.0.bias"]
    hidden0 = before0.relu()
    before1 = hidden0 + hidden0 @ second.T + parameters["entropy.1.bias"]
    hidden1 = before1.relu()
    mean, log_scale = eager.entropy_model(parameters, inputs)
    coarser = () if grid.hyper else layout.coarser(grid.level)
    row, column = places // grid.width, places % grid.width
    seen = [
        eager.grid_of(layout, rounded, each)[row >> (each.level - grid.level), column >> (each.level - grid.level)]
        for each in coarser
    ]
    width = layout.slices[rate_names(layout)[-1]].stop
    found = inputs.new_zeros(2, len(places), width)
    for slopes, output in zip(found, _information_root(mean, log_scale), strict=True):
        by1 = (output @ parameters["entropy.2.weight"]) * (before1 > 0)
        by0 = (by1 + by1 @ second) * (before0 > 0)
        parts = {
            "entropy.0.weight": _outer(by0, inputs), "entropy.0.bias": by0,
            "entropy.1.weight": _outer(by1, hidden0), "entropy.1.bias": by1,
            "entropy.2.weight": _outer(output, hidden1), "entropy.2.bias": output,
            "entropy.linear": _outer(output, inputs),
        }  # fmt: skip
        if seen:
            by_inputs = by0 + by0 @ first + output @ parameters["entropy.linear"]
            by_features = by_inputs[:, layout.sizes.contexts :]
            parts[f"features.{grid.level}.weight"] = _outer(by_features, torch.stack(seen, -1))
            parts[f"features.{grid.level}.bias"] = by_features
        for name, part in parts.items():
            slopes[:, layout.slices[name]] = part
    return found.flatten(0, 1)


def _outer(left: Float[Tensor, "n a"], right: Float[Tensor, "n b"]) -> Float[Tensor, "n ab"]:
    return (left[:, :, None] * right[:, None, :]).flatten(1)


def _information_root(mean: Float[Tensor, " n"], log_scale: Float[Tensor, " n"]) -> Float[Tensor, "2 n 2"]:
    """R with Rᵀ R = Fisher's information, in nats, of integers under Laplace's distribution, by mean and log scale."""
    whole = torch.arange(-_REACH, _REACH + 1, dtype=mean.dtype, device=mean.device)[:, None]
    with torch.enable_grad():
        means = (mean - mean.round()).expand(len(whole), -1).detach().requires_grad_(True)
        scales = log_scale.expand(len(whole), -1).detach().requires_grad_(True)
        bits = eager.laplace_bits(whole.expand_as(means), means, scales)
        by_mean, by_scale = torch.autograd.grad(bits.sum(), (means, scales))
    likely = torch.exp2(-bits.detach()) * math.log(2) ** 2
    wide = log_scale > _WIDE
    both = torch.where(wide, 0, (likely * by_mean * by_scale).sum(0))
    of_mean = torch.where(wide, torch.exp(-2 * log_scale), (likely * by_mean.square()).sum(0))
    of_scale = torch.where(wide, 1, (likely * by_scale.square()).sum(0))
    free = (log_scale.abs() < eager.LOG_SCALE_BOUND).to(mean.dtype)
    root = of_mean.clamp(min=1e-12).sqrt()
    other = both / root
    rest = (of_scale - other.square()).clamp(min=0).sqrt()
    return torch.stack([torch.stack([root, other * free], -1), torch.stack([torch.zeros_like(rest), rest * free], -1)])


@torch.no_grad()
def error_curvature(
    layout: Layout, parameters: eager.Tensors, rounded: Float[Tensor, " latents"], samples: int, seed: int
) -> Float64[Tensor, "m m"]:
    """Second derivatives of the sum of squared errors by the filters and the synthesis: 2 Jᵀ J.

    Args:
        layout, parameters, rounded: as in `eager.decoded`.
        samples: pixels that are drawn.
        seed: of the draw.
    """
    planes, changes = _changed_inputs(layout, parameters, rounded)
    draw = torch.Generator().manual_seed(seed)
    pixels = layout.height * layout.width
    places = torch.randperm(pixels, generator=draw)[: min(samples, pixels)].to(rounded.device)
    rows, columns = places // layout.width, places % layout.width
    patches = _patches(planes, rows, columns)
    # one after the other: together they would take some 600 bytes a pixel
    changed = [(channels, _patches(change, rows, columns)) for channels, change in changes]
    synthesis = {name: tensor for name, tensor in parameters.items() if name.startswith("synthesis")}

    def pixel(tensors: eager.Tensors, patch: Tensor) -> Tensor:
        found = eager.synthesis(layout, tensors, patch)
        return found[:, _MARGIN, _MARGIN]

    slopes = vmap(jacrev(pixel, argnums=(0, 1)), in_dims=(None, 0))
    count = layout.parameters - layout.slices[rate_names(layout)[-1]].stop
    found = rounded.new_zeros(count, count, dtype=torch.float64)
    for first in range(0, len(places), _CHUNK):
        part = slice(first, first + _CHUNK)
        by_tensor, by_patch = slopes(synthesis, patches[part])
        by_filters = [
            (by_patch[:, :, channels] * change[part][:, None]).sum((2, 3, 4))[None] for channels, change in changed
        ]
        by_synthesis = [by_tensor[name].flatten(2).permute(2, 0, 1) for name in synthesis]
        jacobian = torch.cat(by_filters + by_synthesis).flatten(1).double()
        found.addmm_(jacobian, jacobian.T, alpha=2 * pixels / len(places))
    return found


def _patches(planes: Float[Tensor, "c height width"], rows: Tensor, columns: Tensor) -> Float[Tensor, "n c 5 5"]:
    """What lies around pixels; borders are repeated."""
    padded = functional.pad(planes[None], (_MARGIN,) * 4, mode="replicate")[0]
    near = torch.arange(2 * _MARGIN + 1, device=planes.device)
    return padded[:, (rows[:, None] + near)[:, :, None], (columns[:, None] + near)[:, None, :]].transpose(0, 1)


def _changed_inputs(
    layout: Layout, parameters: eager.Tensors, rounded: Tensor
) -> tuple[Float[Tensor, "levels height width"], Iterable[tuple[slice, Tensor]]]:
    """What the synthesis reads, and its derivatives by the filters, in the order of `Layout.tensors`.

    Returns:
        All planes, and for each parameter of a filter the planes that depend on it, and their derivatives; those of the
        finest resolution are computed when they are asked for.
    """
    planes = eager.grid_of(layout, rounded, layout.seen[-1])[None]
    changes: Iterable[tuple[slice, Tensor]] = []
    for grid in reversed(layout.seen[:-1]):
        filters = parameters[f"prefilter.{grid.level}"], parameters[f"upsampling.{grid.level}"]
        plane = eager.grid_of(layout, rounded, grid)
        changes = _finer_changes([*changes], planes, plane, *filters)
        finer = eager.upsampled(planes, filters[1], grid.height, grid.width)
        planes = torch.cat([eager.prefiltered(plane, filters[0])[None], finer])
    return planes, changes


def _finer_changes(
    coarser: Sequence[tuple[slice, Tensor]], planes: Tensor, plane: Tensor, own_half: Tensor, half: Tensor
) -> Iterator[tuple[slice, Tensor]]:
    """Derivatives at twice the resolution: by the filters of coarser ones, and by its own two."""
    height, width = plane.shape
    for of, change in coarser:
        yield slice(of.start + 1, of.stop + 1), eager.upsampled(change, half, height, width)
    # both are quadratic in the filter, so that these differences are exact
    for unit in torch.eye(len(half), dtype=half.dtype, device=half.device):
        change = (eager.prefiltered(plane, own_half + unit) - eager.prefiltered(plane, own_half - unit)) / 2
        yield slice(0, 1), change[None]
    for unit in torch.eye(len(half), dtype=half.dtype, device=half.device):
        more, less = (eager.upsampled(planes, each, height, width) for each in (half + unit, half - unit))
        yield slice(1, 1 + len(planes)), (more - less) / 2
