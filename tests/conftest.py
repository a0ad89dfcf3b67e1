"""What every test needs: run-time checks of the package's annotations, the shared data, the `long` marker."""

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


def pytest_configure(config: pytest.Config) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores already
        os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long") or "long" in config.getoption("markexpr"):
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
