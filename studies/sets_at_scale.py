"""A set of a hundred thousand fields: memory, size of the file, and runs that are killed.

Signals are scikit-learn's 1,797 digits of 8 x 8 samples in 56 variants each, shifted by up to a sample and of lower
contrast; fields are SIRENs 2x16 with one start, of 30 steps. Each run is a process of its own. A run that is disturbed
ends by SIGKILL several times, wherever it then stands, and goes on with `resume`; its file is compared with that of the
run that nothing disturbed.

    python -m studies.sets_at_scale [--fields 1000 10000 100000] [--kills 5] [--workers 2] [--folder DIR]

Needs scikit-learn. Appends to results/sets_at_scale.tsv, and what is there is not measured again.
"""

import argparse
import hashlib
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

import inr
from inr.bench import machine
from inr.bench.tables import Ledger, Row
from inr.sets import fit_many
from studies import RESULTS

TABLE = RESULTS / "sets_at_scale.tsv"
KEYS = ("fields", "kills")
COLUMNS = (*KEYS, "workers", "seconds", "peak_mb", "file_bytes", "bytes_a_field", "as_undisturbed")
BLOCK = 1_024
SHIFTS = tuple(itertools.product((0, -1, 1), (0, -1, 1)))[:8]
CONTRASTS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)


def digits(count: int) -> Iterator[inr.Signal]:
    """Digits and variants of them, made one by one."""
    from sklearn.datasets import load_digits

    images = load_digits().images
    variants = itertools.product(CONTRASTS, SHIFTS, range(len(images)))
    for contrast, shift, place in itertools.islice(variants, count):
        image = np.rint(contrast * np.roll(images[place], shift, (0, 1))).astype(np.uint8)
        yield inr.from_array(image, kind="image", value_range=(0, 16))


def fit(path: Path, count: int, workers: int, *, resume: bool) -> None:
    """What the processes do: fit, or go on, and print seconds and the most memory."""
    begin = time.perf_counter()
    fit_many(
        digits(count), names=(f"{number:06d}" for number in range(count)), activation="sine:omega=10",
        network="mlp:depth=2,width=16", steps=30, learning_rate=9e-3, block=BLOCK, workers=workers, out=path,
        resume=resume,
    )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": f"{time.perf_counter() - begin:.1f}", "peak_mb": f"{peak:.0f}"}))


def process(path: Path, count: int, workers: int, *, resume: bool) -> "subprocess.Popen[str]":
    """A run that was begun."""
    command = [sys.executable, "-m", "studies.sets_at_scale", "--fit", str(path), "--fields", str(count)]
    command += ["--workers", str(workers), *(["--resume"] if resume else [])]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finished(path: Path, count: int, workers: int, *, resume: bool = False) -> Row:
    """A run to its end."""
    run = process(path, count, workers, resume=resume)
    told, _ = run.communicate()
    if run.returncode:
        raise SystemExit(f"a run of {count:,} fields ended with status {run.returncode}")
    size = path.stat().st_size
    return {
        "workers": str(workers), **json.loads(told.splitlines()[-1]), "file_bytes": str(size),
        "bytes_a_field": f"{size / count:.1f}",
    }  # fmt: skip


def killed(path: Path, count: int, workers: int, kills: int) -> None:
    """Runs that are killed, each somewhat further than the one before."""
    blocks = -(-count // BLOCK)
    for kill in range(kills):
        wanted = blocks * (kill + 1) // (kills + 1)
        run = process(path, count, workers, resume=kill > 0)
        while len(list(path.with_name(f"{path.name}.blocks").glob("*.rows.inr"))) < wanted and run.poll() is None:
            time.sleep(0.01)
        if run.poll() is not None:
            raise SystemExit("a run ended before it could be killed")
        run.kill()
        run.communicate()


def beside(whole: Path, disturbed: Path, count: int, workers: int, kills: int) -> Row:
    """A run that is killed some times, beside one that is not."""
    if not whole.exists():
        finished(whole, count, workers)
    killed(disturbed, count, workers, kills)
    row = finished(disturbed, count, workers, resume=True)
    return row | {"as_undisturbed": "yes" if digest(disturbed) == digest(whole) else "no"}


def digest(path: Path) -> str:
    """Of all bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", nargs="+", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for the files, which are deleted; a temporary one if not given")
    parser.add_argument("--fit", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--resume", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        fit(options.fit, options.fields[0], options.workers, resume=options.resume)
        return
    ledger = Ledger(TABLE, COLUMNS, KEYS, machine.describe())
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for count in options.fields:
            whole, disturbed = Path(folder) / f"{count}.inr", Path(folder) / f"{count}.killed.inr"
            workers, kills = options.workers, options.kills
            ledger.once({"fields": str(count), "kills": "0"}, partial(finished, whole, count, workers))
            if kills and count > BLOCK * kills:
                row = partial(beside, whole, disturbed, count, workers, kills)
                ledger.once({"fields": str(count), "kills": str(kills)}, row)
            for path in (whole, disturbed):
                path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
