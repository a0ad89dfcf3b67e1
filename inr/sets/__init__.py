"""Sets of fields: many signals, each fitted by a field of one architecture, in one file."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.sets._defaults import set_recipe as set_recipe
    from inr.sets._fields import Fields as Fields
    from inr.sets._fit_many import BLOCK as BLOCK
    from inr.sets._fit_many import SetProgress as SetProgress
    from inr.sets._fit_many import fit_many as fit_many
    from inr.sets._fit_many import sheet_path as sheet_path
    from inr.sets._groups import whole_fit as whole_fit
    from inr.sets._kept import blocks_path as blocks_path
    from inr.sets._kind import is_set as is_set
    from inr.sets._layout import Slot as Slot
    from inr.sets._open import load_set as load_set
    from inr.sets._recipe import Recipe as Recipe
    from inr.sets._rows import Rows as Rows
    from inr.sets._rows import fit_rows as fit_rows
    from inr.sets._sheet import contact_sheet as contact_sheet
    from inr.sets._tables import export as export

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "BLOCK": "._fit_many",
        "Fields": "._fields",
        "Recipe": "._recipe",
        "Rows": "._rows",
        "SetProgress": "._fit_many",
        "Slot": "._layout",
        "blocks_path": "._kept",
        "contact_sheet": "._sheet",
        "export": "._tables",
        "fit_many": "._fit_many",
        "fit_rows": "._rows",
        "is_set": "._kind",
        "load_set": "._open",
        "set_recipe": "._defaults",
        "sheet_path": "._fit_many",
        "whole_fit": "._groups",
    },
)
