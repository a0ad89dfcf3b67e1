"""`inr parts`."""

import difflib
import inspect
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from inr._errors import InrError
from inr.cli._completion import completed_name, registries
from inr.cli._console import indented, out, print_json
from inr.cli._parts_page import parts_page, spelled_options

if TYPE_CHECKING:
    from inr._params import Param
    from inr._parts import PartInfo

EPILOG = """
[bold]Examples[/bold]

  inr parts                       # every part, a line each

  inr parts encoding              # the encodings

  inr parts hash                  # one part, with its parameters and all that its class says

  inr parts encoding hash         # the same, where a name stands for several

  inr parts presets               # published settings, for inr fit --preset

  inr parts activation --json

  inr parts --markdown > parts.md # the reference page
"""


def parts(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="encoding, activation, network, objective, teacher, …; or the name of a part.",
            autocompletion=completed_name,
        ),
    ] = None,
    name: Annotated[str | None, typer.Argument(help="One part of that kind.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the reference page of all parts.")] = False,
) -> None:
    """List what fields are made of; of one part, all there is to know."""
    if markdown:
        if kind is not None or as_json:
            raise InrError("--markdown prints the page of all parts: leave out the kind, the name and --json")
        print(parts_page(registries()), end="")
        return
    chosen = _chosen(kind, name)
    if as_json:
        print_json({"parts": [_document(info) for info in chosen]})
        return
    console = out()
    if name is not None or kind not in (None, *_kinds()):
        for info in chosen:
            console.print(Text(info.kind, style="bold"))
            console.print(indented(_entry(info)), "")
        return
    for listed, infos in groupby(chosen, key=lambda info: info.kind):
        console.print(Text(f"{listed}s", style="bold"))
        console.print(indented(_lines(infos)), "")
    console.print(Text("inr parts NAME tells of parameters", style="dim"))


def _chosen(kind: str | None, name: str | None) -> list["PartInfo"]:
    known = registries()
    if kind is not None:
        if kind.removesuffix("s") not in known:
            found = [registry.info(kind) for registry in known.values() if kind in registry.names()]
            if not found or name is not None:
                everything = [*known, *(part for registry in known.values() for part in registry.names())]
                close = difflib.get_close_matches(kind, everything, n=1)
                hint = f"did you mean '{close[0]}'?" if close else f"kinds are {', '.join(known)}"
                raise InrError(f"'{kind}' is neither a kind of part nor a part; {hint}")
            return found
        kind = kind.removesuffix("s")
        known = {kind: known[kind]}
    if name is not None:
        return [registry.info(name) for registry in known.values()]
    return [registry.info(part) for registry in known.values() for part in registry.names()]


def _document(info: "PartInfo") -> dict[str, Any]:
    return {
        "kind": info.kind,
        "name": info.name,
        "summary": info.summary,
        "source": info.source,
        "formula": info.formula,
        "limits": info.limits,
        **({"options": info.cls.options()} if info.kind == "preset" else {}),
        "params": [
            {
                "name": param.name,
                "type": param.type_name,
                "required": param.required,
                "default": None if param.required else param.default,
                "allowed": None if param.allowed is None else str(param.allowed),
                "description": param.description,
            }
            for param in info.params
        ],
    }


def _kinds() -> list[str]:
    return [form for kind in registries() for form in (kind, f"{kind}s")]


def _lines(infos: Iterable["PartInfo"]) -> Table:
    """One line a part: its name and what it is, cut where the terminal ends."""
    table = Table.grid(padding=(0, 2, 0, 0))
    rows = [(info.name, info.summary) for info in infos]
    table.add_column(style="bold cyan", no_wrap=True, min_width=max(len(name) for name, _ in rows))
    table.add_column(no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    return table


def _entry(info: "PartInfo") -> Group:
    """A part's name, all of its documentation, then its parameters."""
    body: list[Any] = [Text(inspect.getdoc(info.cls) or "")]
    if info.kind == "preset":
        body.append(Text(spelled_options(info.cls), style="cyan"))
    if info.formula:
        body.append(Text(f"Formula: {info.formula}"))
    if info.limits:
        body.append(Text(f"Limits: {info.limits}"))
    if info.source:
        body.append(Text(info.source, style="italic dim"))
    if info.params:
        body.append(_params(info.params))
    return Group(Text(info.name, style="bold cyan"), indented(Group(*body)))


def _params(params: Sequence["Param"]) -> Table:
    """One row a parameter: how it is written with its default, what it means, what it may be."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    for param in params:
        allowed = f"{param.type_name}, {param.allowed}" if param.allowed else param.type_name
        table.add_row(_written(param), Text.assemble(param.description + " ", (f"({allowed})", "dim")))
    return table


def _written(param: "Param") -> str:
    if param.required:
        return f"{param.name}=…"
    plain = param.default is None or isinstance(param.default, bool)
    return f"{param.name}={str(param.default).lower() if plain else param.default}"
