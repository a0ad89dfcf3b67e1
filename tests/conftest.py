"""What every test needs: run-time checks of the package's annotations, the shared data, and the tiers.

Tests marked `quick` are what `make quick` runs, with `--quick`: contracts in two dimensions on one engine and the main
paths of the command line. Those marked `long` run with `--long` only, which `make test-all` gives. Those marked
`service` hold the service against outside suites and browsers: `make test-service` runs them alone, with `--service`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import jaxtyping
import pytest
import torch

from tests.two_machines import machines as machines  # fixtures, which their own module explains
from tests.two_machines import two_machines as two_machines

if TYPE_CHECKING:
    from inr.fitting import Fitter

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
    parser.addoption("--service", action="store_true", help="run the tests marked service only")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long") or config.getoption("--quick"):
        # Before anything imports inr: every call checks its arguments' types, and tensors' shapes and dtypes, in a third
        # of the time of all tests. A whole number passes where a float is asked for, as type checkers have it.
        jaxtyping.install_import_hook("inr", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")
    if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores already
        os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"  # for processes that tests begin
        torch.set_num_threads(1)  # which has read its variable already


def _only(config: pytest.Config) -> str | None:
    """The mark without which no test runs, as `--quick` and `--service` ask for it."""
    return next((mark for mark in ("quick", "service") if config.getoption(f"--{mark}")), None)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files without a test that is asked for are not even imported, which would take longer than running those."""
    only = _only(config)
    wanted = only and collection_path.suffix == ".py"
    return True if wanted and f"mark.{only}" not in collection_path.read_text(encoding="utf-8") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The canary of the kernel runtime comes first, for it says in words what makes hundreds of others fail.
    items.sort(key=lambda item: item.path.name != "test_numba.py")
    only = _only(config)
    left_out = {"quick": {"long", "service"}, "service": set(), None: {"long", "service"}}[only]
    if config.getoption("--long") or "long" in config.getoption("markexpr"):
        left_out = left_out - {"long"}
    kept = [item for item in items if (only in _marks(item) or not only) and _marks(item).isdisjoint(left_out)]
    config.hook.pytest_deselected(items=list(set(items).difference(kept)))
    items[:] = kept


def _marks(item: pytest.Item) -> set[str]:
    return {mark.name for mark in item.iter_markers()}


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


@pytest.fixture
def resumes_exactly(tmp_path: Path) -> Callable[..., None]:
    """A check that an interrupted fit goes on bit for bit, whatever the processor.

    What a fit keeps between steps must have the layout in memory that reading it from a checkpoint gives it: a product
    of equal matrices that are laid out differently may be rounded differently. The check compares the strides of all
    that is kept on both sides of a checkpoint, then the bits of the field at the end.
    """

    def check(fitter: "Callable[..., Fitter]", cut: int) -> None:
        path = tmp_path / "fit.checkpoint"
        whole = fitter()
        for _ in whole.run():
            pass
        first = fitter(checkpoint=path)
        for event in first.run():
            if event.step == cut:
                first.stop()
        assert event.reason == "interrupted"
        second = fitter(checkpoint=path, resume=True)
        events = second.run()
        next(events)  # teachers take up their state here
        assert _strides(_kept(second)) == _strides(_kept(first))
        for _ in events:
            pass
        expected, found = whole.field.state_dict(), second.field.state_dict()
        assert found.keys() == expected.keys()
        for name, tensor in expected.items():
            assert torch.equal(found[name], tensor), name

    return check


def _kept(fitter: "Fitter") -> dict[str, torch.Tensor]:
    """All tensors that a fit keeps between steps."""
    parametrisation = fitter._parametrisation
    groups = {
        "field": fitter.field.state_dict(),
        "leaves": parametrisation.leaves,
        "parametrisation": parametrisation.state(),
        "optimiser": fitter._optimiser.state(),
        "teacher": fitter._teacher.state(),
    }
    return {f"{group} {name}": tensor for group, tensors in groups.items() for name, tensor in tensors.items()}


def _strides(tensors: dict[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Strides by name, of axes along which there is more than one number."""
    return {
        name: tuple(stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1)
        for name, tensor in tensors.items()
    }
