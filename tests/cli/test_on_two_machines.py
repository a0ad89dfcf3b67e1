"""Commands on a real Ray cluster of two machines in network namespaces: a worker dies, a cluster goes away."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.clirun import one_line
from tests.two_machines import TwoMachines, is_head, is_raylet, is_worker, with_ray

pytestmark = [pytest.mark.long, with_ray]
PARTS = ("--network", "mlp:depth=2,width=32", "--activation", "sine", "--encoding", "identity")
FITS = (*PARTS, "--steps", "3000", "--exact", "--quiet")
LEARNING = ("--network", "mlp:depth=1,width=16", "--method", "maml:inner_steps=2", "--steps", "40", "--quiet")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eight small pictures."""
    (tmp_path / "photos").mkdir()
    y, x = np.indices((24, 24))
    for place in range(8):
        pixels = (127 + 90 * np.sin((x + place * y) / 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{place}.png")
    return tmp_path / "photos"


def here(machines: TwoMachines, folder: Path, *words: str) -> None:
    """Run a command on one thread, without a cluster."""
    command = [sys.executable, "-m", "inr", *words]
    subprocess.run(command, check=True, cwd=folder, env={**machines.environment, "OMP_NUM_THREADS": "1"})


def test_jobs_of_a_queue_sweeps_and_learning_have_the_bytes_of_this_machine(machines, photos, tmp_path):
    def away(*words: str) -> "subprocess.Popen[str]":
        return machines.start(sys.executable, "-m", "inr", *words, "--on", machines.address, cwd=tmp_path)

    with away("fit-many", "photos", "-o", "away", *FITS) as run:
        killed = 0
        while run.poll() is None and not killed:
            if any(tmp_path.glob("away/*.png.inr")):  # one is done, others are under way
                killed = machines.kill(1, is_worker, most=1)
            time.sleep(0.1)
        _, said = run.communicate()
    assert (run.returncode, killed) == (0, 1), said
    here(machines, tmp_path, "fit-many", "photos", "-o", "here", *FITS, "--workers", "1")
    for path in photos.iterdir():
        assert (tmp_path / "away" / f"{path.name}.inr").read_bytes() == (
            tmp_path / "here" / f"{path.name}.inr"
        ).read_bytes()

    with away("learn", "photos", "-o", "away.inr", *LEARNING, "--checkpoint-every", "1") as run:
        _, said = run.communicate()
    assert run.returncode == 0, said
    here(machines, tmp_path, "learn", "photos", "-o", "here.inr", *LEARNING)
    assert (tmp_path / "away.inr").read_bytes() == (tmp_path / "here.inr").read_bytes()

    sweep = ("sweep", "photos/0.png", "--activation", "sine,relu", "--network", "mlp:depth=1,width=16", "--steps", "40")
    with away(*sweep, "-o", "away.sweep", "--quiet") as run:
        _, said = run.communicate()
    assert run.returncode == 0, said
    here(machines, tmp_path, *sweep, "-o", "here.sweep", "--quiet", "--jobs", "1")
    fields = sorted(path.name for path in (tmp_path / "here.sweep" / "fits").glob("*.inr"))
    assert len(fields) == 2
    for name in fields:
        of = [tmp_path / each / "fits" / name for each in ("away.sweep", "here.sweep")]
        assert of[0].read_bytes() == of[1].read_bytes()


def test_a_cluster_that_goes_away_is_one_line_and_what_is_done_is_kept(machines, photos, tmp_path):
    words = ("fit-many", "photos", "-o", "away", *FITS)
    with machines.start(sys.executable, "-m", "inr", *words, "--on", machines.address, cwd=tmp_path) as run:
        while run.poll() is None and not any(tmp_path.glob("away/*.png.inr")):
            time.sleep(0.1)
        assert run.poll() is None, run.communicate()
        for place in (0, 1):
            machines.kill(place, lambda title: is_head(title) or is_raylet(title))
        _, said = run.communicate()
    assert run.returncode == 2, said
    assert "does not answer any more; what is done is kept" in one_line(said)
    here(machines, tmp_path, *words, "--workers", "1")
    assert len(list(tmp_path.glob("away/*.png.inr"))) == 8
