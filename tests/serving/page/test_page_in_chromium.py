"""The page in Chromium against a running service: what people do with it, by pointer and by keyboard."""

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from inr.serving.problems import TYPES
from tests.serving.page.conftest import PHONE, WIDE, Open, Service, drop, eventually, picture, shot, still
from tests.tables import mostly_long

pytestmark = pytest.mark.service


def view(name: str, fields: tuple[str, str]) -> str:
    """The address of a view."""
    return {
        "start": "#/",
        "fit": f"#/fit/{fields[0]}",
        "compare": f"#/compare/{fields[0]}/{fields[1]}",
        "zoom": f"#/zoom/{fields[0]}",
        "library": "#/library",
        "api": "#/api",
    }[name]


VIEWS = ("start", "fit", "compare", "zoom", "library", "api")


def settle(page: Any) -> None:
    """Waits until a view is drawn: every picture has come, and every ruler has its length."""
    page.locator("h1").first.wait_for()
    page.wait_for_function(
        """() => [...document.images].every((image) => image.complete || image.loading === "lazy")
          && [...document.querySelectorAll(".rule-text")].every((rule) => rule.textContent)"""
    )


def rule(page: Any, which: int = 0) -> str:
    return str(page.locator(".rule-text").nth(which).inner_text())


def test_a_dropped_picture_sharpens_and_is_announced(visit: Open):
    page = visit()
    previews: list[str] = []
    page.on("response", lambda answer: previews.append(answer.url) if "preview.webp" in answer.url else None)
    page.get_by_role("radio", name="10 s").check()
    drop(page, "dropped.png", picture(left=40, side=128))
    page.locator(".job h1").wait_for()
    assert page.locator(".job h1").inner_text() == "dropped.png"
    page.get_by_role("link", name="Download").wait_for()
    assert re.fullmatch(r"\d+\.\d dB|exact", page.locator(".figure-large").inner_text())
    assert previews
    assert "Done" in page.locator("#announcer").inner_text()
    page.reload()
    page.get_by_text("As a table").click()
    assert page.locator(".curve tbody tr").count() > 1


def test_a_fit_can_be_paused_and_stopped(visit: Open):
    page = visit()
    page.get_by_role("radio", name="2 min").check()
    page.get_by_role("button", name="Try the cat").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused").wait_for()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped", exact=True).wait_for()
    assert page.get_by_role("button", name="Fit again").is_visible()


def test_what_happens_while_an_answer_is_on_its_way_is_not_missed(visit: Open):
    page = visit()
    states: list[str] = []

    def late(route: Any) -> None:
        answer = route.fetch()
        states.append(answer.json()["state"])
        if len(states) == 1:
            time.sleep(3)
        route.fulfill(response=answer)

    page.route(re.compile(r"/v1/jobs/[0-9a-f-]{36}$"), late)
    page.get_by_role("radio", name="2 min").check()
    page.get_by_role("button", name="Try the cat").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped", exact=True).wait_for()


def test_what_cannot_be_read_is_said_in_a_sentence(visit: Open, service: Service):
    page = visit()
    before = len(service.call("GET", "/v1/jobs")["items"])
    drop(page, "notes.txt", b"no picture at all")
    notice = page.locator(".notice")
    notice.wait_for()
    assert len(notice.locator("p").inner_text()) > 10
    notice.get_by_role("button", name="Close").click()
    assert notice.count() == 0
    assert len(service.call("GET", "/v1/jobs")["items"]) == before


def test_two_fits_are_compared_by_line_and_keys(visit: Open, fields: tuple[str, str]):
    page = visit(view("compare", fields))
    settle(page)
    stage = page.locator(".stage-canvas")
    page.keyboard.press("a")
    assert page.locator(".side-left.off").count() == 0
    assert page.locator(".side-right.off").count() == 1
    one = still(page, stage)
    page.keyboard.press("b")
    assert page.locator(".side-left.off").count() == 1
    eventually(page, lambda: shot(stage) != one)
    page.keyboard.press("c")
    line = page.get_by_role("slider", name="Line between A and B")
    line.focus()
    page.keyboard.press("ArrowLeft")
    assert line.input_value() == "49.5"
    box = page.locator(".split-line").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 300, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert float(line.input_value()) < 40


def test_field_and_pixels_are_zoomed_together_beyond_the_pixels(visit: Open, fields: tuple[str, str]):
    page = visit(view("zoom", fields))
    tiles: list[Any] = []
    page.on("response", lambda answer: tiles.append(answer) if "/iiif/3/" in answer.url else None)
    settle(page)
    whole = rule(page)
    page.locator(".openseadragon-canvas").first.focus()
    for _ in range(14):
        page.keyboard.press("+")
        page.wait_for_timeout(60)
    eventually(page, lambda: any("@64x" in answer.url and "signal-" not in answer.url for answer in tiles))
    eventually(page, lambda: rule(page) != whole and float(rule(page).split()[0]) <= 1)
    eventually(page, lambda: rule(page, 0) == rule(page, 1))
    assert [answer.url for answer in tiles if answer.status >= 400] == []


def test_the_browser_computes_what_the_service_draws(visit: Open, fields: tuple[str, str]):
    page = visit(view("zoom", fields))
    settle(page)
    found = page.evaluate(
        """async (id) => {
          const { Program } = await import("./lib/program.js");
          const field = await (await fetch(`/v1/fields/${id}`)).json();
          const program = await Program.of(field, true);
          if (!program) return null;
          const [rows, columns] = field.shape.map((side) => 8 * side);
          const drawn = program.tile([16 / columns, 40 / rows], [1 / columns, 1 / rows], [64, 48]);
          const tile = await fetch(`${field.links.iiif.replace("/info.json", "")}@8x/16,40,64,48/64,48/0/default.png`);
          const asked = new OffscreenCanvas(64, 48).getContext("2d");
          asked.drawImage(await createImageBitmap(await tile.blob()), 0, 0);
          return [drawn, asked].map((each) => Array.from(each.getImageData(0, 0, 64, 48).data));
        }""",
        fields[0],
    )
    assert found is not None, "the browser has no program, or no WebGL 2"
    differences = [abs(here - there) for here, there in zip(*found, strict=True)]
    assert max(found[0]) > min(found[0])
    assert max(differences) <= 1  # where rounding to whole grey levels falls to the other side
    assert sum(differences) <= 0.02 * len(differences)


def test_layers_show_original_error_and_slope(visit: Open, fields: tuple[str, str]):
    page = visit(view("fit", fields))
    settle(page)
    stage = page.locator(".stage-canvas")
    seen = {still(page, stage)}
    for name in ("Original", "Error", "Slope"):
        with page.expect_response(lambda answer: answer.url.endswith((".jpg", ".png"))) as tile:
            page.get_by_role("radio", name=name).check()
        assert tile.value.status == 200
        eventually(page, lambda: shot(stage) not in seen)
        seen.add(still(page, stage))
    assert len(seen) == 4


def test_what_holds_a_fit_back_is_on_a_card(visit: Open, fields: tuple[str, str], service: Service):
    finding = {
        "sentence": "The field is too small: width 6 -> 12 (expected +5.0 dB)",
        "changed": "--network mlp:width=12",
        "expected": 5.0,
    }
    told: list[Any] = [[finding], [], None]

    def explained(route: Any) -> None:
        answer = route.fetch()
        job = answer.json()
        job["metrics"]["verdict"] = told[0]
        route.fulfill(response=answer, json=job)

    page = visit()
    page.route(re.compile(rf"/v1/jobs/{fields[0]}$"), explained)
    page.goto(f"{service.base}/{view('fit', fields)}")
    card = page.locator(".verdict")
    card.locator("li").wait_for()
    assert finding["sentence"] in card.locator("li").inner_text()
    assert card.locator("code").inner_text() == finding["changed"]
    for words in ("Nothing stands out", None):
        told.pop(0)
        page.reload()
        settle(page)
        page.get_by_role("link", name="Download").wait_for()
        assert card.is_visible() == (words is not None)
        assert words is None or words in card.inner_text()


def test_the_file_is_taken_home(visit: Open, fields: tuple[str, str], service: Service):
    page = visit(view("fit", fields))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "eye.inr"
    size = service.call("GET", f"/v1/fields/{fields[0]}")["bytes"]
    assert download.value.path().stat().st_size == size


def test_a_share_is_seen_without_signing_in_until_it_is_revoked(visit: Open, fields: tuple[str, str], service: Service):
    page = visit(view("fit", fields))
    page.get_by_role("button", name="Share").click()
    link = page.get_by_role("textbox", name="Link").first.input_value()
    assert link.startswith(f"{service.base}/#/shared/")
    guest = visit(link.removeprefix(f"{service.base}/"), signed_in=False)
    guest.get_by_role("link", name="Download").wait_for()
    assert guest.locator("h1").inner_text() == "eye.png"
    assert guest.locator("#tabs").is_hidden()
    guest.context.close()
    page.get_by_role("button", name="Revoke this link").first.click()
    page.locator(".share-list li").wait_for(state="detached")
    gone = visit(link.removeprefix(f"{service.base}/"), signed_in=False)
    gone.locator(".empty h1").wait_for()
    assert gone.get_by_role("link", name="Download").count() == 0


def test_a_smaller_size_is_shown_beside_other_formats(visit: Open, fields: tuple[str, str]):
    page = visit(view("fit", fields))
    page.get_by_role("button", name="Make smaller").click()
    page.locator(".codecs tbody tr").first.wait_for()
    assert "JPEG" in page.locator(".codecs").inner_text()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")


def test_a_sound_is_seen_and_heard_at_any_rate(visit: Open, sound: str):
    page = visit(f"#/fit/{sound}")
    page.get_by_role("button", name="Play").wait_for()
    page.wait_for_function("() => document.querySelector('audio').duration > 0")
    audio = page.locator("audio")
    assert audio.evaluate("(element) => element.duration") == pytest.approx(0.5, abs=0.01)
    assert page.get_by_role("radio", name="8", exact=True).is_checked()
    page.get_by_role("radio", name="44.1").check()
    assert "rate=44100" in audio.get_attribute("src")
    page.wait_for_function(
        """() => {
          const canvas = document.querySelector(".wave-canvas");
          return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
        }"""
    )


def test_a_volume_is_seen_slice_by_slice(visit: Open, volume: str):
    page = visit(f"#/fit/{volume}")
    slider = page.locator(".slice input")
    slider.wait_for()
    settle(page)
    with page.expect_response(lambda answer: ";z=" in answer.url and answer.url.endswith("info.json")) as info:
        slider.focus()
        page.keyboard.press("ArrowRight")
    assert info.value.status == 200
    assert ";z=0.53125@" in info.value.url


def test_the_library_is_searched_and_two_are_chosen(visit: Open, fields: tuple[str, str], sound: str):
    page = visit("#/library")
    page.locator(".card").first.wait_for()
    page.get_by_role("radio", name="Sounds").check()
    assert page.locator(".card").count() == 1
    page.get_by_role("radio", name="Pictures").check()
    page.get_by_role("searchbox", name="Search").fill("EYE")
    assert page.locator(".card").count() == 2
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.locator(".compare-bar a").click()
    page.locator(".split-line").wait_for()


def test_a_field_is_deleted_after_a_question(visit: Open, service: Service):
    made = service.fit("short-lived.png", picture(left=200), steps=20, exact=True)
    page = visit("#/library")
    page.get_by_role("button", name="Delete short-lived.png").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.locator(f'[data-job="{made}"]').wait_for(state="detached")
    assert made not in {job["id"] for job in service.call("GET", "/v1/jobs")["items"]}


def test_whoever_is_not_known_signs_in(visit: Open, service: Service):
    page = visit("#/library", signed_in=False)
    code = page.get_by_label("Link, code or token")
    code.fill("wrong")
    page.keyboard.press("Enter")
    page.locator(".field-problem", has_text="code").wait_for()
    code.fill(service.token)
    page.keyboard.press("Enter")
    page.locator(".hero").wait_for()


def test_a_lost_connection_is_said_and_found_again(visit: Open):
    page = visit()
    page.route("**/v1/events", lambda route: route.abort())
    page.reload()
    page.locator("#lost").wait_for()
    assert "lost" in page.locator("#lost").inner_text()
    page.unroute("**/v1/events")
    page.locator("#lost").wait_for(state="hidden")


def test_nothing_is_streamed_to_a_page_that_nobody_sees(visit: Open, service: Service):
    page = visit()
    streams: list[Any] = []
    page.on("request", lambda request: streams.append(request) if request.url.endswith("/v1/events") else None)
    page.reload()
    page.locator(".hero").wait_for()
    with page.expect_request("**/v1/queue"):  # which an event makes the page ask
        service.fit("unseen.png", picture(left=170), steps=20, exact=True)
    seen = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    seen += "document.dispatchEvent(new Event('visibilitychange')); }"
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/v1/events")):
        page.evaluate(seen, True)
    assert len(streams) == 1
    assert "last-event-id" not in streams[0].headers
    page.evaluate(seen, False)
    eventually(page, lambda: len(streams) == 2)
    assert int(streams[1].headers["last-event-id"]) > 0


def test_every_endpoint_is_told_with_a_line_that_asks_it(visit: Open, service: Service):
    """The line of curl is right as it stands, and the address of a group leads to it."""
    schema = service.call("GET", "/openapi.json")
    asked = {(method.upper(), path) for path, methods in schema["paths"].items() for method in methods}
    page = visit("#/library")
    page.get_by_role("link", name="API for programs").click()
    page.locator(".endpoint").first.wait_for()
    told = [summary.locator("code").all_inner_texts()[:2] for summary in page.locator(".endpoint summary").all()]
    assert sorted(map(tuple, told)) == sorted(asked)
    page.get_by_role("link", name="Users", exact=True).click()
    page.locator("#api-users h2:focus").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    line = page.locator("#api-users .command code").inner_text()
    assert line == f"curl -H \"Authorization: Bearer $INR_TOKEN\" '{service.base}/v1/me'"
    known = {"INR_TOKEN": service.token, "PATH": os.environ["PATH"]}
    ran = subprocess.run(["bash", "-c", f"{line} --silent"], env=known, capture_output=True, check=True)
    assert json.loads(ran.stdout)["name"] == "owner"
    types = page.locator("#api-problems tbody a").all_inner_texts()
    assert types == list(TYPES)


def test_what_a_stopped_fit_kept_is_in_the_library(visit: Open, service: Service):
    made = service.stopped("stopped.png", picture(left=20))
    assert made in {job["id"] for job in service.call("GET", "/v1/fields")["items"]}
    page = visit("#/library")
    card = page.locator(f'[data-job="{made}"]')
    card.get_by_role("link", name="Download stopped.png").wait_for()
    assert "Stopped" in card.inner_text()


def test_the_theme_is_switched_and_kept(visit: Open):
    page = visit()
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate("getComputedStyle(document.body).colorScheme || document.documentElement.dataset.theme") in (
        "dark", "light dark",
    )  # fmt: skip
    page.reload()
    page.get_by_role("button", name="Light theme").wait_for()


def test_everything_is_reached_by_keyboard_and_seen_where_it_is(visit: Open, fields: tuple[str, str]):
    page = visit()
    page.reload()
    settle(page)
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const e = document.activeElement; const s = getComputedStyle(e), b = e.getBoundingClientRect();
              const beside = e.nextElementSibling && getComputedStyle(e.nextElementSibling);
              return [e.textContent.trim() || e.getAttribute("aria-label") || e.type, s.outlineStyle !== "none" ||
                beside?.outlineStyle !== "none", b.bottom > 0 && b.top < innerHeight]; }"""
        )
        seen.append(focused[0])
        assert focused[1:] == [True, True], focused
    assert seen[0] == "Skip to the content"
    for name in ("Fit", "Compare", "Zoom", "Library", "Choose a file", "Try the cat"):
        assert name in seen
    page = visit(view("fit", fields))
    settle(page)
    page.locator(".openseadragon-canvas").focus()
    whole = rule(page)
    for _ in range(6):
        page.keyboard.press("+")
        page.wait_for_timeout(150)
    eventually(page, lambda: rule(page) != whole)
    page.keyboard.press("0")
    eventually(page, lambda: rule(page) == whole)


@pytest.mark.parametrize(
    ("size", "scheme"),
    mostly_long([(WIDE, "light"), (PHONE, "dark"), (WIDE, "dark"), (PHONE, "light")], 2),
    ids=["wide-light", "phone-dark", "wide-dark", "phone-light"],
)
@pytest.mark.parametrize("name", [*VIEWS, "sound", "share", "compress", "sign-in", "shared"])
def test_axe_finds_nothing(
    visit: Open, fields: tuple[str, str], sound: str, service: Service, name: str, size: tuple[int, int], scheme: str
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    look = {"size": size, "scheme": scheme, "bypass_csp": True, "reduced_motion": "reduce"}  # axe is code put in
    if name == "sign-in":
        page = visit("#/library", signed_in=False, **look)
    elif name == "shared":
        share = service.call("POST", f"/v1/fields/{fields[0]}/shares")["name"]
        page = visit(f"#/shared/{share}", signed_in=False, **look)
    elif name == "sound":
        page = visit(f"#/fit/{sound}", **look)
    else:
        page = visit(view(name if name in VIEWS else "fit", fields), **look)
    settle(page)
    if name == "share":
        page.get_by_role("button", name="Share").click()
        page.locator(".share-list li").first.wait_for()
    elif name == "compress":
        page.get_by_role("button", name="Make smaller").click()
        page.locator(".codecs tbody tr").first.wait_for()
    elif name == "start":
        page.locator(".disclosure summary").click()
        page.locator(".part").first.wait_for()
    elif name == "api":
        page.get_by_text("Queue a job.").click()
        page.locator(".command").wait_for()
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = axe.Axe().run(page, options={"runOnly": tags}).response
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]] == []
    assert len(found["passes"]) > 15


@pytest.mark.parametrize("name", VIEWS)
def test_a_phone_shows_one_column_and_targets_for_a_thumb(visit: Open, fields: tuple[str, str], name: str):
    page = visit(view(name, fields), size=PHONE)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, a.button, .icon-button, input, select, #tabs a")]
          .filter((e) => e.checkVisibility() && !e.matches(".sr, .skip"))
          .map((e) => [e.outerHTML.slice(0, 120), e.getBoundingClientRect()])
          .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
    )
    assert small == []


def test_a_large_file_is_sent_in_pieces(visit: Open, tmp_path: Path):
    side = 2400
    path = tmp_path / "large.ppm"
    path.write_bytes(b"P6 %d %d 255\n" % (side, side) + bytes(range(256)) * (3 * side * side // 256))
    page = visit()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if "/v1/uploads" in request.url else None)
    page.set_input_files("#chooser", path)
    page.get_by_role("button", name="Stop").click()
    page.locator(".job-status", has_text="Stopp").wait_for()
    assert sent == ["POST", "PATCH", "PATCH", "PATCH"]


def test_a_shape_is_turned_and_saved_as_a_mesh(visit: Open, shape: str):
    page = visit(f"#/fit/{shape}")
    picture = page.locator(".turns .shape-picture")
    page.wait_for_function("() => document.querySelector('.turns .shape-picture')?.naturalWidth === 768")
    assert page.locator(".figure-large").inner_text().startswith("IoU 0.")
    before = picture.get_attribute("src")
    box = page.locator(".turns").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 - 100, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert page.locator(".slice-value").all_inner_texts() == ["85°", "20°"]
    eventually(page, lambda: picture.get_attribute("src") != before)
    page.get_by_role("button", name="Mesh").click()
    page.get_by_role("radio", name="OBJ").check()
    page.get_by_role("radio", name="128").check()
    with page.expect_download() as saved:
        page.get_by_role("dialog").get_by_role("button", name="Download").click()
    assert saved.value.suggested_filename == "box.obj"
    assert Path(saved.value.path()).read_text().count("\nf ") > 1000


def test_a_dropped_drawing_is_fitted_as_an_outline(visit: Open):
    page = visit()
    page.get_by_role("radio", name="10 s").check()
    drop(page, "square.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="8" height="8"/></svg>')
    page.get_by_role("link", name="Download").wait_for()
    page.get_by_role("button", name="Outline").wait_for()
    page.wait_for_function("() => document.querySelector('.stage .shape-picture')?.naturalWidth === 768")


def test_a_picture_is_compressed_to_a_quality(visit: Open, fields: tuple[str, str], service: Service):
    page = visit(view("fit", fields))
    page.get_by_role("button", name="Make smaller").click()
    dialog = page.get_by_role("dialog")
    page.get_by_role("radio", name="Code this field again").check()
    assert dialog.get_by_role("slider", name="Quality").count() == 0
    assert not dialog.get_by_role("radio", name="Best").is_visible()
    page.get_by_role("radio", name="Fit anew").check()
    page.get_by_role("radio", name="The quality").check()
    dialog.get_by_role("slider", name="Quality").fill("30")
    page.get_by_role("radio", name="Fast").check()
    dialog.get_by_role("button", name="Compress").click()
    page.get_by_text("Compression").wait_for()
    job = service.call("GET", "/v1/jobs?limit=1")["items"][0]
    assert (job["kind"], job["options"]) == ("compress", {"quality": 30, "preset": "fast"})
    service.call("POST", f"/v1/jobs/{job['id']}/cancel")


def test_a_compressed_picture_is_shown_beside_other_formats(visit: Open, fields: tuple[str, str]):
    page = visit(view("fit", fields))
    page.get_by_role("button", name="Make smaller").click()
    page.get_by_role("radio", name="Code this field again").check()
    page.get_by_role("slider", name="Size").fill("900")
    page.get_by_role("dialog").get_by_role("button", name="Compress").click()
    page.get_by_text("Recoding").wait_for()
    rows = page.locator(".others tbody tr")
    rows.first.wait_for()
    assert [name.split("\t")[0] for name in rows.all_inner_texts()][:4] == ["This field", "PNG", "JPEG", "WebP"]
