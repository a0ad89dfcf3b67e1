"""Split wavelet networks: Gaussians for what is smooth, complex wavelets for what is singular."""

import math
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Range, Sizes
from inr.activations import Activation
from inr.networks._base import Network, networks
from inr.networks._linear import Affine, ComplexAffine, maps_of
from inr.networks._templates import TEMPLATES, gaussian
from inr.signals import Signal, modulus_maxima

Template = Literal["morlet", "gabor", "dog"]

# From this omega / scale on, at most a millionth of a Morlet atom's energy lies at frequencies of the other sign.
MIN_PROGRESSIVE_RATIO = 5.0


@networks.register(
    "split",
    source="Roddenberry et al., Implicit Neural Representations and the Algebra of Complex Wavelets, ICLR 2024",
    formula="Σₖ cₖ exp(-|Vₖr + dₖ|²) + c + Re Σₜ aₜ zₜ, z = MLP of ψ(Wₜr + bₜ), bₜ = -Wₜrₜ",
    limits="eager engine only; gabor in the deeper layers is not analytic, so only the wavelets themselves are "
    "progressive; in two and more dimensions opposite directions across the half-space still sum to low frequencies; "
    "centres at modulus maxima are no sure gain: from 2 dB lost to 1 dB gained on small pictures",
)
class Split(Network):
    """A linear combination of Gaussians plus the real part of a network on complex wavelets, learned together.

    Each of the `width` wavelets of the band-pass part has its own square affine map of the coordinates, W and
    b = -W r with a centre r in [-1, 1]^D, and so a place, a scale and an orientation; `depth` - 1 layers with the
    activation multiply them into finer ones at the same places, since a product vanishes where any of its factors does.
    All maps are learned. Templates ψ of u = Wr + b:

    morlet: (exp(i omega u₁) - κ) exp(-|scale u|²), of mean 0 and, as omega is at least 5 scale, progressive: all but a
    millionth of its energy lies at positive frequencies, and so does that of products. In more dimensions "positive" is
    the half-space of frequencies that rise along x; all atoms begin there, and the real part supplies the other half.
    gabor: exp(i omega u₁ - |scale u|²), WIRE's; with omega = scale it is nearly as much low-pass as band-pass.
    dog: the Gaussian of the scale less one twice as wide, of mean 0; real, so that products reach frequency 0.

    W starts as U(±1/sqrt(D)), the activation's way, and centres uniformly. With centres=maxima a fit moves them to
    the signal's wavelet modulus maxima (`inr.signals.modulus_maxima`), drawn evenly, and turns the first row of W
    along the gradient there. The `low` Gaussians start round, uniformly placed, as wide (standard deviation) as
    that many of them lie apart. A complex unit counts two real ones: 181 cost what 256 real ones do.

    Raises:
        InrError: an activation that is not complex, features that are no coordinates, or a template's number that
            it does not take or that leaves it without a meaning.
    """

    learning_rate = 5e-3
    default_partners: ClassVar = {"encoding": "identity", "activation": "gabor"}
    sizes = Sizes(("width", "low"))

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        depth: Annotated[int, Range(1, 64), "hidden layers of the band-pass part, wavelets included"] = 3,
        width: Annotated[int, Range(1, 8192), "complex units in each"] = 181,
        low: Annotated[int, Range(1, 8192), "Gaussians of the low-pass part"] = 64,
        template: Annotated[Template, "the wavelet"] = "morlet",
        omega: Annotated[
            float | None, Range(0, above=True), "its frequency (none: 25 for morlet, 10 for gabor; dog has none)"
        ] = None,
        scale: Annotated[
            float | None, Range(0, above=True), "inverse width of its envelope (none: 5 for morlet, else 10)"
        ] = None,
        centres: Annotated[
            Literal["uniform", "maxima"], "where wavelets begin: anywhere, or at singularities"
        ] = "uniform",
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        if activation.planes != 2:
            name = activation.config()["name"]
            raise InrError(f"network 'split' is complex and activation '{name}' is real; gabor is complex")
        if in_dim != self.coord_dim:
            raise InrError("network 'split' places wavelets by their coordinates: encoding must be identity")
        self._template, self._numbers = TEMPLATES[template][0], _numbers(template, omega=omega, scale=scale)
        self._centres = centres
        self.gaussians = Affine(in_dim, in_dim * low)
        self.mix = Affine(low, out_dim)
        self.wavelets = Affine(in_dim, in_dim * width)
        self.hidden = nn.ModuleList(ComplexAffine(width, width * activation.maps) for _ in range(depth - 1))
        self.last = ComplexAffine(width, out_dim, bias=False, real_output=True)
        self._init(low, width)

    def forward(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates: both parts, added."""
        return self.low(features) + self.band(features)

    def low(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """The low-pass part, with the constant."""
        return self.mix(gaussian(self.gaussians(coords)[0].chunk(self.in_dim, dim=1)))[0]

    def band(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """The band-pass part."""
        planes: tuple[Tensor, ...] = self.atoms(coords)
        for layer in self.hidden:
            planes = self.activation(maps_of(layer(*planes), self.activation.maps))
        return self.last(*planes)[0]

    def atoms(self, coords: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n w"], Float[Tensor, "n w"]]:
        """The wavelets that the band-pass part begins with, real and imaginary plane."""
        return self._template(self.wavelets(coords)[0].chunk(self.in_dim, dim=1), **self._numbers)

    def init_from(self, signal: Signal) -> None:
        """With centres=maxima, place the wavelets anew; a signal without singularities leaves them where they are."""
        if self._centres == "uniform":
            return
        found = modulus_maxima(signal)
        count = len(self.wavelets.weight) // self.in_dim
        if len(found.points):
            # one of each of `count` equal runs, samples being in order: a draw that covers them evenly
            runs = torch.arange(count) + torch.rand(count, dtype=torch.float64)
            drawn = (runs * (len(found.points) / count)).long().clamp_(max=len(found.points) - 1)
            self._place(torch.from_numpy(found.points)[drawn], torch.from_numpy(found.orientations)[drawn])

    @torch.no_grad()
    def _init(self, low: int, width: int) -> None:
        self.activation.init_linear_(self.wavelets, "first")
        for layer in self.hidden:
            self.activation.init_linear_(layer, "hidden")
        for layer in (self.last, self.mix):
            self.activation.init_linear_(layer, "last")
        self._place(torch.rand(width, self.in_dim) * 2 - 1)
        spread = 2 / low ** (1 / self.in_dim)
        round_ = (torch.eye(self.in_dim) / (math.sqrt(2) * spread)).expand(low, -1, -1)
        _set_maps(self.gaussians, round_, torch.rand(low, self.in_dim) * 2 - 1)

    @torch.no_grad()
    def _place(self, centres: Float[Tensor, "w d"], orientations: Float[Tensor, "w d"] | None = None) -> None:
        """Move wavelets to centres, and reflect their maps so that first rows lie along `orientations`, in x ≥ 0."""
        maps = self.wavelets.weight.view(self.in_dim, -1, self.in_dim).transpose(0, 1)
        rows = nn.functional.normalize(maps[:, 0], dim=1)
        wanted = rows if orientations is None else orientations
        ahead = wanted @ 1e-3 ** torch.arange(self.in_dim)  # along x, or along y across it
        wanted = torch.where(ahead[:, None] < 0, -wanted, wanted)
        mirror = nn.functional.normalize(rows - wanted, dim=1)  # 0 where a row lies as wanted
        _set_maps(self.wavelets, maps - 2 * (maps @ mirror[:, :, None]) * mirror[:, None], centres)


def _set_maps(layer: Affine, maps: Float[Tensor, "t d d"], centres: Float[Tensor, "t d"]) -> None:
    """Give a layer the maps u = W (r - centre); its rows are in the order of `maps_of`, component by component."""
    layer.weight.copy_(maps.transpose(0, 1).reshape(layer.weight.shape))
    assert layer.bias is not None
    layer.bias.copy_(-(maps @ centres[:, :, None]).transpose(0, 1).reshape(-1))


def _numbers(template: Template, **given: float | None) -> dict[str, float]:
    """What the template takes; refused where it means nothing."""
    numbers = dict(TEMPLATES[template][1])
    for name, value in given.items():
        if value is not None:
            if name not in numbers:
                raise InrError(f"network 'split': template {template} has no {name}; morlet and gabor have")
            numbers[name] = value
    if template == "morlet" and numbers["omega"] < MIN_PROGRESSIVE_RATIO * numbers["scale"]:
        raise InrError(
            f"network 'split': template morlet is progressive from omega = {MIN_PROGRESSIVE_RATIO:g} scale on, "
            f"got {numbers['omega']:g}/{numbers['scale']:g}; gabor takes any"
        )
    return numbers
