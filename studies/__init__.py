"""Studies: what reproduces published results and supports the claims of the documentation.

Each runs from the root of the repository as `python -m studies.NAME`, keeps its rows in `studies/results/` as they are
found, and goes on where it was interrupted. None of them is part of the installed package.
"""

from pathlib import Path

RESULTS = Path(__file__).parent / "results"
