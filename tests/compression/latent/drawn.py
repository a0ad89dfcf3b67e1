"""Networks and latents drawn at random, for the tests of the codec latent, and files of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inr import container
from inr.compression.bitstream.latent import component_table as form
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.parameters import QuantisedParameters, initial_integers
from inr.compression.encoder.latent.network_coding import encode_parameters
from inr.compression.encoder.latent.picture import shared_out
from inr.compression.encoder.latent.write import encode_latents

SIZES = [(1, 1), (5, 7), (33, 1), (1, 40), (64, 48), (61, 37)]


def drawn_parameters(layout: Layout, seed: int, exponent: int = 9, log_scale: float = 0.0) -> QuantisedParameters:
    """Networks as fits give them, about: small weights, filters near the initial ones, pictures within [0, 1].

    Args:
        layout: of the networks.
        seed: of the draw.
        exponent: steps are 2^-exponent.
        log_scale: what ln b is about.
    """
    draw = np.random.default_rng(seed)
    integers = {}
    for name, shape in layout.tensors.items():
        deviation = 0.15 / np.sqrt(shape[-1] if len(shape) > 1 else 4)
        found = np.rint(draw.normal(0, deviation, shape) * 2**exponent).astype(np.int64)
        if name.startswith(("prefilter", "upsampling")):
            found = initial_integers(layout, name, exponent) + found // 4
        integers[name] = found
    integers["entropy.2.bias"][1] = round((4 + log_scale) * 2**exponent)
    integers["synthesis.1.bias"][:] += 2**exponent // 2
    return QuantisedParameters(layout, integers, dict.fromkeys(layout.tensors, exponent))


def drawn_latents(layout: Layout, seed: int, scale: float = 1.5, outliers: float = 0.01) -> np.ndarray:
    """Latents by Laplace's distribution, int32 (latents,), a share of them a hundred times as large."""
    draw = np.random.default_rng(seed)
    found = np.rint(draw.laplace(0, scale, layout.latents)).astype(np.int32)
    found[draw.random(layout.latents) < outliers] *= 100
    return found


def drawn_components(shape: tuple[int, int]) -> tuple[form.Table, list[list[bytes]]]:
    """A table of colour and alpha, both as drawn latents, and their pieces."""
    components, pieces = [], []
    for index, channels in enumerate((3, 1)):
        layout = Layout(*shape, channels, "lop")
        parameters = drawn_parameters(layout, 10 + index)
        found = encode_latents(layout, parameters, drawn_latents(layout, 12 + index))
        networks = encode_parameters(parameters)
        components.append(form.Component(channels, form.LATENTS, "lop", networks, len(found)))
        pieces.append(found)
    return form.Table(0, tuple(components), ()), pieces


def written(shape: tuple[int, int], table: form.Table, order: Sequence[bytes]) -> bytes:
    """A file of components and their pieces in the file's order."""
    shares = shared_out(order)
    table = replace(table, pieces=tuple(len(each) for each in shares))
    payloads = [form.write_table(table) + form.write_pieces(shares[0]), *map(form.write_pieces, shares[1:])]
    names = ["base", *(f"g{index}" for index in range(len(shares) - 1))]
    header = {"codec": "latent", "domain": {"kind": "image", "shape": list(shape), "channels": 4}}
    return container.dumps(header, [section(*each) for each in zip(names, payloads, strict=True)])


def section(name: str, data: bytes) -> container.Section:
    """A section of a file of codec latent."""
    return container.Section(name, {"payload": np.frombuffer(data, np.uint8)}, "bytes", base=name == "base")


def drawn_file(shape: tuple[int, int]) -> bytes:
    """A whole file of `drawn_components`."""
    table, pieces = drawn_components(shape)
    return written(
        shape, table, [pieces[component][number] for component, number in form.piece_order(table.components)]
    )
