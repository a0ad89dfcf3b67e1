"""Which grids and which network parameters a coded picture has; all of it follows from its size and the preset.

Ladune et al., "COOL-CHIC", ICCV 2023, and its version 5.0.1: a pyramid of grids with one number each ("latents"), of
which the coarser ones have a companion that only the entropy model sees ("hyper-latents").
"""

from dataclasses import dataclass
from functools import cached_property

# Neighbours that the entropy model reads, (rows, columns) away, in order of use: a preset takes the first so many.
CONTEXT = (
    (0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-3, 0), (0, -3), (-1, -2), (-2, 1),
    (-2, -1), (-1, 2), (-2, -2), (-1, -3), (-2, 2), (-3, 1), (0, -4), (-1, 3), (-2, -3), (-2, 3),
)  # fmt: skip
# Grids from this level on have a companion; features of coarser grids are read at the levels below FEATURE_LEVELS.
HYPER_FROM, FEATURE_LEVELS = 4, 3
# Levels of pictures below so many pixels, and of all larger ones.
LEVELS_BELOW = ((1_000_000, 7), (3_000_000, 8))
MOST_LEVELS = 9
# Parameters of the symmetric filters: x2 up-sampling has 8 taps, the filter before it 7.
UPSAMPLING_PARAMETERS = PREFILTER_PARAMETERS = 4


@dataclass(frozen=True)
class Preset:
    """How complex the networks are.

    Attributes:
        contexts: neighbours that the entropy model reads.
        features: of coarser grids, which it reads besides.
        hidden: units of the synthesis.
        convolutions: 3x3 layers of the synthesis; all but the last one are followed by a ReLU.
    """

    contexts: int
    features: int
    hidden: int
    convolutions: int

    @property
    def width(self) -> int:
        """Inputs, and units of each layer, of the entropy model."""
        return self.contexts + self.features


PRESETS = {"lop": Preset(6, 2, 8, 1), "mop": Preset(10, 4, 16, 2), "hop": Preset(14, 6, 48, 2)}


@dataclass(frozen=True)
class Grid:
    """One grid of latents.

    Attributes:
        level: its resolution is 2^-level of the picture's, rounded up.
        hyper: whether only the entropy model sees it.
        height, width: in latents.
        start: where its latents begin among those of all grids, which stand in coding order, each row by row.
    """

    level: int
    hyper: bool
    height: int
    width: int
    start: int

    @property
    def size(self) -> int:
        """How many latents."""
        return self.height * self.width

    @property
    def stop(self) -> int:
        """Where its latents end among those of all grids."""
        return self.start + self.size


@dataclass(frozen=True)
class Layout:
    """The grids and the network parameters of a picture.

    Args:
        height, width: of the picture, in pixels.
        channels: that its synthesis gives.
        preset: a name in `PRESETS`.
    """

    height: int
    width: int
    channels: int
    preset: str

    @property
    def sizes(self) -> Preset:
        """The sizes of the networks."""
        return PRESETS[self.preset]

    @property
    def levels(self) -> int:
        """Grids that the synthesis sees; no more than it takes to get to a single latent."""
        most = next((levels for pixels, levels in LEVELS_BELOW if self.height * self.width < pixels), MOST_LEVELS)
        return min(most, (max(self.height, self.width) - 1).bit_length() + 1)

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """All grids in coding order: coarse to fine, companions before what they accompany."""
        found: list[Grid] = []
        start = 0
        for level in reversed(range(self.levels)):
            for hyper in (True, False) if level >= HYPER_FROM else (False,):
                grid = Grid(level, hyper, -(-self.height >> level), -(-self.width >> level), start)
                found.append(grid)
                start = grid.stop
        return tuple(found)

    @property
    def latents(self) -> int:
        """Latents of all grids."""
        return self.grids[-1].stop

    @cached_property
    def seen(self) -> tuple[Grid, ...]:
        """The grids that the synthesis sees, finest first: its input channels."""
        return tuple(grid for grid in reversed(self.grids) if not grid.hyper)

    def coarser(self, level: int) -> tuple[Grid, ...]:
        """The grids whose features the entropy model reads at a level, in coding order; none from FEATURE_LEVELS on."""
        if level >= FEATURE_LEVELS:
            return ()
        return tuple(grid for grid in self.grids if grid.level > level)

    @cached_property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the network parameters by name, in the order in which they stand in one vector and in a file.

        Matrices are (outputs, inputs), 3x3 kernels (outputs, inputs, 3, 3).
        """
        sizes, channels, levels = self.sizes, self.channels, self.levels
        width = sizes.width
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(2):
            shapes |= {f"entropy.{layer}.weight": (width, width), f"entropy.{layer}.bias": (width,)}
        shapes |= {"entropy.2.weight": (2, width), "entropy.2.bias": (2,), "entropy.linear": (2, width)}
        for level in reversed(range(min(FEATURE_LEVELS, levels - 1))):
            inputs = len(self.coarser(level))
            shapes |= {
                f"features.{level}.weight": (sizes.features, inputs),
                f"features.{level}.bias": (sizes.features,),
            }
        for level in reversed(range(levels - 1)):
            shapes |= {f"prefilter.{level}": (PREFILTER_PARAMETERS,), f"upsampling.{level}": (UPSAMPLING_PARAMETERS,)}
        shapes |= {
            "synthesis.0.weight": (sizes.hidden, levels), "synthesis.0.bias": (sizes.hidden,),
            "synthesis.1.weight": (channels, sizes.hidden), "synthesis.1.bias": (channels,),
        }  # fmt: skip
        for layer in range(sizes.convolutions):
            name = f"synthesis.{2 + layer}"
            shapes |= {f"{name}.weight": (channels, channels, 3, 3), f"{name}.bias": (channels,)}
        return shapes | {"synthesis.linear": (channels, levels)}

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each tensor stands in the vector of all parameters."""
        found, start = {}, 0
        for name, shape in self.tensors.items():
            size = 1
            for side in shape:
                size *= side
            found[name] = slice(start, start + size)
            start += size
        return found

    @property
    def parameters(self) -> int:
        """Parameters of all networks."""
        return self.slices["synthesis.linear"].stop
