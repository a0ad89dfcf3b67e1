"""Parts found by name: what a signature declares is what is checked, listed, stored and built again."""

import inspect
import re
import sys
from importlib.metadata import EntryPoint
from typing import Annotated, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inr import _parts
from inr._errors import InrError
from inr._parts import Param, Part, Range, Registry, check_value, format_spec, parse_spec

pytestmark = pytest.mark.quick


@pytest.fixture
def registry() -> Registry:
    """A registry of its own, with one part of every type of parameter."""
    registry = Registry("widget")

    @registry.register("round", source="Somebody, 2020")
    class Round(Part):
        """A round one.

        More about it.
        """

        def __init__(
            self,
            in_dim: int,
            *,
            levels: Annotated[int, Range(1, 32), "how many"] = 16,
            sigma: Annotated[float, Range(0, above=True), "how wide"] = 10.0,
            kind: Annotated[Literal["plain", "fancy", 1], "how it looks"] = "plain",
            smooth: bool = False,
            limit: Annotated[int | None, Range(3), "at most"] = None,
            start: Annotated[float | Literal["auto"], Range(0, 1), "where from"] = "auto",
            over: Annotated[dict | str, "what it wraps"] = "round:levels=2",
        ) -> None:
            self.in_dim = in_dim
            self.seen = (levels, sigma, kind, smooth, limit, start, over)

    @registry.register("square")
    class Square(Part):
        def __init__(self, *, side: Annotated[float, Range(0, 1), "length of a side"]) -> None:
            self.side = side

    return registry


def test_an_entry_says_what_can_be_set(registry):
    info = registry.info("round")
    assert (info.kind, info.name, info.summary, info.source) == ("widget", "round", "A round one.", "Somebody, 2020")
    assert [param.name for param in info.params] == ["levels", "sigma", "kind", "smooth", "limit", "start", "over"]
    assert [param.type_name for param in info.params] == [
        "a whole number",
        "a finite number",
        "one of plain, fancy, 1",
        "true or false",
        "a whole number or none",
        "a finite number or one of auto",
        "a part or a word",
    ]
    levels = info.params[0]
    assert (levels.default, levels.description, str(levels.allowed), levels.required) == (
        16,
        "how many",
        "1 to 32",
        False,
    )
    assert registry.info("square").params[0].required


def test_names_are_sorted_and_match_patterns(registry):
    assert registry.names() == ["round", "square"]
    assert registry.names("sq*") == ["square"]
    assert registry.names("x*") == []


def test_built_from_any_spelling(registry):
    expected = {
        "name": "round",
        "levels": 4,
        "sigma": 2.0,
        "kind": "fancy",
        "smooth": True,
        "limit": None,
        "start": 0.5,
        "over": {"name": "round", "levels": 3},
    }
    spelled = "round:levels=4,sigma=2,kind=fancy,smooth=true,limit=none,start=0.5,over=(round:levels=3)"
    part = registry.build(spelled, 2)
    assert part.in_dim == 2
    assert part.config() == expected
    assert part.seen == (4, 2.0, "fancy", True, None, 0.5, {"name": "round", "levels": 3})
    assert registry.build(part.config(), 2).config() == expected
    assert registry.build(format_spec(part.config()), 2).config() == expected
    direct = registry.info("round").cls(in_dim=2, **{key: value for key, value in expected.items() if key != "name"})
    assert direct.config() == expected


def test_defaults_are_part_of_the_configuration(registry):
    config = registry.build("round", 1).config()
    assert config["levels"] == 16
    assert config["over"] == "round:levels=2"
    assert registry.build(parse_spec(format_spec(config)), 1).config() == config | {
        "over": {"name": "round", "levels": 2}
    }


def test_a_configuration_is_a_copy(registry):
    over = {"name": "round", "levels": 3}
    part = registry.build({"name": "round", "over": over}, 1)
    over["levels"] = 5
    part.config()["over"]["levels"] = 7
    assert part.config()["over"] == {"name": "round", "levels": 3}


def test_numpy_scalars_become_plain_numbers(registry):
    config = registry.build({"name": "round", "levels": np.int64(4), "sigma": np.float32(0.5), "start": 0}, 1).config()
    assert (type(config["levels"]), type(config["sigma"]), type(config["start"])) == (int, float, float)
    assert (config["levels"], config["sigma"], config["start"]) == (4, 0.5, 0.0)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rond", "unknown widget 'rond'; did you mean 'round'?"),
        ("Round", "unknown widget 'Round'; did you mean 'round'?"),
        ("xyz", "unknown widget 'xyz'; known: round, square"),
        ("round:level=4", "widget 'round' has no parameter 'level'; did you mean 'levels'?"),
        ("round:q=4", "widget 'round' has no parameter 'q'; known: kind, levels, limit, over, sigma, smooth, start"),
        ("round:in_dim=3", "widget 'round' has no parameter 'in_dim'"),
        ("round:self=3", "widget 'round' has no parameter 'self'"),
        ("round:levels=0", "widget 'round': levels must be 1 to 32, got 0"),
        ("round:levels=33", "widget 'round': levels must be 1 to 32, got 33"),
        ("round:levels=2.5", "widget 'round': levels must be a whole number, got 2.5"),
        ("round:levels=true", "widget 'round': levels must be a whole number, got True"),
        ("round:levels=many", "widget 'round': levels must be a whole number, got 'many'"),
        ("round:levels=1" + "0" * 400, "levels must be a whole number, got 1000"),
        ("round:sigma=0", "widget 'round': sigma must be > 0, got 0"),
        ("round:sigma=nan", "widget 'round': sigma must be a finite number, got nan"),
        ("round:sigma=-inf", "widget 'round': sigma must be a finite number, got -inf"),
        ("round:sigma=1" + "0" * 400, "sigma must be a finite number, got 1000"),
        ("round:sigma=true", "widget 'round': sigma must be a finite number, got True"),
        ("round:kind=odd", "widget 'round': kind must be one of plain, fancy, 1, got 'odd'"),
        ("round:kind=true", "widget 'round': kind must be one of plain, fancy, 1, got True"),
        ("round:smooth=1", "widget 'round': smooth must be true or false, got 1"),
        ("round:limit=2", "widget 'round': limit must be >= 3, got 2"),
        ("round:start=2", "widget 'round': start must be 0 to 1, got 2"),
        ("round:start=later", "start must be a finite number or one of auto, got 'later'"),
        ("round:over=3", "over must be a part or a word, got 3"),
        ("square", "widget 'square' needs 'side': length of a side"),
    ],
)
def test_refused_in_one_line_that_names_the_way_out(registry, spec, message):
    with pytest.raises(InrError, match=re.escape(message)) as caught:
        registry.build(spec, 1)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


AWKWARD = [
    [],
    {},
    {"name": 3},
    {1: 2},
    {"name": "round", "x": object()},
    {"name": "round", "x": float("nan")},
    object(),
    np.zeros(3),
    np.array(["plain", "fancy"]),
    np.float64("nan"),
    np.bool_(True),
    10**400,
    1j,
    b"plain",
    "a\nb",
    lambda: None,
    float,
]


@pytest.mark.parametrize("value", AWKWARD, ids=range(len(AWKWARD)))
@pytest.mark.parametrize("key", ["levels", "sigma", "kind", "smooth", "limit", "start"])
def test_no_value_leaks_another_error(registry, key, value):
    with pytest.raises(InrError, match=f"{key} must be") as caught:
        registry.info("round").cls(1, **{key: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value", [value for value in AWKWARD if not isinstance(value, str)], ids=range(len(AWKWARD) - 1)
)
def test_a_nested_part_is_plain_json_with_a_name(registry, value):
    with pytest.raises(InrError, match="over must be a part"):
        registry.info("round").cls(1, over=value)


def test_a_name_is_taken_once(registry):
    class Other(Part):
        pass

    with pytest.raises(InrError, match=r"widget 'round' is registered already, as .*Round"):
        registry.register("round")(Other)
    with pytest.raises(InrError, match="cannot name a part"):
        registry.register("a:b")(Other)


def test_a_parameter_cannot_hide_the_name(registry):
    class Named(Part):
        def __init__(self, *, name: str = "x") -> None:
            pass

    with pytest.raises(InrError, match="a parameter cannot be called 'name'"):
        registry.register("named")(Named)
    assert "named" not in registry.names()


def test_a_registered_subclass_has_its_own_configuration(registry):
    @registry.register("rounder")
    class Rounder(registry.info("round").cls):
        def __init__(self, in_dim: int, *, turns: int = 2) -> None:
            super().__init__(in_dim, levels=turns)

    assert registry.build("rounder:turns=3", 1).config() == {"name": "rounder", "turns": 3}
    assert registry.build("rounder:turns=3", 1).seen[0] == 3
    assert registry.build("round", 1).config()["name"] == "round"


@pytest.fixture
def plugin(registry, monkeypatch, tmp_path):
    """Write a module that another package would bring, and announce it."""

    def announce(source: str) -> None:
        (tmp_path / "extra_widgets.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "extra_widgets", raising=False)
        monkeypatch.setattr(_parts, "registry_under_test", registry, raising=False)
        found = {"inr.widgets": [EntryPoint("extra", "extra_widgets", "inr.widgets")]}
        monkeypatch.setattr(_parts, "entry_points", lambda group: found.get(group, []))

    return announce


def test_other_packages_add_parts(registry, plugin):
    plugin(
        "from inr._parts import Part, registry_under_test\n"
        "@registry_under_test.register('extra')\n"
        "class Extra(Part): pass\n"
    )
    assert registry.names() == ["extra", "round", "square"]
    assert registry.build("extra").config() == {"name": "extra"}


def test_a_broken_plugin_is_named_every_time(registry, plugin):
    plugin("raise RuntimeError('no such symbol')")
    for _ in range(2):
        with pytest.raises(InrError, match="the plug-in extra = extra_widgets does not load: no such symbol"):
            registry.names()


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("hash", {"name": "hash"}),
        (" hash ", {"name": "hash"}),
        ("hash:levels=16,features=2", {"name": "hash", "levels": 16, "features": 2}),
        ("hash: levels = 16 , features = 2", {"name": "hash", "levels": 16, "features": 2}),
        ("f:sigma=1e-3,kind=gaussian", {"name": "f", "sigma": 1e-3, "kind": "gaussian"}),
        ("f:a=True,b=FALSE,c=None", {"name": "f", "a": True, "b": False, "c": None}),
        ("f:a=-3,b=-3.5", {"name": "f", "a": -3, "b": -3.5}),
        ("sape:over=(fourier:sigma=20,kind=basic),n=3", {
            "name": "sape", "over": {"name": "fourier", "sigma": 20, "kind": "basic"}, "n": 3,
        }),
        ("a:x=(b:y=(c:z=1))", {"name": "a", "x": {"name": "b", "y": {"name": "c", "z": 1}}}),
        ("a:x=b=c", {"name": "a", "x": "b=c"}),
    ],
)  # fmt: skip
def test_parse(text, config):
    assert parse_spec(text) == config


@pytest.mark.parametrize(
    "spec",
    [
        "",
        " ",
        ":",
        ":a=1",
        "3d",
        "a b",
        "hash:",
        "hash:levels",
        "hash:levels=",
        "hash:=3",
        "hash:levels=1,",
        "hash:levels=1,levels=2",
        "hash:name=dense",
        "a:x=(b",
        "a:x=b)",
        "a:x=)b(",
        "a:x=()",
        "a:x=(b)(c)",
        "a:x=" + "(b:x=" * 2000 + "1" + ")" * 2000,
        {},
        {"name": 3},
        {"name": "a\x1b[31m"},
        {"name": "a", 3: 4},
        {"levels": 3},
    ],
)
def test_what_is_no_spec_is_refused(spec):
    with pytest.raises(InrError) as caught:
        parse_spec(spec)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("spec", [None, 3, ["hash"], b"hash"])
def test_other_types_are_refused_without_type_checks(spec):
    with pytest.raises(InrError, match="is not a part"):
        inspect.unwrap(parse_spec)(spec)


words = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda word: word not in ("true", "false", "none", "nan", "inf", "infinity", "name")
)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
configs = st.recursive(
    st.builds(lambda name, rest: {"name": name, **rest}, words, st.dictionaries(words, leaves, max_size=4)),
    lambda inner: st.builds(lambda name, key, over: {"name": name, key: over}, words, words, inner),
    max_leaves=4,
)


@given(configs)
def test_format_is_the_inverse_of_parse(config):
    assert parse_spec(format_spec(config)) == config


@given(st.text(alphabet="ab1:=,() .-", max_size=30))
def test_any_text_parses_or_is_refused(text):
    try:
        config = parse_spec(text)
    except InrError:
        return
    assert parse_spec(format_spec(config)) == config


@pytest.mark.parametrize(
    ("allowed", "text", "inside", "outside"),
    [
        (Range(1, 32), "1 to 32", (1, 32), (0, 33)),
        (Range(0, 0.5), "0 to 0.5", (0, 0.5), (-1e-9, 0.51)),
        (Range(1), ">= 1", (1, 1e300), (0.999,)),
        (Range(0, above=True), "> 0", (1e-300,), (0, -1)),
        (Range(0, 1, above=True), "> 0 and <= 1", (1e-9, 1), (0, 1.1)),
        (Range(high=5), "<= 5", (-1e9, 5), (6,)),
        (Range(), "any number", (-1e9, 1e9), ()),
        (Range(2**20, 2**24 + 1), "1048576 to 16777217", (2**20,), (1,)),
        (Range(1e-5, 1), "1e-05 to 1", (1e-5,), (0,)),
    ],
)
def test_ranges(allowed, text, inside, outside):
    assert str(allowed) == text
    assert all(value in allowed for value in inside)
    assert not any(value in allowed for value in (*outside, float("nan")))


def test_check_value_gives_the_parameters_own_type():
    param = Param("x", float, 1.0, None, "")
    assert type(check_value(param, 3, "here")) is float


def test_parameters_of_any_name_share_one_declaration():
    registry = Registry("widget")

    @registry.register("many")
    class Many(Part):
        def __init__(self, *, size: int = 1, **axes: Annotated[dict | str, "parts by axes"]) -> None:
            self.seen = (size, axes)

    many = registry.build("many:size=3,x=(round:levels=2),t=plain")
    assert many.seen == (3, {"x": {"name": "round", "levels": 2}, "t": "plain"})
    assert registry.build(many.config()).seen == many.seen
    assert [(param.name, param.open, param.required) for param in registry.info("many").params] == [
        ("size", False, False),
        ("axes", True, True),
    ]
    with pytest.raises(InrError, match="widget 'many' needs parts by axes"):
        registry.build("many:size=3")
    with pytest.raises(InrError, match="widget 'many': x must be a part or a word, got 3"):
        registry.build("many:x=3")
