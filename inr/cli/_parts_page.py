"""The page of all parts, docs/parts.md: written from the registries, so that it says what the code does."""

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inr._params import Param
    from inr._parts import PartInfo, Registry
    from inr.field import Field

_HEAD = """# Parts

What fields are made of, and what fits, runs and compresses them. Any encoding goes with any activation and network, on
any engine; what cannot work is refused when it is built, with the reason. This page is written by
`inr parts --markdown`; `inr parts KIND NAME` shows one part in a terminal.

A part is spelled `name:key=value,key=value`, as in `inr fit photo.png --encoding hash:levels=12 --activation relu`, and
from Python `inr.encodings.HashGrid(2, levels=12)` or `inr.fit(…, encoding="hash:levels=12")`. A preset is a whole
setting as it was published: `inr fit photo.png --preset siren`, `inr.fit(…, preset="siren")`.

Coordinates x lie in [-1, 1] on every axis, values f(x) as well. *Engines*: **kernels** are compiled code for the whole
field; **network only** means that the features come from PyTorch and the rest from kernels; all else is handed to
`eager`, plain PyTorch, which runs everything.
"""


def parts_page(registries: Mapping[str, "Registry"]) -> str:
    """All parts as Markdown, by kind and name."""
    pieces = [_HEAD]
    for kind, registry in registries.items():
        infos = [registry.info(name) for name in registry.names()]
        pieces.append(f"## {kind.capitalize()}s\n\n{_overview(infos)}")
        pieces += [_entry(info) for info in infos]
    return "\n".join(pieces)


def _overview(infos: Sequence["PartInfo"]) -> str:
    lines = ["| | |", "|---|---|"]
    lines += [f"| [`{info.name}`](#{info.kind}-{info.name}) | {_cell(info.summary)} |" for info in infos]
    return "\n".join(lines) + "\n"


def _entry(info: "PartInfo") -> str:
    lines = [f'<a id="{info.kind}-{info.name}"></a>', "", f"### {info.kind} `{info.name}`", ""]
    lines += [_prose(inspect.getdoc(info.cls) or ""), ""]
    if info.kind == "preset":
        lines.append(f"- Settings: `{spelled_options(info.cls)}`")
    if info.formula:
        lines.append(f"- Formula: {info.formula}")
    if info.source:
        lines.append(f"- Source: {info.source}")
    if info.limits:
        lines.append(f"- Limits: {info.limits}")
    ran = _engines(info)
    if ran:
        lines.append(f"- Engines: {ran}")
    if info.params:
        lines += ["", "| parameter | default | | |", "|---|---|---|---|", *map(_row, info.params)]
    return "\n".join(lines) + "\n"


def spelled_options(preset: Any) -> str:
    """A preset's settings, as `inr fit` would be given them."""
    return " ".join(f"--{option} {value}" for option, value in preset.options().items())


def _prose(text: str) -> str:
    """A docstring's description without its examples and sections for programmers, its indented blocks as code."""
    lines = []
    for line in text.splitlines():
        if line.startswith(">>> ") or line.rstrip() in ("Args:", "Attributes:", "Returns:", "Raises:"):
            break
        lines.append(line)
    return "\n".join(lines).strip().replace("*", "\\*").replace("<", "&lt;")


def _row(param: "Param") -> str:
    allowed = f"{param.type_name}, {param.allowed}" if param.allowed else param.type_name
    return f"| `{param.name}` | {_default(param)} | {_cell(param.description)} | {_cell(allowed)} |"


def _default(param: "Param") -> str:
    if param.required:
        return "to be given"
    plain = param.default is None or isinstance(param.default, bool)
    return f"`{_cell(str(param.default).lower() if plain else str(param.default))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def _engines(info: "PartInfo") -> str:
    """How each engine runs a part; nothing for what no engine runs."""
    from inr.engines import engines

    field = _field_with(info)
    if field is None:
        return ""
    words = {name: _how(engines.build(name).covers(field)) for name in engines.names() if name != "eager"}
    return "eager" + "".join(f", {name} ({how})" for name, how in words.items() if how)


def _how(covered: Any) -> str:
    if isinstance(covered, str):
        return ""
    return "network only" if covered else "kernels"


def _field_with(info: "PartInfo") -> "Field | None":
    """A small field with the part; its other parts are such that every engine has kernels for them."""
    import numpy as np

    from inr.field import Field
    from inr.networks import networks
    from inr.signals import Signal

    if info.kind not in ("encoding", "activation", "network"):
        return None
    specs: dict[str, Any] = {"encoding": "identity", "activation": "relu", "network": "mlp:width=16,depth=2,bias=false"}
    if info.kind == "network":
        specs |= networks.info(info.name).cls.default_partners
    specs[info.kind] = specs["network"] if info.name == "mlp" else info.name
    if info.kind == "encoding" and info.params and any(param.required for param in info.params):
        return None
    for shape in ((4, 4, 3), (4, 4, 4, 3)):
        signal = Signal.from_array(np.zeros(shape, np.float32), kind="image" if len(shape) == 3 else "volume",
                                   channels_last=True)  # fmt: skip
        try:
            return Field.build(signal.domain, **specs)
        except ValueError:  # parts for directions take three coordinates
            continue
    raise AssertionError(f"no field has {info.kind} '{info.name}'")
