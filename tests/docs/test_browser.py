"""The built site: its links lead somewhere, and a real browser shows it without a complaint or a foreign request."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Links(HTMLParser):
    """Collects the links and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        self.anchors |= {given["id"]} if given.get("id") else set()


@pytest.fixture(scope="module")
def site(repository, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)]
    environ = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=repository, env=environ, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return place


def broken_links(site: Path) -> list[str]:
    pages = {path: Links() for path in site.rglob("*.html") if path.name != "404.html"}
    for path, page in pages.items():
        page.feed(path.read_text())
    return [
        f"{path.relative_to(site)}: {link}"
        for path, page in pages.items()
        for link in page.links
        if not re.match(r"[a-z]+:", link) and not _leads_somewhere(path, link, pages)
    ]


def _leads_somewhere(path: Path, link: str, pages: dict[Path, Links]) -> bool:
    place, anchor = urldefrag(link)
    target = (path.parent / unquote(place)).resolve() if place else path
    target = target / "index.html" if target.is_dir() else target
    if target not in pages:
        return target.is_file() and not anchor
    return not anchor or unquote(anchor) in pages[target].anchors or anchor == "__top"


def test_every_link_inside_of_the_site_leads_somewhere(site):
    assert broken_links(site) == []


@pytest.mark.parametrize("link", ["nowhere/", "../quickstart/#no-such-heading"])
def test_a_broken_link_is_noticed(tmp_path, link):
    (tmp_path / "quickstart").mkdir()
    (tmp_path / "quickstart/index.html").write_text('<h1 id="here">')
    (tmp_path / "page").mkdir()
    (tmp_path / "page/index.html").write_text(f'<a href="../quickstart/#here"><a href="{link}">')
    assert broken_links(tmp_path) == [f"page/index.html: {link}"]


def test_no_program_and_nothing_of_this_machine_is_in_the_site(site, repository):
    assert [path.name for path in site.rglob("*.py*")] == []
    found = [path for path in site.rglob("*.html") if str(repository) in path.read_text()]
    assert found == []


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_every_file_that_a_page_of_the_repository_links_to_exists(repository, name):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (repository / name).read_text())
    assert [link for link in links if "://" not in link and not (repository / link).exists()] == []


@pytest.fixture(scope="module")
def address(site) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if CHROMIUM is None:
        pytest.skip("this machine has no chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser):
    """Open an address and return what the browser complained of, and what it asked of others."""
    page = browser.new_page()
    complaints: list[str] = []
    foreign: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if _is_own(asked.url) else foreign.append(asked.url))

    def open_page(address: str, *, until: str = "load") -> tuple[list[str], list[str]]:
        page.goto(address, wait_until=until)
        return complaints, foreign

    open_page.page = page
    yield open_page
    page.close()


def _is_own(url: str) -> bool:
    return "//127.0.0.1:" in url or url.startswith(("data:", "blob:", "file:"))


def test_a_browser_shows_every_page_without_a_complaint(visit, address, site):
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html") if path.name != "404.html")
    assert len(pages) > 20
    for page in pages:
        assert visit(f"{address}/{page}") == ([], []), page
    assert visit(f"{address}/", until="networkidle") == ([], [])  # late ones of the pages before count as well


def searched(page, words, selector):
    """Search and return the first result; what is typed before the page has read its index is lost, and typed again."""
    from playwright.sync_api import TimeoutError as TooLateError

    found, query = page.locator(selector).first, page.locator("[data-md-component=search-query]")
    for _ in range(6):
        query.fill("")
        query.press_sequentially(words, delay=30)
        with contextlib.suppress(TooLateError):
            found.wait_for(timeout=4_000)
            break
    return found


@pytest.mark.parametrize("is_served", [True, False])
def test_search_finds_a_page_and_leads_there(visit, address, site, is_served):
    """Opened as a file too: browsers give such a page no worker."""
    told = visit(f"{address}/index.html" if is_served else f"{site.as_uri()}/index.html")
    link = ".md-search-result__link[href*='engine-defects/phantom-position.html']"
    searched(visit.page, "phantom position", link).click()
    visit.page.wait_for_url("**/engine-defects/phantom-position.html*")
    assert told == ([], [])


@pytest.mark.parametrize(("code", "page"), [("OPS-FILL-UNTOLD", "user-stream"), ("OPS-KILL-OPEN", "safety-gate")])
def test_a_code_leads_to_its_runbook_first(visit, address, code, page):
    told = visit(f"{address}/index.html")
    visit.page.fill("[data-md-component=search-query]", code)
    results = visit.page.locator(".md-search-result__item > .md-search-result__link")
    results.first.click()
    visit.page.wait_for_url(f"**/runbooks/{page}.html*")
    assert told == ([], [])


def test_links_lead_from_page_to_page_without_a_server(visit, site):
    told = visit(f"{site.as_uri()}/index.html")
    visit.page.get_by_role("link", name="Limitations").first.click()
    visit.page.wait_for_url("**/concepts/limitations.html")
    assert visit.page.inner_text("h1").startswith("Limitations")
    assert told == ([], [])


def test_a_complaint_and_a_foreign_request_are_noticed(visit, address, site):
    bad = site / "bad.html"
    bad.write_text('<img src="http://192.0.2.1/x.png"><script>console.error("no")</script>')
    try:
        complaints, foreign = visit(f"{address}/bad.html")
    finally:
        bad.unlink()  # the other tests walk over all pages
    assert "no" in complaints
    assert foreign == ["http://192.0.2.1/x.png"]
