"""What every test needs: run-time checks of the package's annotations, the shared data, and the tiers.

Tests marked `quick` are what `make quick` runs, with `--quick`: contracts in two dimensions on one engine and the main
paths of the command line. Those marked `long` run with `--long` only, which `make test-all` gives.
"""

import os
from pathlib import Path

import hypothesis
import jaxtyping
import pytest

# Before anything imports inr: every call checks its arguments' types, and tensors' shapes and dtypes.
# A whole number passes where a float is asked for, as type checkers have it.
jaxtyping.install_import_hook("inr", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

ROOT = Path(__file__).resolve().parents[1]

# Reproducible everywhere: no clock, no database of earlier failures, the same examples in every run. Drawing examples
# is timed as well, by a health check that a busy machine fails.
hypothesis.settings.register_profile(
    "inr", deadline=None, derandomize=True, database=None, max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)  # fmt: skip
hypothesis.settings.load_profile("inr")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests marked long")
    parser.addoption("--quick", action="store_true", help="run the tests marked quick only")


def pytest_configure(config: pytest.Config) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores already
        os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files without quick tests are not even imported for `--quick`, which would take longer than running it."""
    wanted = config.getoption("--quick") and collection_path.suffix == ".py"
    return True if wanted and "mark.quick" not in collection_path.read_text(encoding="utf-8") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long") or "long" in config.getoption("markexpr"):
        return
    if config.getoption("--quick"):
        left_out = [item for item in items if "quick" not in item.keywords or "long" in item.keywords]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if "quick" in item.keywords and "long" not in item.keywords]
        return
    skip = pytest.mark.skip(reason="long; runs with --long (make test-all)")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Kodak pictures, sounds, volumes … that do not travel with the repository."""
    folder = Path(os.environ.get("INR_SHARED", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder} (set INR_SHARED)")
    return folder
