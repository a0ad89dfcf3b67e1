"""The page of all studies: what is claimed, what was found, and whether it holds."""

from pathlib import Path

from inr.bench.tables import markdown, origin, read
from studies.fidelity import plan
from studies.fidelity.study import Report, Setting, Study

_HEAD = """# Fidelity

Each method's own headline setting beside the published figure, by `studies/fidelity`; nothing was tuned until it
agreed. PSNR is of the last step, clipped, in float64, by code that is no part of the fit. "Holds" is said of the claim
as it stands here, scaled down where the study says so.
"""
_TITLES = {"quick": "quick", "cpu": "two cores", "paper": "published sizes"}
_WORDS = {True: "yes", False: "**no**", None: "–"}


def write(setting: Setting) -> list[Path]:
    """Write the page of everything that the table holds; nothing where it is empty."""
    reports = [
        (study, scale, study.report(finished))
        for study in plan.STUDIES.values()
        for scale in ("paper", "cpu", "quick")
        if (finished := plan.found(setting.results, study.name, scale)).values
    ]
    if not reports:
        return []
    lines = [_HEAD, _machine(setting), "", "## Claims", ""]
    lines += markdown(["study", "claim", "published", "found", "holds"], _claims(reports))
    for study, scale, report in reports:
        lines += [f"## {study.title}", "", f"{study.protocol} Scale: {_TITLES[scale]}.", ""]
        lines += markdown(report.table.columns, report.table.rows)
    path = setting.results / "fidelity.md"
    path.write_text("\n".join(lines).rstrip() + "\n")
    return [path]


def _claims(reports: list[tuple[Study, str, Report]]) -> list[list[str]]:
    return [
        [f"{study.name}{'' if scale == 'cpu' else f' ({scale})'}", finding.claim, finding.published, finding.found,
         _WORDS[finding.holds]]
        for study, scale, report in reports
        for finding in report.findings
    ]  # fmt: skip


def _machine(setting: Setting) -> str:
    """Where the runs were made, as the table says."""
    path = plan.table(setting.results)
    seeds = sorted({row["seed"] for row in read(path)})
    return f"{origin(path)}. Seeds: {', '.join(seeds)}."
