"""The field: encoding + network + domain, a continuous function with derivatives."""

import copy
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from inr import container
from inr._errors import InrError
from inr._parts import Config, Part, parse_spec
from inr._upstairs import upstairs
from inr.activations import activations
from inr.encodings import Encoding, Filter, encodings
from inr.field import _calculus, _filtering, _units
from inr.field._effective import bare, effective_state
from inr.field._sections import field_sections
from inr.field._units import Orders, Outside, Space
from inr.networks import Network, networks
from inr.signals import (
    Box,
    Domain,
    band_limited,
    block_ranges,
    grid_range,
    measured_places,
    missing_at,
    row_block,
    unpack_missing,
)

# a part as "name:key=value", as a configuration, or as a part of the same settings, whose weights are not taken over
Spec = str | Mapping[str, Any] | Part
Contents = tuple[dict[str, Any], list[container.Section]]
Storage = Callable[["Field"], Contents]  # a field to the header and the sections of its file
Execute = Callable[[Tensor], Tensor]  # coordinates (n, D) to normalised values (n, C)
_BLOCK = 16_384  # points; features of more leave the caches


class Field(nn.Module):
    """A neural field: `field(coords)` gives values at any coordinates.

    Coordinates are float32 (n, D) in [-1, 1], columns x, y(, z)(, t); values are (n, C), normalised so that
    [-1, 1] is the signal's range. `render` and `in_units` speak the signal's own units.

    Args:
        domain: axes, channels and value range of the signal.
        encoding: coordinates to features.
        network: features to values.

    Attributes:
        metrics: numbers measured on the fitted field (psnr in dB, …); saved with it.
        fit: what the field was fitted with, as plain JSON: rates, batch, schedule, optimiser, seed, teacher, objective,
            engine and steps; saved with it. Empty for a field that was not fitted, or by a version that did not say.
        storage: gives header and sections of the field's file; its weights as they are unless something else is set.

    Raises:
        InrError: the encoding, the network and the domain do not go together.

    >>> signal = inr.open("photo.png")
    >>> field = inr.Field.build(signal.domain, activation="sine", network="mlp:depth=2,width=16")
    >>> field(torch.zeros(5, 2)).shape, field.jacobian(torch.zeros(5, 2)).shape
    (torch.Size([5, 3]), torch.Size([5, 3, 2]))
    """

    def __init__(self, domain: Domain, encoding: Encoding, network: Network) -> None:
        super().__init__()
        if encoding.in_dim != domain.in_dim:
            raise InrError(f"the encoding takes {encoding.in_dim} coordinates but the domain has {domain.in_dim} axes")
        if network.in_dim != encoding.out_dim:
            raise InrError(f"the network takes {network.in_dim} features but the encoding gives {encoding.out_dim}")
        if network.out_dim != domain.channels:
            raise InrError(f"the network gives {network.out_dim} values but the domain has {domain.channels} channels")
        _check_reader(type(network), network.config()["name"], encoding)
        self.domain = domain
        self.encoding = encoding
        self.network = network
        self.metrics: dict[str, float] = {}
        self.fit: dict[str, Any] = {}
        self.storage: Storage = plain_storage

    @classmethod
    def build(
        cls, domain: Domain, *, encoding: Spec = "identity", activation: Spec = "sine", network: Spec = "mlp"
    ) -> "Field":
        """Build a field from part specs, drawing its parameters from torch's global generator.

        Args:
            domain: axes, channels and value range of the signal.
            encoding, activation, network: parts, as "name:key=value" or as configurations; or as parts, such as
                `inr.activations.Sine(omega=20)`, of which settings are taken and weights are not.

        Returns:
            The field, with its initial weights.

        Raises:
            InrError: unknown parts or parameters, or parts that do not go together.
        """
        built = encodings.build(encoding, domain.in_dim)
        kind = networks.info(parse_spec(network)["name"])
        _check_reader(kind.cls, kind.name, built)  # before its size confuses the network
        context = built.out_dim, domain.channels, activations.build(activation), domain.in_dim
        return cls(domain, built, networks.build(network, *context))

    def config(self) -> dict[str, Config]:
        """The configurations of the three parts as plain JSON.

        Returns:
            By "encoding", "activation" and "network"; `Field.build(domain, **config)` gives a field of the same parts.
        """
        return {
            "encoding": bare(self.encoding).config(),
            "activation": bare(self.network).activation.config(),
            "network": bare(self.network).config(),
        }

    def plain(self) -> "Field":
        """A field that computes the same without what only learning needs: what a file holds.

        Returns:
            One with the same encoding and a network of its own; the field itself where there is nothing such.
        """
        network = bare(self.network)
        plain = network.plain()
        if plain is network:
            return self
        found = Field(self.domain, self.encoding, plain)
        found.metrics, found.fit = self.metrics, self.fit
        return found.train(self.training)

    @property
    def parameter_count(self) -> int:
        """Trainable real numbers."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def smoothness(self) -> float:
        """How often the field can be differentiated everywhere: 0 continuous only, infinite for smooth parts."""
        return min(self.encoding.smoothness, self.network.smoothness, self.network.activation.smoothness)

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.network.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """What the parameters are: float32 unless the field was made another, as by `double()`."""
        return next((each.dtype for each in self.parameters()), torch.float32)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates.

        Args:
            coords: float32 (n, D), every axis of the signal spanning [-1, 1].

        Returns:
            (n, C), normalised so that [-1, 1] is the signal's range.

        Raises:
            InrError: coordinates of another shape.
        """
        return self.network(*self._inputs(coords))

    def heads(self, coords: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n c"], ...]:
        """All outputs of the network that learn the signal, coarse to fine.

        Args:
            coords: float32 (n, D).

        Returns:
            One (n, C) or more; the last is what `forward` gives.
        """
        return self.network.heads(*self._inputs(coords))

    def _inputs(self, coords: Float[Tensor, "n d"]) -> tuple[Tensor, ...]:
        """What the network reads."""
        if coords.ndim != 2 or coords.shape[1] != self.domain.in_dim:
            raise InrError(f"coordinates must have shape (n, {self.domain.in_dim}), got {tuple(coords.shape)}")
        features = self.encoding(coords)
        return (features, coords) if self.network.reads_coords else (features,)

    def in_units(self, values: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        """Values in the signal's own units (grey levels, volts, metres …).

        Args:
            values: (n, C), normalised to [-1, 1].

        Returns:
            (n, C), of the same dtype.
        """
        return self.domain.values.restore(values)

    def gradient(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The gradient of a field with one channel.

        Args:
            coords: float32 (n, D).

        Returns:
            d value / d coords, (n, D), per unit of [-1, 1], of the normalised value.

        Raises:
            InrError: the field has several channels, whose derivatives `jacobian` gives, or it jumps.
        """
        if self.domain.channels != 1:
            raise InrError(f"gradient needs a field with 1 channel, this one has {self.domain.channels}: use jacobian")
        return self.jacobian(coords)[:, 0]

    def jacobian(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c d"]:
        """The derivatives of every channel by every coordinate.

        Args:
            coords: float32 (n, D).

        Returns:
            d values[c] / d coords[d], (n, C, D), per unit of [-1, 1], of the normalised values.

        Raises:
            InrError: the field jumps, and has no derivative.
        """
        self._check_smooth("jacobian", 1)
        return _calculus.jacobian(self, coords)

    def laplacian(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """The Laplacian of every channel.

        Args:
            coords: float32 (n, D).

        Returns:
            The sum of second derivatives, (n, C), per squared unit of [-1, 1], of the normalised values.

        Raises:
            InrError: second derivatives of the field do not exist, or jump.
        """
        self._check_smooth("laplacian", 2)
        return _calculus.laplacian(self, coords)

    def divergence(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """The divergence of a field with as many channels as coordinates.

        Args:
            coords: float32 (n, D).

        Returns:
            The sum of d values[i] / d coords[i], (n,), per unit of [-1, 1], of the normalised values.

        Raises:
            InrError: channels and axes differ in number, or the field jumps.
        """
        if self.domain.channels != self.domain.in_dim:
            raise InrError(
                f"divergence needs as many channels as axes, got {self.domain.channels} and {self.domain.in_dim}"
            )
        self._check_smooth("divergence", 1)
        return _calculus.divergence(self, coords)

    def at(
        self, points: Any, nu: Orders = None, *, outside: Outside | str = "error", space: Space | str = "axes"
    ) -> Any:
        """Values, or derivatives, at positions in own units: pixels, seconds, millimetres, degrees.

        What scipy's interpolators are for samples: `field.at((x, y))` as `RegularGridInterpolator(…)((x, y))`, and
        `nu` as there. Derivatives are those of the network, by automatic differentiation.

        Args:
            points: array or tensor (…, D) in the units of the domain's axes, columns x, y(, z)(, t), or a tuple of D
                arrays, which are broadcast; the first pixel of a picture has its centre at (0.5, 0.5). With one axis
                also (…,).
            nu: how often to differentiate by each axis, in the order of the columns, such as (1, 0) for d/dx.
            outside: what becomes of points beyond the domain: "error", "nan", or "extrapolate", which asks the
                network all the same (grids of features go on with their outermost value).
            space: what positions are: "axes", along the domain's axes; or "scanner", in the millimetres of a NIfTI
                file's scanner, in which x points to the right, y to the front and z up; there derivatives are of first
                order at most.

        Returns:
            (…, C), in own units of values and, of derivatives, per unit of the axes: float32, or float64 of a field in
            double precision. A tensor for a tensor, with its graph; an array otherwise.

        Raises:
            InrError: points of another shape or outside of the domain, derivatives that the field does not have or,
                from second order on, that jump, or a scanner that the field's file knows nothing of.

        >>> signal = inr.open("photo.png")
        >>> field = inr.Field.build(signal.domain, network="mlp:depth=2,width=16")
        >>> field.at((16.0, 12.0)).shape, field.at([[0.5, 0.5], [8.0, 3.2]], nu=(1, 0)).shape
        ((3,), (2, 3))
        """
        orders = _units.check_orders(nu, self.domain.in_dim)
        if order := sum(orders):
            self._check_smooth(f"a derivative of order {order}", order)
        if space != "axes":
            return _units.in_scanner(self.at, self.domain, points, orders, outside, space)
        like = torch.empty(0, dtype=self.dtype, device=self.device)
        with torch.set_grad_enabled(torch.is_grad_enabled() and isinstance(points, Tensor)):
            return _units.evaluate(self, self.domain, points, orders, outside, like)

    def grid(self, *axes: Any, nu: Orders = None, outside: Outside | str = "error") -> np.ndarray:
        """Values, or derivatives, on the grid that positions along the axes span, in own units.

        Args:
            axes: positions along x, y(, z)(, t), each (n,), in the units of the domain's axes.
            nu, outside: as of `at`.

        Returns:
            Array (…, n_y, n_x, C), in array order: the last axis before the channels is x. As of `at`.

        Raises:
            InrError: as `at` does, or not one row of positions for each axis.

        >>> signal = inr.open("photo.png")
        >>> field = inr.Field.build(signal.domain, network="mlp:depth=2,width=16")
        >>> field.grid(np.linspace(0, 32, 5), np.linspace(0, 24, 4)).shape
        (4, 5, 3)
        """
        return self.at(_units.grid_points(axes, self.domain), nu, outside=outside)

    def blurred(self, sigma: float | Sequence[float], kernel: Filter = "gaussian") -> "Field":
        """The field convolved with a symmetric filter: one of the same parts, which takes as long to evaluate.

        Every Fourier feature is scaled by what the filter does to its frequency (Yaldiz et al., Spectral prefiltering
        of neural fields, 2025). That is exact where the network is linear. What a network with activations makes of
        scaled features is the filtered field as far as it learned it: fit with `adjust="prefilter"`.

        Args:
            sigma: a Gaussian's standard deviation, or the whole width of a box, in the units of the axes (pixels of a
                picture, seconds of a sound): one number, or one for each of x, y(, z)(, t).
            kernel: "gaussian" or "box".

        Returns:
            A field that can be rendered by every engine, and saved.

        Raises:
            InrError: a field that is not Fourier features read by network mlp, or widths that do not suit its axes.

        >>> signal = inr.open("photo.png")
        >>> field = inr.Field.build(signal.domain, encoding="fourier", activation="linear", network="mlp:depth=1")
        >>> bool(field.blurred(2.0).render().std() < field.render().std())
        True
        """
        return self._filtered(_filtering.widths_in_units(self.domain, sigma), kernel, self.domain)

    def prefiltered(self, shape: Sequence[int]) -> "Field":
        """A level of a pyramid: the field whose values at the centres of a grid's cells are its means over these.

        Where `render` averages many values a cell, this takes one, whatever the size of the cells; see `blurred` for
        when that is exact.

        Args:
            shape: samples per axis of the grid, in array order.

        Returns:
            A field over the same extent whose own samples are that grid's; `render()` gives them.

        Raises:
            InrError: as of `blurred`; a sound, whose samples are no means over cells; or a shape that does not fit.

        >>> signal = inr.open("photo.png")
        >>> field = inr.Field.build(signal.domain, encoding="fourier", activation="linear", network="mlp:depth=1")
        >>> level = field.prefiltered((6, 8))
        >>> bool(np.abs(level.render() - field.render((6, 8))).max() < 5)  # of 255: means of a few values a cell
        True
        """
        if self.domain.sampling == "band":
            raise InrError("samples of a sound are no means over cells: rendering at a lower rate low-passes it")
        shape = self._check_shape(shape)
        widths = _filtering.cell_widths(self.domain, shape)
        return self._filtered(widths, "box", _filtering.level_domain(self.domain, shape))

    def _filtered(self, widths: Sequence[float], kernel: Filter, domain: Domain) -> "Field":
        """A copy that is convolved with a filter, with another domain."""
        _filtering.check_filterable(self.encoding, self.network)
        found = copy.deepcopy(self)
        _filtering.filter_weights(found.encoding, found.network, widths, kernel)
        found.domain, found.metrics, found.storage = domain, {}, plain_storage
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The field at its signal's own samples, as `render()` gives it, for `np.asarray(field)`."""
        if copy is False:
            raise ValueError("a field is rendered into a new array: it cannot be had without a copy")
        return self.render().astype(dtype or np.float32, copy=False)

    def _repr_html_(self) -> str:
        """What notebooks show: a picture, and a table of parts, bytes and quality."""
        return upstairs("field_html", self)

    def _repr_png_(self) -> bytes | None:
        """The picture alone."""
        return upstairs("field_png", self)

    @torch.no_grad()
    def render(
        self,
        shape: Sequence[int] | None = None,
        box: Box | None = None,
        *,
        block: int | None = None,
        execute: Execute | None = None,
    ) -> np.ndarray:
        """Sample the field on a regular grid, in blocks, on the fastest engine; `inr.render` can name another.

        A sample is what the signal's sampling model makes of the field, see `inr.signals.measured_places`: the mean
        over its cell where the signal's samples are such means and the grid is not much finer, or where the grid is
        coarser than the signal.

        Args:
            shape: samples per axis in array order (H, W for a picture); the signal's own by default.
            box: (low, high) per axis in coordinate order x, y, …, the part of [-1, 1] to sample; all of it
                by default.
            block: points evaluated at once, about: whole rows where they are no longer than that.
            execute: what evaluates coordinates; the fastest engine's plan where neither it nor a block is given, and
                the field itself where a block is.

        Returns:
            float32 (*shape, C) in the signal's own units; NaN where the signal's samples are missing.

        Raises:
            InrError: a shape or box that does not fit the domain, or no shape for scattered samples.
        """
        shape = self._check_shape(shape)
        _check_box(box, self.domain.in_dim)
        if execute is None and block is None:
            return upstairs("render", self, shape, box)
        run, block = execute or self._evaluated, block or _BLOCK
        if self.domain.sampling == "band" and (shape != self.domain.shape or box is not None):
            return self._marked(self._render_band(run, shape, box, block), box)
        values = np.empty((math.prod(shape), self.domain.channels), dtype=np.float32)
        places = measured_places(self.domain, shape, box)
        for start, stop in block_ranges(len(values), row_block(shape, block)):
            self._measure_into(values[start:stop], run, grid_range(shape, start, stop, box), places)
            self.domain.values.restore_(values[start:stop])
        return self._marked(values.reshape(*shape, self.domain.channels), box)

    def _marked(self, values: np.ndarray, box: Box | None) -> np.ndarray:
        """Rendered values, with NaN in them where the signal's samples are missing."""
        if self.domain.missing:
            missing = unpack_missing(self.domain.missing, self.domain.shape or ())
            values[missing_at(missing, values.shape[:-1], box)] = np.nan
        return values

    def _render_band(self, run: Execute, shape: tuple[int, ...], box: Box | None, block: int) -> np.ndarray:
        """Samples of a sound, with nothing above the Nyquist frequency of its own samples."""

        def evaluate(coords: np.ndarray) -> np.ndarray:
            places = torch.from_numpy(coords).split(block)
            return np.concatenate([run(part.to(self.device)).float().cpu().numpy() for part in places])

        values: np.ndarray = self.domain.values.restore_(band_limited(evaluate, self.domain, shape[0], box))
        return values.reshape(*shape, self.domain.channels)

    @torch.no_grad()
    def measure(self, coords: Float[Tensor, "n d"], *, execute: Execute | None = None) -> Float[Tensor, "n c"]:
        """What samples of the signal's own grid would be: the field, measured as they were.

        Args:
            coords: centres of cells, float32 (n, D).
            execute: what evaluates coordinates; the field itself by default.

        Returns:
            Normalised values, float32 (n, C), on the processor: means over cells where the samples are such means, and
            otherwise the field's values at the centres.
        """
        values = np.empty((len(coords), self.domain.channels), np.float32)
        self._measure_into(
            values, execute or self._evaluated, coords, measured_places(self.domain, self.domain.shape or ())
        )
        return torch.from_numpy(values)

    def _evaluated(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at float32 coordinates, whatever the parameters are."""
        return self(coords.to(self.dtype))

    def _measure_into(
        self, values: np.ndarray, run: Execute, centres: Float[Tensor, "n d"], places: Float32[np.ndarray, "places d"]
    ) -> None:
        """Write the mean of the values at some places around centres, normalised, (n, c).

        They are summed up where they go to: the memory that they come from is the executor's. By numpy, because torch
        would wake threads of its own, which then stand in the way of the executor's.
        """
        values[:] = self._at(run, centres, places[0])
        for place in places[1:]:
            values += self._at(run, centres, place)
        values *= np.float32(1 / len(places))

    def _at(self, run: Execute, centres: Float[Tensor, "n d"], place: np.ndarray) -> np.ndarray:
        """Values, float32 (n, c), at a place around some centres."""
        coords = torch.from_numpy(centres.numpy() + place) if place.any() else centres
        return run(coords.to(self.device)).float().cpu().numpy()

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the field to an .inr file, all of it or none. Equal fields give equal bytes.

        Files hold 32-bit floats, or 16-bit ones of a field that has them (`half()`); of bfloat16 and float64 the
        nearest float32. Of modules that are pruned, parametrised, compiled or wrapped the effective weights are kept.

        Args:
            path: where to.
            force: overwrite a file that is there.

        Raises:
            InrError: the file exists, or it cannot be written, or a module computes with what a file cannot hold.
        """
        container.write(Path(path), *self.storage(self), force=force)

    def push_to_hub(
        self, repository: str, *, token: str | None = None, private: bool = False, endpoint: str | None = None
    ) -> str:
        """Keep the field in a repository of the Hugging Face Hub, with a picture and a model card (extra `hub`).

        Args:
            repository: as "name/photo"; made if it is not there.
            token: of the Hub; None for that of `hf auth login`.
            private: whether a new repository is closed to others.
            endpoint: another server than the Hub's own.

        Returns:
            The address of what was written.

        Raises:
            InrError: a name that is none, or a server that refuses or does not answer.
            MissingExtra: huggingface_hub is not installed.
        """
        return str(upstairs("push", self, repository, token, private, endpoint))

    @classmethod
    def from_pretrained(
        cls,
        repository: str,
        *,
        revision: str | None = None,
        token: str | None = None,
        endpoint: str | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> "Field":
        """Read a field from a repository of the Hugging Face Hub; nothing in it is executed (extra `hub`).

        Args:
            repository: as "name/photo".
            revision: a branch, tag or commit; None for the newest.
            token: of the Hub; None for that of `hf auth login`.
            endpoint: another server than the Hub's own.
            cache: the folder for what is fetched; None for the Hub's own.

        Returns:
            The field, on the processor and in evaluation mode.

        Raises:
            InrError: no such repository, none of a field, or a server that refuses or does not answer.
            MissingExtra: huggingface_hub is not installed.
        """
        field: Field = upstairs("pull", repository, revision, token, endpoint, cache)
        return field

    def header(self) -> dict[str, Any]:
        """What the field's file says besides its weights, as plain JSON: parts, domain, metrics and the fit."""
        # JSON knows no infinity: an exact fit has no PSNR to be kept; and no digits that nobody reads
        metrics = {name: float(f"{value:.6g}") for name, value in self.metrics.items() if math.isfinite(value)}
        header: dict[str, Any] = {"field": self.config(), "domain": self.domain.to_json(), "metrics": metrics}
        header |= {"parameters": self.parameter_count}  # for `inr info`, which does not build the field
        return header | ({"fit": self.fit} if self.fit else {})

    def _check_smooth(self, wanted: str, order: int) -> None:
        """Refuse derivatives that do not exist, and higher ones that jump: slopes may, as those of relu do."""
        if self.smoothness < 0:
            raise InrError(
                f"{wanted} needs a continuous field, and '{self._roughest()}' jumps: use a continuous encoding, as "
                "fourier or shifted:basis=gaussian"
            )
        if order > 1 and self.smoothness < order:
            name = {2: "second derivatives", 3: "third derivatives"}.get(order, f"derivatives of order {order}")
            lacks = f"no {name}" if self.smoothness < order - 1 else f"{name} that jump"
            encodings = (
                "identity, fourier, or a grid with interpolation=quintic" if order == 2 else "identity or fourier"
            )
            raise InrError(
                f"{wanted} needs a smoother field: '{self._roughest()}' has {lacks}; use a smooth activation "
                f"(sine, gabor, gaussian) on {encodings}"
            )

    def _roughest(self) -> str:
        """The name of the least smooth part."""
        parts: tuple[Any, ...] = (self.encoding, self.network, self.network.activation)
        return min(parts, key=lambda part: part.smoothness).config()["name"]

    def _check_shape(self, shape: Sequence[int] | None) -> tuple[int, ...]:
        if shape is None:
            if self.domain.shape is None:
                raise InrError("scattered samples have no grid of their own: give a shape to render")
            return self.domain.shape
        if len(shape) != self.domain.in_dim or any(size < 1 for size in shape):
            raise InrError(f"shape must be {self.domain.in_dim} positive sizes (array order), got {tuple(shape)}")
        return tuple(shape)


def plain_storage(field: Field) -> Contents:
    """Header and sections of a field's file that holds all weights as they are."""
    field = field.plain()
    return field.header(), field_sections(_state(field))


def half_storage(field: Field) -> Contents:
    """Header and sections of a field's file that holds parameters as 16-bit floats."""
    field = field.plain()
    parameters = dict(_plain(field).named_parameters())
    state = {name: tensor.half() if name in parameters else tensor for name, tensor in _state(field).items()}
    return field.header(), field_sections(state)


def _state(field: Field) -> dict[str, Tensor]:
    """The weights that the field computes with, by the names that they have in a file."""
    return effective_state(field, _plain(field))


def _plain(field: Field) -> Field:
    """A field of the same parts, without memory for its weights."""
    with torch.device("meta"):
        return Field.build(field.domain, **field.config())


def _check_reader(network: type[Network], name: str, encoding: Encoding) -> None:
    """Raises InrError for an encoding that a kind of network cannot read."""
    required, given = network.required_encoding, encoding.config()["name"]
    if required is not None and given != required:
        raise InrError(f"network '{name}' reads encoding={required} only, not '{given}'")


def _check_box(box: Box | None, in_dim: int) -> None:
    if box is None:
        return
    if len(box) != in_dim:
        raise InrError(f"box must give (low, high) for each of {in_dim} axes, got {len(box)}")
    for low, high in box:
        if not -1 <= low < high <= 1:
            raise InrError(f"box must have -1 <= low < high <= 1 on every axis, got {low:g}, {high:g}")
