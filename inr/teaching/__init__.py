"""Teachers: which samples the next steps learn from."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.teaching._auto import Auto as Auto
    from inr.teaching._base import Scorer as Scorer
    from inr.teaching._base import Teacher as Teacher
    from inr.teaching._base import teachers as teachers
    from inr.teaching._evos import EVOS as EVOS
    from inr.teaching._expansive import Expansive as Expansive
    from inr.teaching._int import INT as INT
    from inr.teaching._mint import MINT as MINT
    from inr.teaching._mint import communication_matrix as communication_matrix
    from inr.teaching._nint import NINT as NINT
    from inr.teaching._renewed import Renewed as Renewed
    from inr.teaching._soft import Soft as Soft
    from inr.teaching._uniform import Uniform as Uniform
    from inr.teaching._uniform import draw_runs as draw_runs

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Auto": "._auto",
        "EVOS": "._evos",
        "Expansive": "._expansive",
        "INT": "._int",
        "MINT": "._mint",
        "NINT": "._nint",
        "Renewed": "._renewed",
        "Scorer": "._base",
        "Soft": "._soft",
        "Teacher": "._base",
        "Uniform": "._uniform",
        "communication_matrix": "._mint",
        "draw_runs": "._uniform",
        "teachers": "._base",
    },
)
