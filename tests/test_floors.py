"""Rooms lie on floors, and imports run down: see docs/design.md. `tests/structure.py` reads them from the source."""

import ast
from pathlib import Path

import pytest

from tests.structure import (
    FLOORS,
    ROOT,
    SERVICE_FLOORS,
    Import,
    Package,
    imports_of_tests,
    is_private_crossing,
    room_of,
    room_of_test,
    runs_up,
    service_room_of,
)

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def package() -> Package:
    return Package()


def described(found: Import) -> str:
    return f"{found.source}:{found.line} imports {found.name or found.target} of {found.target}"


def test_every_room_lies_on_a_floor(package):
    assert {room_of(module) for module in package.files} <= {room for rooms in FLOORS for room in rooms}


def test_no_import_runs_up(package):
    assert len(package.imports) > 500  # it does read them
    assert [described(found) for found in package.imports if runs_up(found)] == []


def test_no_modules_import_each_other(package):
    assert package.circles() == []


def test_registries_load_parts_of_their_own_room(package):
    registered = list(package.registered())
    assert len(registered) > 40
    for registry, part in registered:
        assert room_of(part) == room_of(registry)
        assert part in package.files


def test_rooms_speak_through_their_faces(package):
    crossing = [found for found in package.imports if is_private_crossing(found, room_of(found.source))]
    assert [described(found) for found in crossing] == []


def test_tests_know_the_private_names_of_their_own_room_only(package):
    crossing = [
        f"{path.relative_to(ROOT)}:{found.line} {found.written}.{found.name}"
        for path, found in imports_of_tests(package)
        if is_private_crossing(found, room_of_test(path))
    ]
    assert crossing == []


@pytest.mark.parametrize(
    ("source", "module", "up", "private"),
    [
        ("from inr.fitting import fit", "inr.engines._base", True, False),
        ("def later():\n    from inr.fitting import Fitter", "inr.signals._open", True, False),
        ("from inr.engines._choose import plan", "inr.fitting._fitter", False, True),
        ("from inr.engines import plan", "inr.fitting._fitter", False, False),
        ("from inr._parts import Part", "inr.engines._base", False, False),
        ("import inr.compression", "inr.field._field", True, False),
    ],
)
def test_what_counts(package, source, module, up, private):
    (found,) = package.imports_of(ast.parse(source), module)
    assert runs_up(found) == up
    assert is_private_crossing(found, room_of(module)) == private


def test_circles_are_found(tmp_path: Path):
    (tmp_path / "inr").mkdir()
    for name, text in {
        "__init__": "",
        "_a": "from inr._b import x",
        "_b": "def f():\n    import inr._a",
        "_c": "",
    }.items():
        (tmp_path / "inr" / f"{name}.py").write_text(text)
    assert Package(tmp_path).circles() == [["inr._a", "inr._b"]]


@pytest.fixture(scope="module")
def in_service(package) -> list[Import]:
    """The imports of one room of the service by another."""
    rooms = [(service_room_of(each.source), service_room_of(each.target), each) for each in package.imports]
    return [each for source, target, each in rooms if source and target and source != target]


def test_no_import_within_the_service_runs_up(in_service):
    floors = {room: floor for floor, rooms in enumerate(SERVICE_FLOORS) for room in rooms}
    within = [each for each in in_service if service_room_of(each.source) != "client"]
    assert len(within) > 50  # it does read them
    up = [each for each in within if floors[service_room_of(each.target)] >= floors[service_room_of(each.source)]]
    assert [described(each) for each in up] == []


def test_the_client_of_the_service_stands_apart(in_service):
    known = {service_room_of(each.target) for each in in_service if service_room_of(each.source) == "client"}
    assert known == {"settings"}
    assert [described(each) for each in in_service if service_room_of(each.target) == "client"] == []


def test_rooms_of_the_service_speak_through_their_faces(in_service):
    private = [
        each for each in in_service if any(part[:1] == "_" for part in [*each.written.split(".")[3:], each.name])
    ]
    assert [described(each) for each in private] == []
