"""The file of a set: an index, then blocks of rows, each with a checksum of its own. Layout: docs/sets.md."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from jaxtyping import Float32, Float64, Int64

from inr._errors import DamagedFile, InrError
from inr._version import __version__
from inr.container import Section
from inr.fitting import Reason
from inr.sets._layout import formula_of, layout_of
from inr.sets._rows import Rows
from inr.signals import Domain

Label = str | int | None

INDEX, ROWS = "index", "rows"
# a coding that readers before sets do not know: they say so, and what would read it
_CODING = "deflated"
_REASONS: tuple[Reason, ...] = ("steps", "target", "diverged")


@dataclass(frozen=True)
class Index:
    """What is known of every field without its weights.

    Attributes:
        names: all different.
        psnr: float64 (n,), in dB; steps: int64 (n,); reasons: why each fit ended.
        sizes: int64 (n, axes), samples along the axes in array order; 0 of scattered samples.
        labels: of the fields; None where they have none.
        counts: int64 (blocks,), how many fields each block of rows holds.
    """

    names: tuple[str, ...]
    psnr: Float64[np.ndarray, " n"]
    steps: Int64[np.ndarray, " n"]
    reasons: tuple[Reason, ...]
    sizes: Int64[np.ndarray, "n axes"]
    labels: tuple[Label, ...] | None
    counts: Int64[np.ndarray, " blocks"]

    def section(self) -> Section:
        """The section of a file that holds it."""
        tensors = {
            "names": _text(self.names),
            "psnr": self.psnr,
            "steps": self.steps,
            "reasons": np.array([_REASONS.index(reason) for reason in self.reasons], np.uint8),
            "sizes": self.sizes,
            "counts": self.counts,
        }
        return Section(INDEX, tensors if self.labels is None else tensors | {"labels": _text(self.labels)}, _CODING)

    @classmethod
    def of_section(cls, section: Section) -> "Index":
        """The index in a section of a file.

        Raises:
            DamagedFile: its tensors do not go together.
        """
        try:
            found = section.tensors
            names = tuple(_parsed(found["names"]))
            labels = tuple(_parsed(found["labels"])) if "labels" in found else None
            reasons = tuple(_REASONS[code] for code in found["reasons"])
            psnr, steps = found["psnr"].astype(np.float64), found["steps"].astype(np.int64)
            sizes, counts = found["sizes"].astype(np.int64), found["counts"].astype(np.int64)
            columns: list[Any] = [psnr, steps, reasons, sizes, names if labels is None else labels]
            agree = {len(column) for column in columns} == {len(names)} and counts.min(initial=1) > 0
            agree = agree and (psnr.ndim, steps.ndim, sizes.ndim, counts.ndim) == (1, 1, 2, 1)
            agree = agree and int(counts.sum()) == len(names) > 0
            distinct = len(set(names)) == len(names) and all(isinstance(name, str) for name in names)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DamagedFile(f"section '{INDEX}' is no index of a set: {error!r}", INDEX) from error
        if not agree:
            raise DamagedFile(f"section '{INDEX}' does not hold together: its columns differ in length", INDEX)
        if not distinct:
            raise DamagedFile(f"section '{INDEX}' names fields twice, or not at all", INDEX)
        if labels is not None and not all(isinstance(label, get_args(Label)) for label in labels):
            raise DamagedFile(f"section '{INDEX}' has labels that are neither words nor whole numbers", INDEX)
        return cls(names, psnr, steps, reasons, sizes, labels, counts)

    @classmethod
    def of_rows(cls, rows: Rows, labels: Sequence[Label] | None) -> "Index":
        """The index of one block.

        Args:
            rows: of the block.
            labels: of its fields.
        """
        sizes = [domain.shape or (0,) * domain.in_dim for domain in rows.domains]
        return cls(
            rows.names, rows.psnr, rows.steps, rows.reasons, np.array(sizes, np.int64),
            None if labels is None else tuple(labels), np.array([len(rows.names)], np.int64),
        )  # fmt: skip

    @classmethod
    def joined(cls, parts: Sequence["Index"]) -> "Index":
        """The index of some blocks, one after the other; fields without a label among labelled ones have none."""
        labelled = any(part.labels is not None for part in parts)
        labels = (label for part in parts for label in part.labels or [None] * len(part.names))
        return cls(
            tuple(name for part in parts for name in part.names),
            np.concatenate([part.psnr for part in parts]),
            np.concatenate([part.steps for part in parts]),
            tuple(reason for part in parts for reason in part.reasons),
            np.concatenate([part.sizes for part in parts]),
            tuple(labels) if labelled else None,
            np.concatenate([part.counts for part in parts]),
        )


@dataclass(frozen=True)
class Block:
    """Some fields of a set.

    Attributes:
        weights: float32 (n, p), a row a field.
        domains: of the fields.
    """

    weights: Float32[np.ndarray, "n p"]
    domains: tuple[Domain, ...]

    def section(self, name: str) -> Section:
        """The section of a file that holds it: rows, and each domain that occurs once, with its number in every row."""
        table: dict[str, int] = {}
        numbers = [table.setdefault(_domain_text(domain), len(table)) for domain in self.domains]
        tensors = {
            "weights": self.weights,
            "domain": np.array(numbers, np.uint32),
            "domains": np.frombuffer(f"[{','.join(table)}]".encode(), np.uint8),
        }
        return Section(name, tensors, base=False)

    @classmethod
    def of_section(cls, section: Section, count: int, width: int) -> "Block":
        """The block in a section of a file.

        Args:
            section: of the file.
            count: of fields; width: of a row.

        Raises:
            DamagedFile: it does not hold what the index says.
        """
        try:
            weights, numbers = section.tensors["weights"], section.tensors["domain"]
            table = [Domain.from_json(each) for each in _parsed(section.tensors["domains"])]
            domains = tuple(table[number] for number in numbers)
        except (InrError, KeyError, IndexError, TypeError, ValueError) as error:
            raise DamagedFile(f"section '{section.name}' is damaged: {error}", section.name) from error
        if weights.shape != (count, width) or weights.dtype != np.float32 or len(domains) != count:
            raise DamagedFile(
                f"section '{section.name}' does not fit the header: weights are {weights.dtype} {weights.shape}, not "
                f"float32 {(count, width)}",
                section.name,
            )
        return cls(weights, domains)


def header_of(domain: Domain, config: Mapping[str, Any], fit: Mapping[str, Any]) -> dict[str, Any]:
    """What the file of a set says of all its fields, as plain JSON.

    Args:
        domain: of the first one, whose axes and channels are those of all.
        config: of the parts.
        fit: what they were fitted with.
    """
    layout = layout_of(domain, config)
    return {
        "set": {"format": 1, "inr": __version__},
        "domain": replace(domain, meta={}, missing=b"").to_json(),
        "field": dict(config),
        "fit": dict(fit),
        "formula": formula_of(domain, config),
        "layout": [{"name": slot.name, "shape": list(slot.shape), "start": slot.start} for slot in layout],
        "parameters": layout[-1].stop,
    }


def block_name(number: int) -> str:
    """The name of the section that holds a block of rows."""
    return f"{ROWS}.{number}"


def _domain_text(domain: Domain) -> str:
    return json.dumps(domain.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _text(values: Iterable[Label]) -> np.ndarray:
    """Words and whole numbers as the bytes of a JSON list."""
    return np.frombuffer(json.dumps(list(values), separators=(",", ":"), ensure_ascii=False).encode(), np.uint8)


def _parsed(array: np.ndarray) -> list[Any]:
    try:
        found = json.loads(array.tobytes())
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(found, list):
        raise ValueError("not a list")
    return found
