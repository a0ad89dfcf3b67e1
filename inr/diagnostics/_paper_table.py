"""Fits side by side as a table for a paper: LaTeX with booktabs, and Markdown."""

import re
from collections.abc import Sequence

from inr.diagnostics._columns import Column, columns_of
from inr.diagnostics._comparison import Run

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "|": r"\textbar{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "±": r"$\pm$", "×": r"$\times$", "–": "--", "…": r"\dots{}",
}  # fmt: skip


def latex_table(runs: Sequence[Run], facts: Sequence[str] = (), record: Sequence[str] = ()) -> str:
    r"""A table in LaTeX, which needs the package booktabs; the best of every column is bold.

    Args:
        runs: the fits, the best first.
        facts: what was equal for all, as the caption.
        record: lines that are written before it as comments.

    Returns:
        The source of one table environment.

    >>> run = inr.diagnostics.Run("hash_a", {"psnr": 38.127, "seconds": 4.2})
    >>> print(inr.diagnostics.latex_table([run]).splitlines()[6])
        hash\_a & 38.13 & 4.20 \\
    """
    columns = columns_of(runs)
    heads = [_escaped(column.heading) for column in columns]
    lines = [*(f"% {line}" for line in record), r"\begin{table}", r"  \centering"]
    lines += [r"  \begin{tabular}{l" + "r" * len(columns) + "}", r"    \toprule"]
    lines += ["    " + " & ".join(["", *heads]).lstrip() + r" \\", r"    \midrule"]
    for run in runs:
        cells = [_cell(column, run, runs, r"$\,\pm\,$", r"\textbf{{{}}}") for column in columns]
        lines.append("    " + " & ".join([_escaped(_titled(run)), *cells]) + r" \\")
    lines += [r"    \bottomrule", r"  \end{tabular}"]
    if facts:
        lines.append(r"  \caption{" + _escaped(" ".join(facts)) + "}")
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def markdown_table(runs: Sequence[Run], facts: Sequence[str] = (), record: Sequence[str] = ()) -> str:
    """A table in Markdown; the best of every column is bold.

    Args:
        runs, facts, record: as of `latex_table`.

    Returns:
        The table, what was equal for all below it, and the record as a comment.

    >>> run = inr.diagnostics.Run("hash", {"psnr": 38.127, "seconds": 4.2}, deviation={"psnr": 0.5})
    >>> print(inr.diagnostics.markdown_table([run]))
    |  | PSNR, dB | seconds |
    |---|---:|---:|
    | hash | 38.13 ± 0.50 | 4.20 |
    <BLANKLINE>
    """
    columns = columns_of(runs)
    lines = ["| " + " | ".join(["", *(column.heading for column in columns)]) + " |"]
    lines.append("|---|" + "---:|" * len(columns))
    for run in runs:
        cells = [_cell(column, run, runs, " ± ", "**{}**") for column in columns]
        lines.append("| " + " | ".join([_titled(run).replace("|", r"\|"), *cells]) + " |")
    if facts:
        lines += ["", *facts]
    if record:
        lines += ["", "<!--", *(line.replace("-->", "-- >") for line in record), "-->"]
    return "\n".join(lines) + "\n"


def _cell(column: Column, run: Run, runs: Sequence[Run], plus_minus: str, bold: str) -> str:
    text = column.written(run, plus_minus)
    return bold.format(text) if run.ranked and run.metrics[column.name] == column.best(runs) else text


def _titled(run: Run) -> str:
    """What a fit is called, with what else is to be known of it."""
    return f"{run.title} ({run.note})" if run.note else run.title


def _escaped(text: str) -> str:
    """A text as LaTeX sets it letter by letter."""
    return re.sub("|".join(map(re.escape, _SPECIAL)), lambda found: _SPECIAL[found[0]], text)
