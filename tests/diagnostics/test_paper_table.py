"""Tables for papers: what is bold, how numbers are written, and that no name breaks the source."""

import math
import re

import pytest

from inr.diagnostics import Run, latex_table, markdown_table

NOTHING = dict.fromkeys(("psnr", "holdout", "between", "ssim", "snr", "seconds", "steps", "parameters"), math.nan)


def run(title, note="", ranked=True, deviation=None, **metrics):
    return Run(title, NOTHING | metrics, note, ranked=ranked, deviation=deviation or {})


RUNS = [
    run("hash_2 | 50%", deviation={"psnr": 0.504, "ssim": 0.001}, psnr=38.126, ssim=0.98765, seconds=4.0,
        parameters=12_345),
    run("siren & co", psnr=31.0, ssim=0.99, seconds=1.25, parameters=900, deviation={"psnr": 1.0}),
    run("wire", "diverged at step 3", ranked=False, psnr=50.0, ssim=1.0, seconds=0.5, parameters=10),
]  # fmt: skip


def test_markdown():
    lines = markdown_table(RUNS, ["All equal.", "On one machine."], ["a: --x", "b --> c"]).splitlines()
    assert lines == [
        "|  | PSNR, dB | SSIM | seconds | parameters |",
        "|---|---:|---:|---:|---:|",
        r"| hash_2 \| 50% | **38.13 ± 0.50** | 0.9877 ± 0.0010 | 4.00 | 12,345 |",
        "| siren & co | 31.00 ± 1.00 | **0.9900** | **1.25** | **900** |",
        "| wire (diverged at step 3) | 50.00 | 1.0000 | 0.50 | 10 |",
        "", "All equal.", "On one machine.", "", "<!--", "a: --x", "b -- > c", "-->",
    ]  # fmt: skip


def test_latex():
    lines = [line.strip() for line in latex_table(RUNS, ["50 % ± 2"], ["a: {1}"]).splitlines()]
    assert lines[:6] == [
        "% a: {1}", r"\begin{table}", r"\centering", r"\begin{tabular}{lrrrr}", r"\toprule",
        r"& PSNR, dB & SSIM & seconds & parameters \\",
    ]  # fmt: skip
    assert lines[7:10] == [
        r"hash\_2 \textbar{} 50\% & \textbf{38.13$\,\pm\,$0.50} & 0.9877$\,\pm\,$0.0010 & 4.00 & 12,345 \\",
        r"siren \& co & 31.00$\,\pm\,$1.00 & \textbf{0.9900} & \textbf{1.25} & \textbf{900} \\",
        r"wire (diverged at step 3) & 50.00 & 1.0000 & 0.50 & 10 \\",
    ]
    assert lines[10:] == [r"\bottomrule", r"\end{tabular}", r"\caption{50 \% $\pm$ 2}", r"\end{table}"]


@pytest.mark.parametrize("title", ["a{b}", "x^2 ~ $y$", "c:\\new", "#1 <b>"])
def test_no_name_breaks_the_source(title):
    (row,) = [line for line in latex_table([run(title, psnr=1.0)]).splitlines() if "1.00" in line]
    name = row.rpartition(" & ")[0].strip()
    # commands and escapes aside, nothing is left that LaTeX reads
    assert not re.search(r"[\\{}$&#^~%_<>]", re.sub(r"\\[a-z]+\{\}|\\[{}$&#%_]", "", name))


def test_exact_fits_held_out_samples_and_steps_that_differ():
    runs = [run("a", psnr=math.inf, holdout=20.0, steps=10), run("b", psnr=30.0, holdout=21.0, steps=2000)]
    lines = markdown_table(runs).splitlines()
    assert lines[0] == "|  | held out, dB | PSNR, dB | steps |"
    assert lines[2:] == ["| a | 20.00 | **exact** | 10 |", "| b | **21.00** | 30.00 | 2,000 |"]
    assert markdown_table([run("a", psnr=1.0)]).splitlines()[2] == "| a | 1.00 |"  # alone there is no best
