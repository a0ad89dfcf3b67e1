"""Sets as files that other programs read: safetensors and Parquet."""

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import DamagedFile, InrError, MissingExtra
from inr._files import check_writable, replacing
from inr._json import finite
from inr.sets._fields import Fields
from inr.sets._file import Label


def export(fields: Fields, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write the weights of a set, with names, labels and measures, for other programs.

    Fields of damaged blocks are left out, and a warning names them.

    A .safetensors file has a tensor for every one of a field, with an axis over the fields before its own, besides
    `psnr` (float64), `steps` (int64) and, where all labels are whole numbers, `label` (int64); its metadata hold, as
    JSON, `names`, `labels`, `reasons` and what `inr info` says of all fields, `formula` included. A .parquet file has a
    row a field with the columns name, label, psnr, steps, reason, size and weights, a list of float32; its metadata
    hold the same of all fields under `inr`.

    Args:
        fields: the set.
        path: what to write; its suffix, .safetensors or .parquet, says as what.
        force: overwrite a file that is there.

    Raises:
        InrError: another suffix, a file that exists, or one that cannot be written.
        MissingExtra: pyarrow, which writes Parquet, is not installed.
    """
    path = Path(path)
    writers: dict[str, Callable[[Fields, Path, Path], None]] = {
        ".safetensors": _write_safetensors, ".parquet": _write_parquet
    }  # fmt: skip
    if path.suffix.lower() not in writers:
        raise InrError(f"{path}: a set is exported as {' or '.join(writers)}; give one of these suffixes")
    if path.suffix.lower() == ".parquet":
        _pyarrow(path)
    check_writable(path, force=force)
    with replacing(path, force=force) as temporary:
        writers[path.suffix.lower()](fields, temporary, path)


def _shared(fields: Fields) -> dict[str, str]:
    """What all fields have in common, as JSON by what it is."""
    parts = ("set", "field", "fit", "formula", "layout", "domain")
    return {key: json.dumps(finite(fields.header[key]), ensure_ascii=False) for key in parts}


def _write_safetensors(fields: Fields, temporary: Path, path: Path) -> None:
    from safetensors.numpy import save_file

    kept = _undamaged(fields)
    weights = np.concatenate([rows for _, rows in kept])
    places = np.concatenate([np.arange(start, start + len(rows)) for start, rows in kept])
    tensors = {
        slot.name: np.ascontiguousarray(weights[:, slot.start : slot.stop]).reshape(len(weights), *slot.shape)
        for slot in fields.layout
    }
    tensors |= {"psnr": fields.psnr[places], "steps": fields.steps[places]}
    labels = _at(fields.labels, places)
    if labels is not None and all(isinstance(label, int) for label in labels):
        tensors["label"] = np.array(labels, np.int64)
    listed = {"names": _at(fields.names, places), "reasons": _at(fields.reasons, places), "labels": labels}
    told = {key: json.dumps(value, ensure_ascii=False) for key, value in listed.items() if value is not None}
    save_file(tensors, temporary, metadata={"format": "np"} | _shared(fields) | told)


def _write_parquet(fields: Fields, temporary: Path, path: Path) -> None:
    arrow, parquet = _pyarrow(path)
    width = fields.layout[-1].stop
    kind = arrow.int64() if _are_numbers(fields.labels) else arrow.string()
    schema = arrow.schema(
        [("name", arrow.string()), ("label", kind), ("psnr", arrow.float64()), ("steps", arrow.int64()),
         ("reason", arrow.string()), ("size", arrow.list_(arrow.int64())),
         ("weights", arrow.list_(arrow.float32(), width))],
        metadata={"inr": json.dumps({key: json.loads(text) for key, text in _shared(fields).items()})},
    )  # fmt: skip
    with parquet.ParquetWriter(temporary, schema) as writer:
        for start, rows in fields.blocks():
            places = np.arange(start, start + len(rows))
            labels = _at(fields.labels, places) or [None] * len(places)
            if kind != arrow.int64():
                labels = [None if label is None else str(label) for label in labels]
            columns = [
                _at(fields.names, places), labels, fields.psnr[places], fields.steps[places],
                _at(fields.reasons, places), fields.sizes[places].tolist(),
                arrow.FixedSizeListArray.from_arrays(arrow.array(rows.ravel()), width),
            ]  # fmt: skip
            arrays = [
                column if isinstance(column, arrow.Array) else arrow.array(column, field.type)
                for column, field in zip(columns, schema, strict=True)
            ]
            writer.write_batch(arrow.RecordBatch.from_arrays(arrays, schema=schema))


def _undamaged(fields: Fields) -> list[tuple[int, np.ndarray]]:
    kept = list(fields.blocks())
    if not kept:
        raise DamagedFile("all blocks of the set are damaged", "rows.0")
    return kept


def _at(values: Any, places: np.ndarray) -> list[Any] | None:
    return None if values is None else [values[place] for place in places]


def _are_numbers(labels: tuple[Label, ...] | None) -> bool:
    return labels is not None and all(label is None or isinstance(label, int) for label in labels)


def _pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", f"writing {path}") from None
