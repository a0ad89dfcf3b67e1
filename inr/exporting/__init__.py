"""Fitted fields as programs of other languages: C, JavaScript, GLSL, WGSL, ONNX and torch.export's archives."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.exporting._export import Target as Target
    from inr.exporting._export import export as export
    from inr.exporting._export import printed as printed

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Target": "._export",
        "export": "._export",
        "printed": "._export",
    },
)
