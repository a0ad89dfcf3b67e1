"""Fits on the machines of a cluster: tasks go out, rows and files come back."""

import math
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

from inr._cluster import Cluster, modules_of
from inr._files import replacing
from inr.fitting import one_thread
from inr.sweeping._processes import Inputs, OnStep
from inr.sweeping._rows import Row
from inr.sweeping._run import failed_row, run_task
from inr.sweeping._tasks import PARTS, Task

Files = dict[str, bytes]


def run_away(
    tasks: Sequence[Task], inputs: Inputs, cluster: Cluster, jobs: int, on_step: OnStep
) -> Generator[Row, None, None]:
    """Run tasks on a cluster, a core each; yields rows as they are finished, their files written here.

    A task whose process or machine dies is run again; one that dies every time gives a row that says so.
    """
    modules = modules_of(PARTS[part].info(name).cls for task in tasks for part, name in task.parts().items())

    def sent() -> Generator[tuple[Task, Task], None, None]:
        for task in tasks:
            on_step(task, 0, 0, math.nan)
            yield task, task

    for outcome in cluster.run(_run_task, inputs, sent(), modules=modules, at_once=jobs):
        task = outcome.key
        if outcome.value is None:
            source = inputs.sources[task.place]
            yield failed_row(task, inputs.signals[task.place], source, outcome.failure or "")
            continue
        row, files = outcome.value
        for name, content in files.items():
            assert inputs.folder is not None
            with replacing(inputs.folder / name, force=True) as temporary:
                temporary.write_bytes(content)
        yield row


def _run_task(inputs: Inputs, task: Task) -> tuple[Row, Files]:
    """A task: the row, and the files that the fit leaves."""
    with tempfile.TemporaryDirectory(prefix="inr-sweep-") as folder, one_thread():
        kept = None if inputs.folder is None else Path(folder)
        row = run_task(task, inputs.signals[task.place], inputs.sources[task.place], kept, lambda *_: None)
        return row, {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
