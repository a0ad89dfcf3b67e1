"""SAPE: a frequency encoding whose features open from low to high, as far as each place needs."""

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr._errors import InrError
from inr._parts import Range, parse_spec
from inr.encodings._base import Encoding, encodings
from inr.encodings._fourier import FourierFeatures
from inr.encodings._spatial import SpatialProgress

MAX_MASK_SIZE = 2**28  # nodes x blocks: 1 GiB in float32
_DEFAULT_RESOLUTION = {1: 12, 2: 128, 3: 64, 4: 16}


@encodings.register(
    "sape",
    source="Hertz et al., SAPE: spatially-adaptive progressive encoding for neural optimization, NeurIPS 2021",
    formula="x, α_j(x) sin 2πb_j·v, α_j(x) cos 2πb_j·v: masks α opened block by block where the loss is above epsilon",
    limits="needs 2 num_blocks steps; a place once below epsilon never gets higher frequencies",
)
class Sape(Encoding):
    """Spatially adaptive progressive encoding: higher frequencies open only where the fit still needs them.

    Features are the coordinates, always on, then sine and cosine of each frequency of `over`, side by side,
    lowest frequency first, cut into blocks that are multiplied by a mask. During the first half of a fit the
    blocks are offered one by one; a place takes them until its loss is below `epsilon`, and none after that.
    A fit of fewer than `min_steps` = 2 num_blocks steps could not offer them all and is refused.

    `epsilon` is the mean squared error over channels of values in [-1, 1]; for a target PSNR of p dB (of the
    full range) it is 4 · 10^(-p/10): 1e-3 is 36 dB. The publication's standard deviations are for sin(2πbx) on
    [-1, 1], which is 2b cycles over the extent: its 20 for images and volumes is sigma=40 here, its 5 for
    the 1-D task sigma=10.

    The mask is interpolated linearly in the coordinates: derivatives in the coordinates include those of the
    mask, and jump where they cross the cells of its grid.
    """

    smoothness = 0.0
    _blocks: Int[Tensor, " 2m"]

    def __init__(
        self,
        in_dim: int,
        *,
        over: Annotated[dict | str, "the frequency encoding to open"] = "fourier:kind=radial,sigma=40",
        resolution: Annotated[
            int | None, Range(3, 2**16), "nodes of the mask an axis (none: 12, 128, 64, 16 for 1 to 4 axes)"
        ] = None,
        num_blocks: Annotated[
            int | None, Range(1, 2**17), "blocks the features are opened in (none: one for every in_dim features)"
        ] = None,
        epsilon: Annotated[float, Range(0), "loss below which a place asks for no more"] = 1e-3,
    ) -> None:
        inner = _frequency_encoding(over, in_dim)
        super().__init__(in_dim, in_dim + inner.out_dim)
        resolution = _DEFAULT_RESOLUTION[in_dim] if resolution is None else resolution
        num_blocks = max(inner.out_dim // in_dim, 1) if num_blocks is None else num_blocks
        _check_blocks(in_dim, inner.out_dim, resolution, num_blocks)
        self.over = inner
        self.spatial = SpatialProgress(in_dim, resolution, num_blocks, epsilon)
        self.min_steps = 2 * num_blocks
        block = (torch.arange(inner.out_dim) // (inner.out_dim // num_blocks)).clamp(max=num_blocks - 1)
        self.register_buffer("_blocks", block, persistent=False)
        self._resolved = {"over": inner.config(), "resolution": resolution, "num_blocks": num_blocks}

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The coordinates, then sine and cosine of each frequency by turns, masked."""
        phases = self.over.phases(coords)
        sine_mask, cosine_mask = self._masks(coords)
        if phases.requires_grad:
            pairs = torch.stack((phases.sin() * sine_mask, phases.cos() * cosine_mask), dim=2)
            return torch.cat((coords, pairs.flatten(1)), dim=1)
        features = coords.new_empty(coords.shape[0], self.out_dim)  # see FourierFeatures
        features[:, : self.in_dim] = coords
        features[:, self.in_dim :: 2] = phases.sin() * sine_mask
        features[:, self.in_dim + 1 :: 2] = phases.cos() * cosine_mask
        return features

    @torch.no_grad()
    def progress(self, fraction: float, coords: Float[Tensor, "n d"], residuals: Float[Tensor, "n c"]) -> None:
        """Open the blocks that are due at this fraction of the fit, where the residuals are still large."""
        self.spatial.observe(fraction, coords, residuals.square().mean(1))

    def _masks(self, coords: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m"]]:
        """The masks of all sines and of all cosines."""
        masks = self.spatial(coords)
        if 2 * self.spatial.num_blocks == self.over.out_dim:
            return masks, masks
        if self.spatial.num_blocks < self.over.out_dim:
            masks = masks.index_select(1, self._blocks)
        return masks[:, 0::2], masks[:, 1::2]


def _frequency_encoding(spec: dict | str, in_dim: int) -> FourierFeatures:
    """The encoding to open, its frequencies sorted by length."""
    config = parse_spec(spec)
    if not issubclass(encodings.info(config["name"]).cls, FourierFeatures):
        raise InrError(f"encoding 'sape': over must be a frequency encoding such as fourier, got '{config['name']}'")
    encoding = encodings.build(config, in_dim)
    encoding.frequencies = encoding.frequencies[encoding.frequencies.norm(dim=1).argsort(stable=True)]
    return encoding


def _check_blocks(in_dim: int, features: int, resolution: int, num_blocks: int) -> None:
    if num_blocks > features:
        raise InrError(f"encoding 'sape': num_blocks must be at most the {features} features, got {num_blocks}")
    if resolution**in_dim * num_blocks > MAX_MASK_SIZE:
        raise InrError(
            f"encoding 'sape': a mask of {resolution}^{in_dim} nodes x {num_blocks} blocks exceeds {MAX_MASK_SIZE:,}; "
            f"use a smaller resolution or num_blocks"
        )
