"""Fourier features: sines and cosines of fixed frequencies, in cycles over the whole extent of an axis."""

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr._parts import Automatic, Config, Range
from inr.encodings._base import Encoding, encodings

Kind = Literal["basic", "positional", "gaussian", "radial"]
Filter = Literal["gaussian", "box"]

# what each kind reads besides itself, and the value where none is given
_DEFAULTS: dict[str, dict[str, float]] = {
    "basic": {},
    "positional": {"frequencies": 256, "octaves": 6.0},
    "gaussian": {"frequencies": 256, "sigma": 10.0},
    "radial": {"frequencies": 256, "sigma": 10.0},
}


@encodings.register(
    "fourier",
    source="Tancik et al., Fourier features let networks learn high frequency functions in low dimensional domains, "
    "NeurIPS 2020",
    formula="sin(2πBv), cos(2πBv), v = (x + 1)/2, with rows of B by kind: e_i; (2^e - 1) e_i; N(0, σ²)",
    limits="sigma decides: too small a one blurs, too large a one fits noise between samples",
)
class FourierFeatures(Encoding):
    """Sines and cosines of fixed frequencies: sin(2πBv), then cos(2πBv), with v = (x + 1) / 2 in [0, 1].

    The rows of B, the buffer `frequencies` (m, in_dim), are frequency vectors in cycles over the whole extent
    of an axis; n samples an axis carry up to n/2. Random ones are drawn from torch's global generator.

    basic: one cycle an axis. positional: every axis apart, 2^e - 1 cycles with m/in_dim values of e evenly
    from 0 to `octaves`; the recipe's 6 is for photographs, 5 for text. gaussian: every entry N(0, sigma²);
    10 suits photographs, 14 text, 4 to 5 tomography; it decides the result, so search it (1 to 32).
    radial: a uniform direction, a length |N(0, sigma²)|, sorted by length, as in SAPE (Hertz et al. 2021).

    >>> encoding = inr.encodings.FourierFeatures(2, frequencies=64, sigma=10.0)
    >>> encoding(torch.rand(100, 2)).shape  # coordinates (n, 2) to features (n, 2 x frequencies)
    torch.Size([100, 128])
    """

    bandwidth = "sigma"
    automatic: ClassVar[Automatic] = {"sigma": lambda samples: samples / 32}
    frequencies: Float[Tensor, "m d"]

    def __init__(
        self,
        in_dim: int,
        *,
        kind: Annotated[Kind, "how the frequencies are chosen"] = "gaussian",
        frequencies: Annotated[
            int | None, Range(1, 2**16), "frequency vectors m (none: 256); basic has one an axis"
        ] = None,
        sigma: Annotated[
            float | None,
            Range(0, 1e6, above=True),
            "gaussian, radial: standard deviation in cycles (none: 10; auto)",
        ] = None,
        octaves: Annotated[
            float | None, Range(0, 24, above=True), "positional: log2 of the highest frequency (none: 6)"
        ] = None,
    ) -> None:
        self.check_in_dim(in_dim)
        resolved = _resolve(kind, frequencies=frequencies, sigma=sigma, octaves=octaves)
        matrix = _draw(kind, in_dim, **resolved)
        super().__init__(in_dim, 2 * len(matrix))
        self._resolved = resolved
        self.register_buffer("frequencies", matrix)

    def phases(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n m"]:
        """The angles whose sines and cosines are the features.

        Args:
            coords: float (n, in_dim) in [-1, 1].

        Returns:
            2πBv in radians, float (n, m).
        """
        return torch.addmm(self.frequencies.sum(1), coords, self.frequencies.T, beta=math.pi, alpha=math.pi)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """All m sines, then all m cosines."""
        phases = self.phases(coords)
        if phases.requires_grad:
            return torch.cat((phases.sin(), phases.cos()), dim=1)
        half = self.out_dim // 2
        # half the time of `cat`; without `out=`, which tracing and vmap cannot follow
        features = phases.new_empty(phases.shape[0], self.out_dim)
        features[:, :half] = phases.sin()
        features[:, half:] = phases.cos()
        return features

    def response(self, widths: Sequence[float], kernel: Filter = "gaussian") -> Float[Tensor, " f"]:
        """What a symmetric filter multiplies each feature by: its Fourier transform at the feature's frequency.

        Features that are filtered are features that are scaled, exactly: a symmetric filter shifts no phase
        (Yaldiz et al., Spectral prefiltering of neural fields, 2025).

        Args:
            widths: of the filter along each axis, in extents of the axis: a Gaussian's standard deviation, or the
                whole width of a box. 0 leaves an axis as it is.
            kernel: "gaussian", exp(-2π²(bσ)²), or "box", the product of sin(πbw) / (πbw) over the axes.

        Returns:
            Float (out_dim,), 1 where nothing is filtered.

        >>> encoding = inr.encodings.FourierFeatures(1, kind="basic")  # one cycle, that a box of its length takes away
        >>> encoding.response([1.0], "box").abs().max() < 1e-6, encoding.response([0.0]).tolist()
        (tensor(True), [1.0, 1.0])
        """
        turns = self.frequencies * self.frequencies.new_tensor(list(widths))
        if kernel == "gaussian":
            factors = torch.exp(-2 * math.pi**2 * turns.square().sum(1))
        else:
            factors = torch.sinc(turns).prod(1)
        return torch.cat((factors, factors))


def _resolve(kind: Kind, **given: float | None) -> Config:
    """The given values over the kind's defaults. Raises InrError for a value that the kind does not read."""
    defaults = _DEFAULTS[kind]
    for name, value in given.items():
        if value is not None and name not in defaults:
            reads = ", ".join(defaults) or "nothing else"
            raise InrError(f"encoding 'fourier': kind={kind} does not read {name}; it reads {reads}")
    return {name: value if value is not None else defaults.get(name) for name, value in given.items()}


def _draw(
    kind: Kind, in_dim: int, frequencies: int | None, sigma: float | None, octaves: float | None
) -> Float[Tensor, "m d"]:
    """The frequency vectors of a kind, in cycles over the extent."""
    if frequencies is None:
        return torch.eye(in_dim)
    if octaves is not None:
        return _along_axes(in_dim, frequencies, octaves)
    assert sigma is not None
    if kind == "gaussian":
        return sigma * torch.randn(frequencies, in_dim)
    lengths = (sigma * torch.randn(frequencies)).abs().sort().values
    return lengths[:, None] * torch.nn.functional.normalize(torch.randn(frequencies, in_dim), dim=1)


def _along_axes(in_dim: int, frequencies: int, octaves: float) -> Float[Tensor, "m d"]:
    """Frequencies on the axes, one axis after the other; the -1 makes the lowest of each axis a constant."""
    if frequencies < in_dim:
        raise InrError(f"encoding 'fourier': kind=positional needs frequencies >= {in_dim}, got {frequencies}")
    device = torch.get_default_device()
    with torch.device("cpu"):  # on "meta", where decoders ask for shapes, the first arithmetic takes seconds of imports
        cycles = 2 ** torch.linspace(0, octaves, frequencies // in_dim) - 1
        return torch.kron(torch.eye(in_dim), cycles[:, None]).to(device)
