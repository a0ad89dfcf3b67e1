"""Signals from outside, in processes of their own."""

import signal
import subprocess
import time

import pytest

import inr
from tests.cli.clirun import contents

# long enough to be interrupted, on any machine; each run takes a few seconds otherwise
FIT = (
    "fit", "photo.png", "--steps", "4000", "--batch", "128", "--activation", "sine", "--network",
    "mlp:depth=1,width=16", "--no-comparison", "--events", "log.jsonl",
)  # fmt: skip


# other tests raise SIGINT in their own process
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_field_and_says_how_to_go_on(number, inr_process, photo):
    process = inr_process(*FIT, stdin=subprocess.DEVNULL)
    _wait_for_steps(process, photo.with_name("log.jsonl"))
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err.splitlines()[-1].endswith(f"go on with: inr {' '.join(FIT)} --resume")
    assert "Traceback" not in err
    assert "PSNR" in out
    assert set(contents(photo.parent)) == {"photo.png", "photo.inr", "photo.inr.checkpoint", "log.jsonl"}
    assert inr.load(photo.with_name("photo.inr")).domain.shape == (24, 32)


def _wait_for_steps(process, log):
    """Until the fit has made some steps."""
    while process.poll() is None:
        if log.exists() and log.read_bytes().count(b"\n") > 20:
            return
        time.sleep(0.02)
    pytest.fail(f"the fit ended by itself: {process.communicate()}")
