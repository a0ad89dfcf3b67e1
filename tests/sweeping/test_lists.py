"""Lists of parts: what a comma separates, and what a value of several stands for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inr import InrError
from inr._specs import format_spec, parse_spec
from inr.sweeping import split_specs

names = st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True)
values = st.one_of(
    st.integers(-99, 99),
    st.floats(-99, 99, allow_nan=False),
    st.booleans(),
    st.none(),
    st.sampled_from(["step", "a-b"]),
)
flat = st.builds(lambda name, params: {**params, "name": name}, names, st.dictionaries(names, values, max_size=3))
nested = st.builds(
    lambda name, params: {**params, "name": name},
    names,
    st.dictionaries(names, st.one_of(values, flat), max_size=3),
)


@settings(max_examples=25)
@given(st.lists(nested, min_size=1, max_size=5))
def test_a_list_falls_into_the_parts_it_was_made_of(configs):
    spelled = list(dict.fromkeys(map(format_spec, configs)))
    assert split_specs(",".join(spelled)) == spelled
    assert split_specs(spelled) == spelled
    assert split_specs(configs) == spelled


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hash", ["hash"]),
        ("hash,fourier:sigma=10,frequencies=64,sape", ["hash", "fourier:sigma=10,frequencies=64", "sape"]),
        (" hash , fourier: sigma = 10 ", ["hash", "fourier:sigma=10"]),
        ("fourier,sigma=10", ["fourier:sigma=10"]),
        ("sape:over=(fourier:sigma=2,kind=radial),hash", ["sape:over=(fourier:sigma=2,kind=radial)", "hash"]),
        ("fourier:sigma=1|4,kind=radial|gaussian", [
            "fourier:sigma=1,kind=radial", "fourier:sigma=1,kind=gaussian",
            "fourier:sigma=4,kind=radial", "fourier:sigma=4,kind=gaussian",
        ]),
        ("sape:over=(fourier:sigma=1|2)|hash", [
            "sape:over=(fourier:sigma=1)", "sape:over=(fourier:sigma=2)", "sape:over=hash",
        ]),
        ("hash,hash,hash:levels=4", ["hash", "hash:levels=4"]),
    ],
)  # fmt: skip
def test_spellings(text, parts):
    assert [parse_spec(spec) for spec in split_specs(text)] == [parse_spec(spec) for spec in parts]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty item"),
        ("hash,,dense", "empty item"),
        ("levels=4", "no part"),
        ("9lives", "no part"),
        ("hash:levels", "not key=value"),
        ("hash:levels=(", "unbalanced"),
        ("hash:levels=3,levels=4", "twice"),
        ("hash:levels=" + "|".join(map(str, range(99))) + ",features=" + "|".join(map(str, range(99))), "fewer values"),
    ],
)
def test_what_is_no_list_is_refused(text, word):
    with pytest.raises(InrError, match=word):
        split_specs(text)
