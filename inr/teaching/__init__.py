"""Teachers: which samples the next steps learn from."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.teaching._base import Teacher, teachers
    from inr.teaching._uniform import Uniform

__all__ = ["Teacher", "Uniform", "teachers"]
__getattr__, _ = lazy_exports(__name__, {"Teacher": "._base", "Uniform": "._uniform", "teachers": "._base"})
