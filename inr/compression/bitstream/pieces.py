"""Pieces of a field's parameters: what is rounded with a step of its own and coded under a model of its own.

A table of a multiresolution grid is taken level by level, each level as a matrix whose rows hold neighbours: as many
numbers as the largest power of two up to 128 that divides the level's. Every other parameter is one piece of its own
shape. Pieces stand in the order of the parameters, levels from coarse to fine.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from inr.compression.bitstream.weights import Shapes
from inr.field import Field

# Numbers in a row of a level's matrix, at most: rows whose neighbourhood is flat are coded as such.
MAX_ROW = 128


class Piece(NamedTuple):
    """A part of a parameter, or all of it.

    Attributes:
        parameter: its name in the field.
        start, stop: rows of it.
        shape: as which it is coded.
    """

    parameter: str
    start: int
    stop: int
    shape: tuple[int, ...]


def pieces_of(field: Field) -> dict[str, Piece]:
    """A field's pieces by name, which is the parameter's, and for levels of tables "parameter/level"."""
    found = {}
    for name, parameter in field.named_parameters():
        levels = _levels(field, name)
        for index, level in enumerate(levels):
            stop = level.offset + level.entries
            numbers = level.entries * parameter.shape[1]
            row = min(numbers & -numbers, MAX_ROW)
            found[f"{name}/{index}"] = Piece(name, level.offset, stop, (numbers // row, row))
        if not levels:
            found[name] = Piece(name, 0, len(parameter) if parameter.ndim else 1, tuple(parameter.shape))
    return found


def shapes_of(pieces: Mapping[str, Piece]) -> Shapes:
    """The shapes as which pieces are coded, by name."""
    return {name: piece.shape for name, piece in pieces.items()}


def cut(pieces: Mapping[str, Piece], parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The pieces' numbers, in the shapes as which they are coded; they share the parameters' memory."""
    return {
        name: parameters[piece.parameter].detach()[piece.start : piece.stop].reshape(piece.shape)
        if piece.shape
        else parameters[piece.parameter].detach()
        for name, piece in pieces.items()
    }


def joined(pieces: Mapping[str, Piece], values: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameters of the shapes of others, made of their pieces' numbers."""
    parts: dict[str, list[Tensor]] = {}
    for name, piece in pieces.items():
        parts.setdefault(piece.parameter, []).append(values[name].reshape(-1))
    return {name: torch.cat(each).reshape(like[name].shape) for name, each in parts.items()}


def _levels(field: Field, parameter: str) -> tuple:
    """The levels of the grid that a parameter is the table of; none for other parameters."""
    owner, _, last = parameter.rpartition(".")
    return getattr(field.get_submodule(owner), "levels", ()) if last == "table" else ()
