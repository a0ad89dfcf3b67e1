"""Damaged and crafted files of codec "latent": refused with the section at fault, or decoded with the damage named."""

import warnings

import numpy as np
import pytest

from inr import InrError, container
from inr._errors import DamagedFile
from inr.compression import latent_files
from inr.compression.bitstream.latent import component_table as form
from tests.compression.latent.drawn import drawn_components, drawn_file, section, written

SHAPE = (45, 70)


@pytest.fixture(scope="module")
def parts():
    return drawn_components(SHAPE)


@pytest.fixture(scope="module")
def data():
    return drawn_file(SHAPE)


def decoded(data):
    """Samples, and what is told of them."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        samples, _ = latent_files.read_samples(data)
    return samples, [str(each.message) for each in told]


def refused_or_named(data, whole):
    """Decodes to what it was, or something is told; or is refused. The refusal, or None."""
    try:
        samples, told = decoded(data)
    except InrError as error:
        return error
    assert told or np.array_equal(samples, whole)
    return None


def test_flipped_bits_are_refused_or_named(data):
    whole, draw = decoded(data)[0], np.random.default_rng(1)
    refused = 0
    for place in [*range(0, 60, 3), *draw.integers(60, len(data), 20)]:
        broken = bytearray(data)
        broken[place] ^= 1 << int(draw.integers(8))
        error = refused_or_named(broken, whole)
        refused += error is not None
        assert error is None or "\n" not in str(error)
    assert 10 < refused < 40


@pytest.mark.long
def test_many_flipped_bits_are_refused_or_named(data):
    whole, draw = decoded(data)[0], np.random.default_rng(2)
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= int(draw.integers(1, 256))
        refused_or_named(broken, whole)


def test_every_beginning_is_refused_or_decodes_what_it_holds(data):
    whole = decoded(data)[0]
    entries = container.loads(data).table
    base_end = len(data) - sum(entry.size for entry in entries if not entry.base)
    for size in [*range(0, base_end, 97), base_end - 1]:
        with pytest.raises(DamagedFile, match=r"header|base|empty|truncated"):
            latent_files.read_samples(data[:size])
    errors = []
    for size in [*range(base_end, len(data), (len(data) - base_end) // 9), len(data)]:
        samples, told = decoded(data[:size])
        assert bool(told) == (size < len(data))
        errors.append(float(np.square(samples.astype(float) - whole).mean()))
    assert errors[-1] == 0 < errors[-2] < errors[0]


def test_malformed_grids_are_told_by_their_section(parts):
    table, pieces = parts
    order = form.piece_order(table.components)
    for place, (component, number) in enumerate(order):
        made = [pieces[one][two] for one, two in order]
        first = 1 if number == 0 else 0
        # ones only are no symbols of the coder; of the same length, so that sections stay what they were
        made[place] = made[place][:first] + b"\xff" * (len(made[place]) - first)
        broken = written(SHAPE, table, made)
        name = next(
            entry.name
            for entry in container.loads(broken).table
            if made[place] in container.loads(broken).sections[entry.name].tensors["payload"].tobytes()
        )
        with pytest.raises(DamagedFile, match=f"section '{name}' cannot be decoded") as caught:
            latent_files.read_samples(broken)
        assert caught.value.section == name, (component, number)


def test_swapped_sections_are_refused_by_name(data):
    contents = container.loads(data)
    names = [name for name in contents.sections if name != "base"]
    payloads = {name: contents.sections[name].tensors["payload"].tobytes() for name in names}
    swapped = dict(zip(names, reversed(payloads.values()), strict=True))
    broken = container.dumps(
        contents.header, [contents.sections["base"], *(section(*each) for each in swapped.items())]
    )
    with pytest.raises(DamagedFile, match=r"section 'g[01]'"):
        latent_files.read_samples(broken)


@pytest.mark.parametrize(
    "shape", [[45, 71], [44, 70], [1, 1], [70, 45], [3000, 3000], [45, 70, 2], [0, 5], [-4, 5], []]
)
def test_other_sizes_in_a_header_are_refused(data, shape):
    contents = container.loads(data)
    header = {**contents.header, "domain": {**contents.header["domain"], "shape": shape}}
    with pytest.raises(DamagedFile):
        latent_files.read_samples(container.dumps(header, list(contents.sections.values())))
