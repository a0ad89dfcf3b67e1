"""Which runs there are, which are missing, and the table they are kept in."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from inr.bench.machine import describe
from inr.bench.tables import append, read
from studies.fidelity import bands, cam, comparable, finer, fourier, sape, shifted, siren, snake, wavelets
from studies.fidelity.study import Found, Setting, Study

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        comparable.STUDY, bands.STUDY, snake.STUDY, shifted.STUDY, sape.STUDY_1D, fourier.STUDY, finer.STUDY,
        cam.STUDY, sape.STUDY, wavelets.STUDY, siren.STUDY,
    )
}  # fmt: skip
COLUMNS = ("study", "scale", "method", "signal", "seed", "values", "seconds")


@dataclass(frozen=True)
class Job:
    """One run, told so that another process can make it."""

    setting: Setting
    study: str
    method: str
    signal: str
    seed: int
    comment: str

    @property
    def key(self) -> tuple[str, ...]:
        """What the table knows it by."""
        return self.study, self.setting.scale, self.method, self.signal, str(self.seed)


def table(results: Path) -> Path:
    """The table of runs."""
    return results / "fidelity_runs.tsv"


def missing(setting: Setting, studies: Sequence[str], seeds: Sequence[int]) -> list[Job]:
    """Runs that the table lacks; the quick scale has the quick studies only."""
    done = {
        (row["study"], row["scale"], row["method"], row["signal"], row["seed"]) for row in read(table(setting.results))
    }
    comment = describe()
    jobs: list[tuple[int, Job]] = []
    for name in studies:
        if setting.scale != "quick" or STUDIES[name].quick:
            runs = STUDIES[name].runs(setting, seeds)
            signals = list(dict.fromkeys(run.signal for run in runs))
            jobs += [
                (signals.index(run.signal), Job(setting, name, run.method, run.signal, run.seed, comment))
                for run in runs
            ]
    jobs.sort(
        key=lambda ranked: ranked[0]
    )  # every study's first signal first: an interrupted set tells something of each
    return [job for _, job in jobs if job.key not in done]


def alone() -> None:
    """Make a worker keep to one core."""
    torch.set_num_threads(1)


def make(job: Job) -> str:
    """Make a run and keep it; a line that says what came out."""
    runs = STUDIES[job.study].runs(job.setting, [job.seed])
    run = next(run for run in runs if (run.method, run.signal) == (job.method, job.signal))
    start = time.perf_counter()
    values = run.make()
    row = dict(zip(COLUMNS, [*job.key, json.dumps(values), f"{time.perf_counter() - start:.0f}"], strict=True))
    append(table(job.setting.results), COLUMNS, row, job.comment)
    return f"{job.study}: {job.method}, {job.signal}: {row['values']} in {row['seconds']} s"


def found(results: Path, study: str, scale: str) -> Found:
    """Finished runs of a study at a scale."""
    rows = [row for row in read(table(results)) if (row["study"], row["scale"]) == (study, scale)]
    return Found({(row["method"], row["signal"], int(row["seed"])): json.loads(row["values"]) for row in rows})
