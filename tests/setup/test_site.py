"""The site of ``./dev docs``: it builds strictly, and a reader's browser asks nobody else for anything."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser

import pytest

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
NOT_FETCHED = {"canonical", "next", "prev"}


class Loads(HTMLParser):
    """Collects what a page makes a browser fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        address = given.get(LOADED.get(tag, "")) or ""
        if address.startswith(("http:", "https:", "//")) and given.get("rel") not in NOT_FETCHED:
            self.addresses.append(address)
        if given.get("data-md-component") == "source":
            self.addresses.append("repository statistics")


@pytest.fixture(scope="module")
def build(repository, tmp_path_factory):
    """Build the site, with more lines at the end of its configuration, and return its pages."""

    def run(more: str = "") -> list[str]:
        place = tmp_path_factory.mktemp("site")
        config = place / "mkdocs.yml" if more else repository / "mkdocs.yml"
        if more:
            docs = repository / "docs"  # what the configuration names is looked for beside the inheriting one
            hooks = f"hooks: ['{docs / 'search_codes.py'}']\n"
            config.write_text(f"INHERIT: {repository / 'mkdocs.yml'}\ndocs_dir: {docs}\n{hooks}{more}")
        command = [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--config-file",
            config,
            "--site-dir",
            place / "out",
        ]
        environ = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
        built = subprocess.run(command, cwd=repository, env=environ, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr
        return [page.read_text() for page in (place / "out").rglob("*.html")]

    return run


def loads(pages: list[str]) -> list[str]:
    found = Loads()
    for page in pages:
        found.feed(page)
    return found.addresses


def test_no_page_loads_anything_from_elsewhere(build):
    pages = build()
    assert len(pages) > 1
    assert loads(pages) == []


@pytest.mark.parametrize(
    "more", ["theme: {font: {text: Roboto}}\n", "repo_url: https://github.com/a/b\n", "extra_css: ['//cdn/x.css']\n"]
)
def test_what_loads_from_elsewhere_is_noticed(build, more):
    assert loads(build(more))
