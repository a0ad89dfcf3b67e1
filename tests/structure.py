"""What imports what in the package, read from the source: `python tests/structure.py [CHECKOUT]` prints a table.

Every import counts, whether it stands at the top of a module, within a function or in a block for type checkers.
A name that is imported from the face of a room is followed to the module that defines it.
"""

import ast
import functools
import gc
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# rooms from the lowest floor to the highest, those on one floor side by side; see docs/design.md
FLOORS = (
    ("basement",),
    ("jit",),
    ("geometry",),
    ("signals",),
    ("container",),
    ("encodings", "activations"),
    ("networks",),
    ("field",),
    ("engines",),
    ("objectives",),
    ("teaching",),
    ("fitting",),
    ("compression",),
    ("diagnostics", "exporting", "listeners"),
    ("io",),
    ("hub", "imageio"),
    ("equations", "reconstruction", "shapes"),
    ("sets",),
    ("priors",),
    ("napari", "sklearn", "sweeping", "viser", "xarray", "zarr"),
    ("serving",),
    ("face",),
    ("bench",),
    ("cli",),
)

# rooms within the service, likewise; its client stands apart from all of them
SERVICE_FLOORS = (
    ("_disk", "logs", "options", "page", "problems", "settings"),
    ("queue",),
    ("store",),
    ("views",),
    ("work",),
    ("http",),
)


@dataclass(frozen=True)
class Import:
    """One name that one module imports from another module of the package.

    Attributes:
        source: the module that imports, as "inr.fitting._fit".
        written: the module named in the import statement.
        name: the name taken from it; "" where the module itself is imported.
        target: the module that defines what is imported.
        line: where the statement stands in the source.
    """

    source: str
    written: str
    name: str
    target: str
    line: int


class Package:
    """The modules of the package `inr` in a checkout, and their imports.

    Args:
        checkout: the folder that holds `inr`.
    """

    def __init__(self, checkout: Path = ROOT) -> None:
        self.files = {
            ".".join(path.relative_to(checkout).with_suffix("").parts).removesuffix(".__init__"): path
            for path in sorted((checkout / "inr").rglob("*.py"))
        }
        self._trees = dict(zip(self.files, parsed(self.files.values()), strict=True))

    @functools.cached_property
    def imports(self) -> list[Import]:
        """Every import of one module of the package by another, but for faces that show their own room's names."""
        return [
            found
            for module, tree in self._trees.items()
            for found in self.imports_of(tree, module)
            if not (self._is_face(module) and room_of(found.target) == room_of(module))
        ]

    def imports_of(self, tree: ast.AST, module: str) -> Iterator[Import]:
        """The imports from the package in one source file, which need not be part of it."""
        for node in statements(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in self.files:
                        yield Import(module, alias.name, "", alias.name, node.lineno)
            elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "inr":
                for alias in node.names:
                    target = self.definition(node.module, alias.name)
                    if target != module:
                        yield Import(module, node.module, alias.name, target, node.lineno)

    def definition(self, module: str, name: str) -> str:
        """The module that defines a name, which faces may only pass on."""
        if f"{module}.{name}" in self.files:
            return f"{module}.{name}"
        passed_on = self._passed_on(module) if self._is_face(module) else {}
        return self.definition(*passed_on[name]) if name in passed_on else module

    def _is_face(self, module: str) -> bool:
        return self.files[module].name == "__init__.py" if module in self.files else False

    @functools.cache  # noqa: B019  one package lives as long as the process
    def _passed_on(self, module: str) -> dict[str, tuple[str, str]]:
        """Names that a face imports for type checkers, with where from."""
        return {
            alias.asname or alias.name: (node.module, alias.name)
            for node in self._trees[module].body
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }

    def registered(self) -> Iterator[tuple[str, str]]:
        """Modules that registries import by name: the module with the registry, and the module named there."""
        for module, path in self.files.items():
            text = path.read_text()
            for node in ast.walk(ast.parse(text)) if "Registry(" in text else ():
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "Registry":
                    for argument in node.args[1:]:
                        yield module, ast.literal_eval(argument)

    def circles(self) -> list[list[str]]:
        """Groups of modules each of which imports every other, directly or by others (Tarjan 1972)."""
        arrows: dict[str, set[str]] = {module: set() for module in self.files}
        for each in self.imports:
            arrows[each.source].add(each.target)
        found: list[list[str]] = []
        index: dict[str, int] = {}
        lowest: dict[str, int] = {}
        stack: list[str] = []

        def visit(module: str) -> None:
            index[module] = lowest[module] = len(index)
            stack.append(module)
            for other in sorted(arrows[module]):
                if other not in index:
                    visit(other)
                    lowest[module] = min(lowest[module], lowest[other])
                elif other in stack:
                    lowest[module] = min(lowest[module], index[other])
            if lowest[module] == index[module]:
                group = stack[stack.index(module) :]
                del stack[stack.index(module) :]
                if len(group) > 1 or module in arrows[module]:
                    found.append(sorted(group))

        for module in sorted(arrows):
            if module not in index:
                visit(module)
        return found


def parsed(paths: Iterable[Path]) -> list[ast.Module]:
    """The imports of files, wherever they stand in them, each file as a module of nothing else.

    All of the source would be millions of objects, among which looking for garbage takes most of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return [ast.Module([*_imports_in(ast.parse(path.read_text()))], []) for path in paths]
    finally:
        if collecting:
            gc.enable()


def _imports_in(tree: ast.AST) -> Iterator[ast.stmt]:
    return (node for node in statements(tree) if isinstance(node, ast.Import | ast.ImportFrom))


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements within a tree, and the clauses they stand in: what `ast.walk` gives besides holds no imports."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            held = getattr(node, name, None)
            if isinstance(held, list):  # a lambda's and a choice's are expressions
                todo.extend(held)


def room_of(module: str) -> str:
    """The room of a module: its folder in the package, or what floor a module beside the rooms belongs to."""
    parts = module.split(".")
    if len(parts) == 1:
        return "face"
    if parts[1] == "__main__":
        return "cli"
    return "basement" if parts[1].startswith("_") else parts[1]


def service_room_of(module: str) -> str:
    """The room of a module within the service; "" for modules elsewhere, and for the service's face."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["inr", "serving"] and len(parts) > 2 else ""


def floor_of(module: str) -> int:
    """The floor on which a module's room lies, from 0; raises KeyError for a room that is on no floor."""
    floors = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    return floors[room_of(module)]


def runs_up(found: Import) -> bool:
    """Whether an import is of a room that lies as high or higher and is another one."""
    if room_of(found.source) == room_of(found.target):
        return False
    return floor_of(found.target) >= floor_of(found.source)


def is_private_crossing(found: Import, room: str) -> bool:
    """Whether an import reaches for what another room keeps to itself: a module or name with an underscore first.

    Args:
        found: the import.
        room: of the importing file.
    """
    other = room_of(found.written if found.written != "inr" else found.target)
    if other in (room, "basement", "face"):
        return False
    inside = [*found.written.split(".")[2:], found.name]
    return any(part.startswith("_") and not part.startswith("__") for part in inside)


def imports_of_tests(package: Package, checkout: Path = ROOT) -> list[tuple[Path, Import]]:
    """The imports that tests make from the package, with the files they stand in."""
    paths = sorted((checkout / "tests").rglob("*.py"))
    trees = zip(paths, parsed(paths), strict=True)
    return [(path, found) for path, tree in trees for found in package.imports_of(tree, "")]


def room_of_test(path: Path, checkout: Path = ROOT) -> str:
    """The room that a test file is about, which is the folder it lies in; "" for those that lie in none."""
    parts = path.relative_to(checkout / "tests").parts
    return parts[0] if len(parts) > 1 else path.stem.removeprefix("test_")


def main() -> None:
    """Print modules, lines and private imports by room."""
    checkout = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    package = Package(checkout)
    lines, modules = Counter[str](), Counter[str]()
    for module, path in package.files.items():
        modules[room_of(module)] += 1
        lines[room_of(module)] += len(path.read_text().splitlines())
    crossing = [each for each in package.imports if is_private_crossing(each, room_of(each.source))]
    by_room = Counter(room_of(each.source) for each in crossing)
    print(f"{'room':12} modules   lines  private names of other rooms")
    for room in sorted(modules):
        print(f"{room:12} {modules[room]:7} {lines[room]:7}  {by_room[room]}")
    tests = imports_of_tests(package, checkout)
    private = {path for path, each in tests if is_private_crossing(each, room_of_test(path, checkout))}
    files = len({*(checkout / "tests").rglob("test_*.py")})
    print(f"\nlines in all: {sum(lines.values())}, modules: {sum(modules.values())}")
    print(f"imports of other rooms' private names: {len(crossing)}; test files with some: {len(private)} of {files}")
    print(f"circles: {[len(group) for group in package.circles()]}")
    print(f"imports that run up: {sum(map(runs_up, package.imports))}")


if __name__ == "__main__":
    main()
