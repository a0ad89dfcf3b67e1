"""Both validators of the IIIF Image API on a running server: version 3, level 2, and all that it says it has besides.

    python tools/iiif_validators.py --picture validation.png       # the picture that the image has to show
    python tools/iiif_validators.py http://127.0.0.1:8000/iiif/3 IDENTIFIER

The packages `iiif-validator` and `iiif-validator-ng` share the name of their module, so each is installed in an
environment of its own, once. The first needs libmagic, and the second Python 3.12. The exit status is 0 where all tests
of all validators that can run here pass.
"""

import argparse
import ctypes.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

FOLDER = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "inr-tests" / "iiif"
OLD = "iiif-validator==1.0.5"
NEW = ("iiif-validator-ng==0.1.0", "pyvips[binary]", "rich")

# a picture of 10 x 10 squares, whose colours the validator knows
_DRAW = """
import sys
from PIL import Image
from iiif_validator.validator import ValidationInfo
image = Image.new("RGB", (1000, 1000))
for x, column in enumerate(ValidationInfo().colorInfo):
    for y, colour in enumerate(column):
        image.paste(tuple(colour), (100 * x, 100 * y, 100 * x + 100, 100 * y + 100))
image.save(sys.argv[1])
"""

# one by one and from one seed: it draws places at random, a few of which lie outside of its own pictures
_RUN_NEW = """
import random, sys
random.seed(0)
from iiif_validator.tests.test import IIIFVersion, TargetServer
from iiif_validator.validate import run_tests
passed = failed = 0
for test, results in run_tests(TargetServer(sys.argv[1], sys.argv[2], IIIFVersion.V3), max_threads=1):
    for result in results if isinstance(results, list) else [results]:
        passed, failed = passed + result.success, failed + (not result.success)
        if not result.success:
            print(f"{test.name}: {result.details}, expected {result.expected}, got {result.received}: {result.url}")
print(f"Done ({passed + failed} tests, {failed} failures)")
"""


@dataclass(frozen=True)
class Outcome:
    """What a validator found.

    Attributes:
        validator: its package.
        tests, failures: how many.
        output: all that it printed.
    """

    validator: str
    tests: int
    failures: int
    output: str

    def __str__(self) -> str:
        return f"{self.validator}: {self.tests - self.failures} of {self.tests}"


def lacking() -> str | None:
    """Why the validator of the consortium, which also draws the picture, cannot run here; None where it can."""
    return None if ctypes.util.find_library("magic") else f"{OLD} needs libmagic (apt-get install libmagic1)"


def draw(path: Path) -> None:
    """Draw the picture that the image has to show.

    Args:
        path: a `.png`.
    """
    subprocess.run([_environment("old", sys.executable, [OLD]), "-c", _DRAW, path], check=True, stdout=sys.stderr)


def run_old(server: str, identifier: str) -> Outcome:
    """The validator of the IIIF consortium.

    Args:
        server: the address that identifiers follow.
        identifier: of the image.
    """
    python = _environment("old", sys.executable, [OLD])
    address = urlsplit(server)
    command = [
        python, python.with_name("iiif-validate.py"), "--server", address.netloc, "--prefix", address.path.strip("/"),
        "--scheme", address.scheme, "--identifier", identifier, "--version", "3.0", "--level", "2", "--verbose",
    ]  # fmt: skip
    return _outcome(OLD, command)


def run_new(server: str, identifier: str) -> Outcome | str:
    """The newer validator, of the Bavarian State Library's; or why it cannot run here.

    Args:
        server, identifier: as of `run_old`.
    """
    python = _newer_python()
    if python is None:
        return f"{NEW[0]} needs Python 3.12 or newer, and there is none"
    return _outcome(NEW[0], [_environment("new", python, NEW), "-c", _RUN_NEW, server, identifier])


def _outcome(validator: str, command: Sequence[str | Path]) -> Outcome:
    done = subprocess.run(command, capture_output=True, text=True)
    output = done.stdout + done.stderr
    found = re.search(r"Done \((\d+) tests, (\d+) failures\)", output)
    if found is None:
        raise RuntimeError(f"{validator} did not end: {output}")
    return Outcome(validator, int(found[1]), int(found[2]), output)


def _newer_python() -> str | None:
    if sys.version_info >= (3, 12):
        return sys.executable
    found = [shutil.which(f"python3.{minor}") for minor in (14, 13, 12)]
    found += sorted(map(str, Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python")), reverse=True)
    return next((each for each in found if each and _runs(each)), None)


def _runs(python: str) -> bool:
    """Whether an interpreter is more than a name that stands for none."""
    return subprocess.run([python, "-c", "import ssl, venv"], capture_output=True).returncode == 0


def _environment(name: str, python: str, packages: Sequence[str]) -> Path:
    """The interpreter of an environment with some packages, which is made if it is not there."""
    folder = FOLDER / name
    interpreter = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists() or ready.read_text() != repr(packages):
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *packages], check=True, stdout=sys.stderr)
        ready.write_text(repr(packages))
    return interpreter


def main() -> None:
    """Run both, and say how many tests passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", nargs="?", help="the address that identifiers follow")
    parser.add_argument("identifier", nargs="?", help="of the image")
    parser.add_argument("--picture", type=Path, help="draw the picture that the image has to show, and do nothing else")
    given = parser.parse_args()
    if reason := lacking():
        sys.exit(reason)
    if given.picture:
        draw(given.picture)
        return
    if not given.identifier:
        parser.error("give the address of a server and an identifier")
    outcomes = [run(given.server, given.identifier) for run in (run_old, run_new)]
    for outcome in outcomes:
        if isinstance(outcome, Outcome) and outcome.failures:
            print(outcome.output)
        print(outcome)
    sys.exit(any(isinstance(outcome, Outcome) and outcome.failures for outcome in outcomes))


if __name__ == "__main__":
    main()
