"""`inr parts`."""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from inr._errors import InrError
from inr.cli._console import indented, out, print_json
from inr.cli._parts_page import parts_page, spelled_options

if TYPE_CHECKING:
    from inr._params import Param
    from inr._parts import PartInfo, Registry

EPILOG = """
[bold]Examples[/bold]

  inr parts                       # every part

  inr parts encoding              # the encodings

  inr parts encoding hash         # one of them, with all that its class says

  inr parts presets               # published settings, for inr fit --preset

  inr parts activation --json

  inr parts --markdown > parts.md # the reference page
"""


def parts(
    kind: Annotated[str | None, typer.Argument(help="encoding, activation, network, objective, teacher, …")] = None,
    name: Annotated[str | None, typer.Argument(help="One part of that kind.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the reference page of all parts.")] = False,
) -> None:
    """List what fields are made of, with all parameters."""
    if markdown:
        if kind is not None or as_json:
            raise InrError("--markdown prints the page of all parts: leave out the kind, the name and --json")
        print(parts_page(_registries()), end="")
        return
    chosen = _chosen(kind, name)
    if as_json:
        print_json({"parts": [_document(info) for info in chosen]})
        return
    console = out()
    for previous, info in zip([None, *chosen], chosen, strict=False):
        if previous is None or previous.kind != info.kind:
            console.print(Text(f"{info.kind}s", style="bold"))
        console.print(indented(_entry(info, whole=name is not None)), "")


def _registries() -> dict[str, "Registry"]:
    from inr.activations import activations
    from inr.compression.codecs import codecs
    from inr.encodings import encodings
    from inr.engines import engines
    from inr.fitting import presets
    from inr.networks import networks
    from inr.objectives import objectives
    from inr.teaching import teachers

    found = (encodings, activations, networks, objectives, teachers, engines, codecs, presets)
    return {registry.kind: registry for registry in found}


def _chosen(kind: str | None, name: str | None) -> list["PartInfo"]:
    registries = _registries()
    if kind is not None:
        if kind.removesuffix("s") not in registries:
            for owner, registry in registries.items():
                if kind in registry.names():
                    raise InrError(f"'{kind}' is no kind of part but one of them: inr parts {owner} {kind}")
            raise InrError(f"unknown kind of part '{kind}'; known: {', '.join(registries)}")
        kind = kind.removesuffix("s")
        registries = {kind: registries[kind]}
    if name is not None:
        return [registry.info(name) for registry in registries.values()]
    return [registry.info(part) for registry in registries.values() for part in registry.names()]


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


def _entry(info: "PartInfo", *, whole: bool) -> Group:
    """A part's name and summary, or all of its documentation, then its parameters."""
    body: list[Any] = [Text(_words(info, whole))]
    if info.kind == "preset":
        body.append(Text(spelled_options(info.cls), style="cyan"))
    if whole and info.formula:
        body.append(Text(f"Formula: {info.formula}"))
    if whole and info.limits:
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


def _words(info: "PartInfo", whole: bool) -> str:
    return (inspect.getdoc(info.cls) or "") if whole else info.summary
