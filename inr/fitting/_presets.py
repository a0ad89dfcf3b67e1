"""Published settings as a whole, by the names that people know them by."""

from dataclasses import replace
from typing import Any, ClassVar

from inr._parts import Part, Registry
from inr.field import Spec
from inr.fitting._defaults import Setup, default_setup
from inr.signals import Signal

presets: Registry = Registry("preset")

_FINER = "Liu et al., FINER: Flexible Spectral-bias Tuning in INR by Variable-periodic Activation Functions, CVPR 2024"
_FINERPP = "Zhu et al., FINER++: Building a Family of Variable-periodic Functions, 2024"
_MFN = "Fathony et al., Multiplicative Filter Networks, ICLR 2021"


class Preset(Part):
    """The parts of a publication's network for pictures, with what they were trained with.

    How long is the budget's affair. Where a publication learns from all samples in every step, which suits small
    pictures and GPUs, `batch` is None: as many samples as suit the fit.

    Attributes:
        encoding, activation, network: part specs; what they leave open suits the signal, as in every fit.
        learning_rate: the network's; tables keep the rate that they declare, which is as published.
        schedule: one of `SCHEDULES`.
        batch: samples a step, where a number is published.
    """

    encoding: ClassVar[str] = "identity"
    activation: ClassVar[str] = "linear"
    network: ClassVar[str]
    learning_rate: ClassVar[float]
    schedule: ClassVar[str] = "constant"
    batch: ClassVar[int | None] = None

    def parts(self, signal: Signal) -> dict[str, str]:
        """Specs of encoding, activation and network for a signal."""
        return {"encoding": self.encoding, "activation": self.activation, "network": self.network}

    @classmethod
    def options(cls) -> dict[str, Any]:
        """The settings as the options of `inr fit` spell them."""
        found: dict[str, Any] = {"encoding": cls.encoding, "activation": cls.activation, "network": cls.network}
        found |= {"lr": cls.learning_rate, "schedule": cls.schedule}
        return found | ({} if cls.batch is None else {"batch": cls.batch})


def preset_setup(signal: Signal, preset: str | None = None, *, seed: int = 0, **given: Any) -> Setup:
    """The setup of a fit: what is given, else what the preset has, else what suits the kind of signal.

    Args:
        signal: what is represented.
        preset: a preset's name; None for none.
        seed: of the choice of frequencies, see `Setup.with_parts`.
        given: encoding, activation and network as specs, and further attributes of `Setup`; None for what is not given.

    Returns:
        A setup that is complete for the signal.

    Raises:
        InrError: an unknown preset or part.
    """
    parts: dict[str, Spec | None] = {part: given.pop(part, None) for part in ("encoding", "activation", "network")}
    settings = {name: value for name, value in given.items() if value is not None}
    if preset is not None:
        chosen: Preset = presets.build(preset)
        named = chosen.config()["name"]
        own = chosen.parts(signal)
        parts = {part: own[part] if spec is None else spec for part, spec in parts.items()}
        published = {"learning_rate": chosen.learning_rate, "schedule": chosen.schedule, "batch": chosen.batch}
        settings = {"preset": named, **published, **settings}
    return replace(default_setup(signal).with_parts(signal, seed=seed, **parts), **settings)


@presets.register(
    "siren",
    source="Sitzmann et al., Implicit Neural Representations with Periodic Activation Functions, NeurIPS 2020",
)
class SirenPreset(Preset):
    """SIREN: sines on bare coordinates; 500 to 10,000 steps of all pixels.

    For sounds the first layer's frequency is 3000, as in the authors' notebook.
    """

    activation = "sine:omega=30"
    network = "mlp:depth=4,width=256"
    learning_rate = 1e-4


@presets.register(
    "ffn",
    source="Tancik et al., Fourier Features Let Networks Learn High Frequency Functions, NeurIPS 2020",
    limits="the last layer is linear here, where the authors' ends in a sigmoid",
)
class FourierFeaturesPreset(Preset):
    """Fourier features read by ReLU, for photographs: 2,000 steps of all pixels that are learned from."""

    encoding = "fourier:kind=gaussian,frequencies=256,sigma=10"
    activation = "relu:init=glorot"
    network = "mlp:depth=3,width=256"
    learning_rate = 1e-3


@presets.register(
    "wire",
    source="Saragadam et al., WIRE: Wavelet Implicit Neural Representations, CVPR 2023",
    limits="the authors lower the rate in proportion for pictures of more than 65,536 pixels; here it stays",
)
class WirePreset(Preset):
    """WIRE: complex Gabor wavelets, as they represent a picture without noise; 2,000 passes over all pixels."""

    activation = "gabor:omega=20,scale=30"
    network = "mlp:depth=3,width=181"
    learning_rate = 5e-3
    schedule = "exponential"
    batch = 65_536


@presets.register("finer", source=_FINER)
class FinerPreset(Preset):
    """FINER: sines whose frequency grows with their argument; 5,000 steps of all pixels.

    The authors' code leaves the growth out of gradients, which makes no difference that could be measured.
    """

    activation = "finer:omega=30"
    network = "mlp:depth=4,width=256"
    learning_rate = 5e-4
    schedule = "exponential"


@presets.register("finer-gauss", source=_FINERPP)
class FinerGaussPreset(Preset):
    """FINER++ with Gaussians of a FINER sine; 5,000 steps of all pixels."""

    activation = "finer-gaussian:scale=3,omega=10,first_bias=1"
    network = "mlp:depth=4,width=256"
    learning_rate = 1e-3
    schedule = "exponential"


@presets.register("finer-wire", source=_FINERPP)
class FinerWirePreset(Preset):
    """FINER++ with complex wavelets of a FINER sine; 5,000 steps of all pixels."""

    activation = "finer-gabor:scale=2,wavelet_omega=4,omega=5,first_bias=1"
    network = "mlp:depth=4,width=181"
    learning_rate = 1e-3
    schedule = "exponential"


@presets.register(
    "gauss",
    source="Ramasinghe & Lucey, Beyond Periodicity: Towards a Unifying Framework for Activations in Coordinate-MLPs, "
    f"ECCV 2022; settings of {_FINER}",
)
class GaussPreset(Preset):
    """Gaussian activations on bare coordinates, as FINER compares with them; 5,000 steps of all pixels."""

    activation = "gaussian:scale=30"
    network = "mlp:depth=4,width=256"
    learning_rate = 5e-3
    schedule = "exponential"


@presets.register("mfn", source=_MFN)
class GaborFilterPreset(Preset):
    """A multiplicative filter network with Gabor filters, for pictures of 256 x 256; 10,000 steps of all pixels."""

    network = "mfn:filter=gabor,depth=3,width=256,scale=256,alpha=6,beta=1"
    learning_rate = 1e-2


@presets.register("mfn-fourier", source=_MFN)
class FourierFilterPreset(Preset):
    """A multiplicative filter network with sines, for pictures of 256 x 256; 10,000 steps of all pixels."""

    network = "mfn:filter=fourier,depth=3,width=256,scale=256"
    learning_rate = 1e-2


@presets.register(
    "bacon",
    source="Lindell et al., BACON: Band-limited Coordinate Networks for Multiscale Scene Representation, CVPR 2022",
    limits="Adam's plain second moment, where the authors take its largest so far (amsgrad)",
)
class BaconPreset(Preset):
    """BACON for pictures, as many samples an axis as the signal has; 5,001 steps of all pixels."""

    network = "bacon:outputs=1+2+4,width=256,shares=1/8+1/8+1/4+1/4+1/4"
    learning_rate = 5e-3


@presets.register(
    "ngp",
    source="Müller et al., Instant neural graphics primitives with a multiresolution hash encoding, SIGGRAPH 2022",
    limits="without the weight decay of 1e-6 of the layers, and the decay of rates after 20,000 steps",
)
class InstantNgpPreset(Preset):
    """Instant-NGP for pictures: a hash grid to half the resolution, and a small network; 10,000 steps or more.

    Signals of three axes and more have 2^19 rows a level, as the authors' shapes and volumes have.
    """

    encoding = "hash:levels=16,features=2,log2_size=24,coarsest=16"
    activation = "relu:init=glorot"
    network = "mlp:depth=2,width=64,bias=false"
    learning_rate = 1e-2
    batch = 2**18

    def parts(self, signal: Signal) -> dict[str, str]:
        """With half as many vertices an axis at the finest level as the longest axis has samples."""
        encoding = self.encoding if signal.in_dim <= 2 else self.encoding.replace("log2_size=24", "log2_size=19")
        if signal.domain.shape is not None:
            encoding += f",finest={max(max(signal.domain.shape) // 2, 16)}"
        return super().parts(signal) | {"encoding": encoding}


@presets.register(
    "sape", source="Hertz et al., SAPE: spatially-adaptive progressive encoding for neural optimization, NeurIPS 2021"
)
class SapePreset(Preset):
    """SAPE for pictures: frequencies that open where they are needed; 5,000 steps of a quarter of the pixels."""

    encoding = "sape:over=(fourier:kind=radial,frequencies=256,sigma=40),epsilon=0.001"
    activation = "relu"
    network = "mlp:depth=3,width=256"
    learning_rate = 1e-3


@presets.register(
    "kronecker",
    source="Zheng et al., Trading Positional Complexity vs. Deepness in Coordinate Networks, ECCV 2022",
    limits="without the weight decay of 1e-8",
)
class KroneckerPreset(Preset):
    """The complex encoding of shifted Gaussians, learned in steps; 2,000 of all pixels that are learned from."""

    network = "kronecker:basis=gaussian,spread=1"
    learning_rate = 1e-1
