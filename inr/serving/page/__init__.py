"""The page of the fitting service: what a browser loads, as it is, with no build step."""

from pathlib import Path

FOLDER = Path(__file__).parent
"""Where `index.html` lies, and beside it all that it loads."""

EXAMPLE = FOLDER / "chelsea.png"
"""The picture that visitors may try the service with."""

__all__ = ["EXAMPLE", "FOLDER"]
