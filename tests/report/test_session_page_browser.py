"""``index.html`` in a real browser: no request, no complaint, hostile text does nothing, and keys reach everything."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.report.session_world import World, row, session

from opslab.report.session_page.page import write_page

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
HOSTILE = "<script>alert(1)</script><img src='http://192.0.2.1/x.png' onerror='alert(1)'>" + "x" * 3000


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if CHROMIUM is None:
        pytest.skip("this machine has no chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """The page of a session with something of everything."""
    world = World(tmp_path_factory.mktemp("lab"))
    event = {"event": "check_evaluated", "ts_utc": "2026-01-01T00:00:01Z", "check": "orders.true", "result": "fail"}
    rows = [
        row("passes", area="data"),
        row("defect", "known_defect"),
        row("fails", "fail", runs=[world.run("r-1")], budgets={"recover_within": [5, 7]}, **world.keep("fails", event)),
        row("hostile", "error", **dict.fromkeys(("title", "message", "area", "nodeid", "runbook"), HOSTILE)),
    ]
    return write_page(session(*rows), world.places).as_uri()


@pytest.fixture
def visit(browser, address):
    """Open the page and return it with what it complained of, and what it asked for."""
    opened = []

    def open_page(width: int = 1100, scheme: str = "light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        opened.append(page)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message) or dialog.dismiss())
        page.on("request", lambda asked: said.append(asked.url) if asked.url.startswith("http") else None)
        page.goto(address, wait_until="networkidle")
        return page, said

    yield open_page
    for page in opened:
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_it_asks_for_nothing_complains_of_nothing_and_fits(visit, width, scheme):
    page, said = visit(width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
    page.wait_for_load_state("networkidle")
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_complaint_is_noticed(visit):
    page, said = visit()
    page.evaluate("console.error('no')")
    assert said == ["no"]


def test_the_worst_is_open_and_its_timeline_is_drawn(visit):
    page, _ = visit()
    assert page.get_by_text("OPS-X bad").is_visible()
    assert page.get_by_role("img", name="timeline: steady 500 ms, verify 1.50 s").first.is_visible()
    assert not page.get_by_text("drills/test_it.py::passes").is_visible()
    boxes = [bar.bounding_box() for bar in page.locator(".drill[open] rect.bar").all()]
    assert boxes
    assert all(box["width"] > 1 for box in boxes)


def test_colours_follow_the_readers_scheme(visit):
    grounds = [
        visit(scheme=scheme)[0].evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(255, 255, 255)", "rgb(15, 19, 24)"]


CONTRAST = """() => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = text => text.match(/[0-9.]+/g).map(Number);
  const ground = node => { for (; node; node = node.parentElement) {
    const found = numbers(getComputedStyle(node).backgroundColor); if (found.length < 4 || found[3] > 0) return found; }
    return [255, 255, 255]; };
  return [...document.querySelectorAll('.chip, .took, .session, dt, dd, a, th, td, .message')]
    .filter(node => node.getClientRects().length)
    .map(node => { const pair = [light(numbers(getComputedStyle(node).color)), light(ground(node))].sort((a, b) => b - a);
      return [(pair[0] + 0.05) / (pair[1] + 0.05), node.outerHTML.slice(0, 80)]; })
    .filter(([ratio]) => ratio < 4.5); }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(visit, scheme):
    page, _ = visit(scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
    assert page.evaluate(CONTRAST) == []


def test_keys_reach_and_open_a_drill(visit):
    page, _ = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(
            "document.activeElement.tagName == 'SUMMARY' && document.activeElement.innerText.includes('passes')"
        ):
            break
    page.keyboard.press("Enter")
    assert page.get_by_text("drills/test_it.py::passes").is_visible()
