"""The rooms of the service lie on floors, as those of the package do, and the client stands apart from all others."""

import pytest

from tests.structure import Import, Package

pytestmark = pytest.mark.quick

FLOORS = (
    ("_disk", "logs", "options", "page", "problems", "settings"),
    ("queue",),
    ("store",),
    ("views",),
    ("work",),
    ("http",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module: str) -> str:
    return module.split(".")[2] if module.startswith("inr.serving.") else ""


@pytest.fixture(scope="module")
def crossing() -> list[Import]:
    """The imports of one room of the service by another."""
    found = [each for each in Package().imports if room_of(each.source) and room_of(each.target)]
    return [each for each in found if room_of(each.source) != room_of(each.target)]


def described(found: Import) -> str:
    return f"{found.source}:{found.line} imports {found.name} of {found.target}"


def test_imports_run_down(crossing):
    within = [each for each in crossing if room_of(each.source) != "client"]
    assert len(within) > 50  # it does read them
    up = [each for each in within if FLOOR[room_of(each.target)] >= FLOOR[room_of(each.source)]]
    assert [described(each) for each in up] == []


def test_the_client_knows_settings_only(crossing):
    assert {room_of(each.target) for each in crossing if room_of(each.source) == "client"} == {"settings"}
    assert not [described(each) for each in crossing if room_of(each.target) == "client"]


def test_rooms_speak_through_their_faces(crossing):
    private = [
        each for each in crossing if any(part.startswith("_") for part in [*each.written.split(".")[3:], each.name])
    ]
    assert [described(each) for each in private] == []
