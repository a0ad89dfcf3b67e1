"""`inr bench gpu`: the first look at a card, at fewer turns."""

from collections.abc import Iterator
from typing import Any

import torch

from inr._errors import InrError
from inr.bench._run import Options
from inr.bench.gpu import machine
from inr.bench.gpu.first import look
from inr.bench.gpu.report import number
from inr.bench.gpu.setting import Bench, Card, Setting

SECONDS = 170.0  # seconds
COLUMNS = ["work", "against", "theirs", "ours", "ratio", "note"]
NOTES = (
    "Times are medians of turns that both sides took one after the other, after warm-up; ratio is theirs by ours for "
    "times, ours by theirs for the share of the peak, and ours less theirs for PSNR.",
    "`make gpu` of a checkout measures more: see docs/gpu.md.",
)


def rows(options: Options) -> Iterator[dict[str, Any]]:
    """Measure one part after the other.

    Raises:
        InrError: There is no NVIDIA GPU that torch can use, or no triton.
    """
    why = machine.problem(dry=options.tiny)
    if why is not None:
        raise InrError(why)
    setting = Setting.tiny() if options.tiny else Setting(repeats=7, first_steps=300, fit_steps=300)
    torch.set_float32_matmul_precision("highest")
    bench = Bench(setting, Card(setting.device))
    for name, said in machine.facts().items():
        if name in ("card", "driver", "CUDA of torch", "triton"):
            yield {"work": name, "note": said}
    for found in look(bench, SECONDS):
        yield {
            "work": found.work, "against": found.against, "theirs": number(found.theirs, found.unit),
            "ours": number(found.ours, found.unit), "ratio": found.ratio, "note": found.note,
        }  # fmt: skip
