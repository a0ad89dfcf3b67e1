"""`inr doctor`."""

from typing import Annotated, Any

import typer

from inr.cli._console import out, pairs, print_json, si
from inr.cli._progress import waiting

EPILOG = """
[bold]Examples[/bold]

  inr doctor

  inr doctor --json          # to paste into a report
"""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False) -> None:
    """Say what this machine offers: versions, engines, readers."""
    with waiting("looking around", quiet=False):
        from inr.engines import doctor as examine

        found = examine()
    if as_json:
        print_json(found)
        return
    sections = {
        "versions": {name: version or "not installed" for name, version in found["versions"].items()},
        "machine": _machine(found["machine"]),
        "engines": {engine["name"]: _engine(engine) for engine in found["engines"]},
        "engine auto": dict(zip(("takes", "or else"), found["auto"], strict=True)),
        "readers": {reader["extra"]: _reader(reader) for reader in found["readers"]},
    }
    console = out()
    for title, rows in sections.items():
        console.print(f"[bold]{title}[/bold]")
        console.print(pairs(rows), "")


def _machine(machine: dict[str, Any]) -> dict[str, str]:
    gpu = machine["gpu"]
    return {
        "system": machine["system"],
        "processor": f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads in use",
        "memory": "unknown" if machine["memory"] is None else si(machine["memory"], "B"),
        "gpu": "none" if gpu is None else f"{gpu['name']}, {si(gpu['memory'], 'B')}, capability {gpu['capability']}",
    }


def _engine(engine: dict[str, Any]) -> str:
    facts = [f"{what} {value}" for what, value in engine["facts"].items()]
    return engine["problem"] or ": ".join(["ready", *filter(None, [", ".join(facts)])])


def _reader(reader: dict[str, Any]) -> str:
    if reader["problem"] is None:
        return f"{reader['library']} {reader['version']} ({reader['for']})"
    return f"{reader['library']}: {reader['problem']} ({reader['for']}): {reader['install']}"
