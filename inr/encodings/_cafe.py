"""Content-aware frequencies: products of learned linear maps of other features."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Config, Range, Sizes, parse_spec
from inr.encodings._base import Encoding, encodings
from inr.signals import Signal

# the publication's: for 512 samples an axis, and sin(2πbx) on [-1, 1], which is 2b cycles over the extent
_SIGMA, _SAMPLES = 60.0, 512
_OVER = "concat:first=(fourier:frequencies=88,sigma={sigma:g}),second=(chebyshev:order=30)"


@encodings.register(
    "cafe",
    source="Ke, Xu, Wen and Wang, Content-Aware Frequency Encoding for Implicit Neural Representations with "
    "Fourier-Chebyshev Features, CVPR 2026",
    formula="(W₁ γ(x) + b₁) ∘ … ∘ (W_N γ(x) + b_N), γ the features of `over`",
    limits="its maps hold most of the numbers: compare it with others at equal parameters, not at equal width",
)
class CAFE(Encoding):
    """Products of `branches` learned linear maps of other features: CAFE, and CAFE+ with Chebyshev polynomials.

    A product of N maps of M Fourier features holds all sums and differences of N of their frequencies, of which the
    maps choose those that the signal needs; one layer of relu then reads them. CAFE+, the default, takes Fourier
    features of standard deviation sigma and 30 Chebyshev polynomials an axis; CAFE is over=(fourier:sigma=60). The
    publication's sigma of 60 cycles over the extent is for 512 samples an axis, and in a fit goes with their number.

    Maps begin as torch's linear layers do, and have as many units as `over` has features, 236 of a picture. The authors
    learn all at 2e-2 or 5e-3, with gradients cut to a norm of 1; here the maps' rate is less and goes without.
    """

    learning_rate = 5e-3
    default_depth = 1
    default_partners: ClassVar[Mapping[str, Any]] = {"activation": "relu", "network": "mlp:depth=1,width=236"}
    sizes = Sizes(("width",))

    def __init__(
        self,
        in_dim: int,
        *,
        over: Annotated[
            dict | str | None, "whose features are mapped (none: 88 Fourier features with 30 polynomials an axis)"
        ] = None,
        branches: Annotated[int, Range(1, 8), "maps N whose product is taken"] = 3,
        width: Annotated[int | None, Range(1, 8192), "units of each (none: as many as features of over)"] = None,
    ) -> None:
        self.check_in_dim(in_dim)
        config = parse_spec(_OVER.format(sigma=_SIGMA) if over is None else over)
        if config["name"] == "cafe":
            raise InrError("encoding 'cafe': over must be another encoding")
        inner: Encoding = encodings.build(config, in_dim)
        width = inner.out_dim if width is None else width
        super().__init__(in_dim, width)
        self.over = inner
        self.branches = branches
        self.maps = nn.Linear(inner.out_dim, branches * width)
        self.smoothness, self.min_steps, self.tables = inner.smoothness, inner.min_steps, inner.tables
        self._resolved = {"over": inner.config(), "width": width}

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The products."""
        first, *others = self.maps(self.over(coords)).chunk(self.branches, dim=1)
        return math.prod(others, start=first)

    @torch.no_grad()
    def progress(self, fraction: float, coords: Float[Tensor, "n d"], residuals: Float[Tensor, "n c"]) -> None:
        """Told to the encoding within."""
        self.over.progress(fraction, coords, residuals)

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """The publication's standard deviation, by the samples of the longest axis."""
        if not signal.domain.shape:
            return {}
        return {"over": _OVER.format(sigma=round(_SIGMA * max(signal.domain.shape) / _SAMPLES, 2))}
