"""Fields as files of ONNX and of torch.export, for any number of points at once."""

import contextlib
import io
import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from inr._errors import InrError, MissingExtra
from inr.field import Field

OLDEST_OPSET = 18  # of which torch's exporter has implementations; what it converts down to, it does not check
_POINTS = 7  # in the example; what is recorded holds for any number


class InUnits(nn.Module):
    """A field whose values are in the signal's own units.

    Args:
        field: any.
    """

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field

    def forward(self, coords: Tensor) -> Tensor:
        """Coordinates (n, D) in [-1, 1] to values (n, C)."""
        return self.field.domain.values.restore(self.field(coords))


def exported(module: nn.Module, in_dim: int, dtype: torch.dtype) -> torch.export.ExportedProgram:
    """A module of coordinates as torch.export has it, for two points and more."""
    coords = torch.linspace(-0.9, 0.8, _POINTS * in_dim, dtype=dtype).reshape(_POINTS, in_dim)
    sizes = {"coords": {0: torch.export.Dim("points", min=2)}}
    with _silent():
        return torch.export.export(module.eval(), (coords,), dynamic_shapes=sizes)


def pt2(field: Field, path: Path) -> None:
    """Write a field as an archive of torch.export, which `torch.export.load(path).module()` reads.

    Args:
        field: any, on the processor.
        path: where to.
    """
    with _silent():
        torch.export.save(exported(InUnits(field), field.domain.in_dim, field.dtype), path)


def onnx(field: Field, path: Path, opset: int | None) -> None:
    """Write a field as a model of ONNX, from "coords" (n, D) in [-1, 1] to "values" (n, C).

    Args:
        field: any, on the processor.
        path: where to.
        opset: version of ONNX's operators; None for torch's choice.

    Raises:
        MissingExtra: onnx or onnxscript are not installed.
        InrError: an opset that is too old, or not known to what is installed; an operation that ONNX lacks.
    """
    save_onnx(InUnits(field), field.domain.in_dim, field.dtype, path, opset)


def save_onnx(module: nn.Module, in_dim: int, dtype: torch.dtype, path: Path, opset: int | None) -> None:
    """As `onnx`, of any module of coordinates."""
    check_opset(opset)
    program = exported(module, in_dim, dtype)
    names = {"input_names": ["coords"], "output_names": ["values"]}
    try:
        with _silent():
            made = torch.onnx.export(program, opset_version=opset, dynamo=True, **names)  # type: ignore[arg-type]
            assert made is not None
            made.save(path)
    except torch.onnx.errors.OnnxExporterError as error:
        first = next((line for line in str(error).splitlines() if line.strip()), "it says no more")
        raise InrError(f"ONNX cannot express this field ({first}); --to pt2 keeps any field") from error


def check_opset(opset: int | None) -> None:
    """Refuse versions of ONNX's operators that cannot be written.

    Raises:
        MissingExtra: onnx or onnxscript are not installed.
        InrError: a version that is too old or too new.
    """
    try:
        import onnxscript  # noqa: F401
        from onnx.defs import onnx_opset_version
    except ImportError:
        raise MissingExtra("onnx with onnxscript", "onnx", "--to onnx") from None
    newest = onnx_opset_version()
    if opset is not None and not OLDEST_OPSET <= opset <= newest:
        age = "old" if opset < OLDEST_OPSET else "new"
        raise InrError(f"opset {opset} is too {age}: take one from {OLDEST_OPSET} to {newest}, or leave out --opset")


@contextlib.contextmanager
def _silent():  # type: ignore[no-untyped-def]
    """Without what torch's exporters print of their own progress."""
    loud = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [each.level for each in loud]
    for each in loud:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loud, levels, strict=True):
            each.setLevel(level)
