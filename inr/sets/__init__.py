"""Sets of fields: many signals, each fitted by a field of one architecture, in one file."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.sets._defaults import set_recipe as set_recipe
    from inr.sets._recipe import Recipe as Recipe
    from inr.sets._rows import Rows as Rows
    from inr.sets._rows import fit_rows as fit_rows

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Recipe": "._recipe",
        "Rows": "._rows",
        "fit_rows": "._rows",
        "set_recipe": "._defaults",
    },
)
