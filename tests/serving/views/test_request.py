"""Paths of the IIIF Image API: what they ask for, how they are spelt, and what is refused."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inr.serving.views import BadRequest, Canvas, identify, info_json, link_header, parse

PICTURE = Canvas((640, 480), False, 3, ("error", "slope"), cost=100.0)
GREY = Canvas((640, 480), False, 1)
HUGE = Canvas((20_000, 10_000), False, 3)
VOLUME = Canvas((64, 48, 32), False, 1)
VIDEO = Canvas((64, 48, 10), True, 3)
SERIES = Canvas((64, 48, 32, 10), False, 1)


def asked(path: str, canvas: Canvas = PICTURE, name: str = "cat"):
    region, size, rotation, quality = path.split("/")
    return parse(identify(name), region, size, rotation, quality, canvas)


@pytest.mark.parametrize(
    ("path", "region", "size", "canonical"),
    [
        ("full/max/0/default.jpg", (0, 0, 640, 480), (640, 480), "full/max/0/default.jpg"),
        ("0,0,640,480/640,/360/color.jpg", (0, 0, 640, 480), (640, 480), "full/max/0/default.jpg"),
        ("square/max/0/gray.png", (80, 0, 480, 480), (480, 480), "80,0,480,480/max/0/gray.png"),
        ("600,400,100,100/max/0/default.jpg", (600, 400, 40, 80), (40, 80), "600,400,40,80/max/0/default.jpg"),
        ("pct:50,25,50,50/max/0/default.jpg", (320, 120, 320, 240), (320, 240), "320,120,320,240/max/0/default.jpg"),
        ("pct:90,90,50,50/max/0/default.jpg", (576, 432, 64, 48), (64, 48), "576,432,64,48/max/0/default.jpg"),
        ("pct:0,0,10.1,10/max/0/default.jpg", (0, 0, 64.64, 48), (65, 48), "pct:0,0,10.1,10/max/0/default.jpg"),
        ("full/320,/0/default.jpg", (0, 0, 640, 480), (320, 240), "full/320,240/0/default.jpg"),
        ("full/,100/0/default.jpg", (0, 0, 640, 480), (133, 100), "full/133,100/0/default.jpg"),
        ("full/100,100/0/default.jpg", (0, 0, 640, 480), (100, 100), "full/100,100/0/default.jpg"),
        ("full/!100,100/0/default.jpg", (0, 0, 640, 480), (100, 75), "full/100,75/0/default.jpg"),
        ("full/pct:25/0/default.jpg", (0, 0, 640, 480), (160, 120), "full/160,120/0/default.jpg"),
        ("full/^pct:200/0/default.jpg", (0, 0, 640, 480), (1280, 960), "full/^1280,960/0/default.jpg"),
        ("full/^max/0/default.jpg", (0, 0, 640, 480), (640, 480), "full/max/0/default.jpg"),
        ("full/^100,/0/default.jpg", (0, 0, 640, 480), (100, 75), "full/100,75/0/default.jpg"),
        ("full/^!6400,960/0/default.jpg", (0, 0, 640, 480), (1280, 960), "full/^1280,960/0/default.jpg"),
        ("full/max/!22.50/slope.tif", (0, 0, 640, 480), (640, 480), "full/max/!22.5/slope.tif"),
        ("0,0,1,480/pct:10/270.0/error.webp", (0, 0, 1, 480), (1, 48), "0,0,1,480/1,48/270/error.webp"),
    ],
)
def test_what_a_path_asks_for(path, region, size, canonical):
    request = asked(path)
    assert request.region == pytest.approx(region, abs=1e-9)
    assert (request.size, request.canonical) == (size, canonical)
    again = asked(canonical)
    assert (again.region, again.size, again.canonical) == (pytest.approx(request.region, abs=1e-6), size, canonical)


def test_gray_is_the_default_of_a_grey_picture():
    assert asked("full/max/0/gray.jpg", GREY).canonical == "full/max/0/default.jpg"
    assert asked("full/max/0/color.jpg", GREY).canonical == "full/max/0/default.jpg"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("all/max/0/default.jpg", "no region"),
        ("1,2,3/max/0/default.jpg", "no region"),
        ("-1,0,5,5/max/0/default.jpg", "no region"),
        ("1.5,0,5,5/max/0/default.jpg", "no region"),
        ("640,0,5,5/max/0/default.jpg", "outside of the image, which has 640 x 480"),
        ("0,0,0,5/max/0/default.jpg", "empty"),
        ("pct:0,0,0,5/max/0/default.jpg", "empty"),
        ("full/full/0/default.jpg", "no size"),
        ("full/,/0/default.jpg", "no size"),
        ("full/!10,/0/default.jpg", "no size"),
        ("full/0,/0/default.jpg", "no pixels"),
        ("full/pct:0/0/default.jpg", "no pixels"),
        ("full/641,/0/default.jpg", r"enlarged by \^641,"),
        ("full/pct:101/0/default.jpg", "larger than the region"),
        ("full/!1000,1000/0/default.jpg", "larger than the region"),
        ("full/^5000,5000/0/default.jpg", "too many"),
        ("full/^16001,1/0/default.jpg", "too many"),
        ("full/^999999999,/0/default.jpg", "too many"),
        ("full/^15000,1000/45/default.jpg", "after it is turned"),
        ("full/max/361/default.jpg", "no rotation"),
        ("full/max/-90/default.jpg", "no rotation"),
        ("full/max/1e2/default.jpg", "no rotation"),
        ("full/max/!/default.jpg", "no rotation"),
        ("full/max/0/default.gif", "'gif' is no format"),
        ("full/max/0/default", "no format"),
        ("full/max/0/native.jpg", "'native' is no quality"),
        ("full/max/٣/default.jpg", "no rotation"),
    ],
)
def test_what_is_refused(path, words):
    with pytest.raises(BadRequest, match=words):
        asked(path)


def test_a_quality_that_an_image_has_not_is_refused():
    with pytest.raises(BadRequest, match="has default, color, gray, bitonal"):
        asked("full/max/0/error.jpg", GREY)


def test_enlarged_canvases_have_a_largest_width():
    request = asked("full/max/0/default.jpg", name="cat@16x")
    assert (request.region, request.size) == ((0, 0, 10240, 7680), (4096, 3072))
    assert request.canonical == "full/max/0/default.jpg"
    assert asked("0,0,2048,1024/^max/0/default.jpg", name="cat@16x").canonical == "0,0,2048,1024/^max/0/default.jpg"
    assert asked("0,0,256,256/^!9999,9999/0/default.jpg", name="cat@16x").size == (4096, 4096)
    with pytest.raises(BadRequest, match="4096 a side"):
        asked("0,0,256,256/^4097,/0/default.jpg", name="cat@16x")
    assert asked("full/max/0/default.jpg", HUGE).size == (4096, 2048)


def test_what_a_renderer_is_told_is_in_samples():
    told = asked("512,256,256,128/256,128/!90/default.png", name="cat@8x").to_json()
    assert told == {
        "slices": {}, "region": [64, 32, 32, 16], "size": [256, 128], "mirrored": True, "rotation": 90.0,
        "quality": "default", "form": "png",
    }  # fmt: skip


def test_cost_counts_what_is_evaluated():
    tile = "0,0,256,256/max/0/default.jpg"
    assert asked("0,0,128,128/^256,256/0/default.jpg").cost == 256 * 256 * 100 * 4  # places in each cell
    assert asked(tile).cost < 256 * 256 * 100  # kept, as what is shrunk
    assert asked(tile, name="cat@8x").cost == 256 * 256 * 100
    assert asked("full/320,/0/default.jpg").cost < 320 * 240 * 100
    assert asked("0,0,256,256/max/10/default.jpg").cost == 256 * 256 * 100 * 4


@pytest.mark.parametrize(
    ("text", "spelt", "scale"),
    [
        ("cat", "cat", 1), ("cat@1x", "cat", 1), ("cat@64x", "cat@64x", 64), ("signal-12;z=0", "signal-12;z=0", 1),
        ("a-b;t=0.250;z=1@2x", "a-b;t=0.25;z=1@2x", 2),
    ],
)  # fmt: skip
def test_identifiers(text, spelt, scale):
    identifier = identify(text)
    assert (str(identifier), identifier.scale) == (spelt, scale)
    assert identify(str(identifier)) == identifier


@pytest.mark.parametrize("text", ["", "cat@0x", "cat@x", "cat@2", "cat@1.5x", "cat@2x@2x", "cat@9999999x", ";z=0@"])
def test_canvases_that_are_none_are_refused(text):
    with pytest.raises(BadRequest):
        identify(text)


@pytest.mark.parametrize("text", ["cat;z", "cat;z=2", "cat;z=-1", "cat;z=nan", "cat;u=0.5", "cat;z=0;z=1", "cat;z=1.5"])
def test_slices_that_are_none_are_refused(text):
    with pytest.raises(BadRequest, match="is no slice"):
        identify(text)


def test_slices_leave_a_plane():
    assert VOLUME.plane({}) == (64, 48)
    assert VOLUME.plane({"x": 0.5}) == (48, 32)
    assert VOLUME.fixed({}) == {2: 0.5}
    assert VIDEO.fixed({"t": 0.1}) == {2: 0.1}
    assert SERIES.fixed({"z": 0.25}) == {2: 0.25, 3: 0.5}
    assert SERIES.plane({"x": 0, "y": 1}) == (32, 10)
    for canvas, slices in ((PICTURE, {"z": 0.5}), (VIDEO, {"z": 0.5}), (VOLUME, {"x": 0.5, "y": 0.5})):
        with pytest.raises(BadRequest):
            canvas.plane(slices)


def test_info_json_of_a_picture():
    assert info_json("http://here/iiif/3", identify("cat"), PICTURE) == {
        "@context": "http://iiif.io/api/image/3/context.json",
        "id": "http://here/iiif/3/cat",
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2",
        "width": 640,
        "height": 480,
        "sizes": [{"width": 160, "height": 120}, {"width": 320, "height": 240}, {"width": 640, "height": 480}],
        "tiles": [{"width": 256, "height": 256, "scaleFactors": [1, 2, 4]}],
        "preferredFormats": ["jpg"],
        "extraFormats": ["webp", "tif"],
        "extraQualities": ["color", "gray", "bitonal", "error", "slope"],
        "extraFeatures": [
            "canonicalLinkHeader", "mirroring", "profileLinkHeader", "rotationArbitrary", "sizeUpscaling",
        ],
    }  # fmt: skip


def test_info_json_of_a_larger_canvas_of_a_slice():
    found = info_json("http://here/iiif/3", identify("v;z=0.5@64x"), VOLUME)
    assert (found["id"], found["width"], found["height"]) == ("http://here/iiif/3/v;z=0.5@64x", 4096, 3072)
    assert (found["maxWidth"], found["tiles"][0]["scaleFactors"]) == (4096, [1, 2, 4, 8, 16])
    assert found["sizes"][-1] == {"width": 4096, "height": 3072}
    assert info_json("", identify("cat"), HUGE)["maxWidth"] == 4096


def test_canvases_end_where_coordinates_are_told_apart():
    assert info_json("", identify("v@16384x"), VOLUME)["width"] == 1 << 20
    with pytest.raises(BadRequest, match="16384 times at most"):
        info_json("", identify("v@16385x"), VOLUME)


def test_links_name_the_canonical_address():
    request = asked("0,0,64,64/64,64/0/color.jpg", name="a b@8x")
    assert link_header("http://here/iiif/3", request) == (
        '<http://here/iiif/3/a%20b@8x/0,0,64,64/max/0/default.jpg>;rel="canonical", '
        '<http://iiif.io/api/image/3/level2.json>;rel="profile"'
    )


PIECE = st.text(st.sampled_from(string.printable + "٣½é"), max_size=12)


@given(PIECE, st.tuples(PIECE, PIECE, PIECE, PIECE))
@example("v;z=0.000000001@2x", ("full", "max", "0", "default.jpg"))
def test_whatever_is_asked_is_answered_or_refused(name, path):
    try:
        request = parse(identify(name), *path, VOLUME)
    except BadRequest:
        return
    assert identify(str(request.identifier)) == request.identifier


NUMBER = st.one_of(st.integers(0, 700).map(str), st.floats(0, 120).map(lambda number: f"{number:.7f}"))


@given(
    st.one_of(
        st.sampled_from(["full", "square"]),
        st.tuples(*[st.integers(0, 700)] * 4).map(lambda box: ",".join(map(str, box))),
        st.tuples(*[NUMBER] * 4).map(lambda box: "pct:" + ",".join(box)),
    ),
    st.tuples(
        st.sampled_from(["", "^"]),
        st.one_of(st.just("max"), NUMBER.map("pct:{}".format), st.tuples(NUMBER, NUMBER).map(",".join)),
    ).map("".join),
    st.sampled_from([1, 3, 16]),
)
def test_the_canonical_path_asks_for_the_same(region, size, scale):
    try:
        request = parse(identify(f"cat@{scale}x"), region, size, "0", "default.png", PICTURE)
    except BadRequest:
        return
    again = parse(request.identifier, *request.canonical.split("/"), PICTURE)
    assert (again.size, again.canonical) == (request.size, request.canonical)
    assert again.region == pytest.approx(request.region, abs=1e-4)
    left, top, across, down = request.region
    assert 0 <= left < left + across <= 640 * scale + 1e-6
    assert 0 <= top < top + down <= 480 * scale + 1e-6
