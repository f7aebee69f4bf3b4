"""Which runbook a finding's code leads to, and the page itself: the lab's own first, else the one that Ops Lab brings.

An index says which page explains a code, in the rows of its tables that name codes; the page of alerts says the same of
alerts.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.errors import OpsLabError, StoreError
from opslab.samples import runbook_pages
from opslab.store.regular import MISSING, open_regular, trouble_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HOME = "docs/runbooks"
"""Where runbooks are, below a lab's root."""
INDEX = f"{HOME}/index.md"
"""The index, below a lab's root."""
CODE = re.compile(r"\bOPS(?:-[A-Z0-9]+)+\b")
"""A finding's code."""
LARGEST = 1 << 20
"""A page with more bytes is not read: it is none that a person can work by."""
ALERTS = "alerts.md"
"""The page of a directory of runbooks that explains alerts."""
ALERT = re.compile(r"\bOpsLab[A-Za-z]+\b")
"""An alert's name."""
_PAGE = re.compile(r"\]\(([\w-]+\.md)\)")
_NAME = re.compile(r"[\w-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class Runbook:
    """A page that says what to do.

    Attributes:
        name: its name, without the ending.
        place: the file that it stands in.
        text: Markdown.
    """

    name: str
    place: Path
    text: str


def runbooks_by_code(root: Path) -> dict[str, str]:
    """Return the runbook of each code, as a path below the lab's root; nothing where a lab has no index."""
    return {code: f"{HOME}/{page}" for code, page in _pages_by_code(root / HOME).items()}


def packaged_by_code() -> dict[str, str]:
    """Return the same of the runbooks that Ops Lab brings, as if they lay in the lab."""
    return {code: f"{HOME}/{page}" for code, page in _pages_by_code(runbook_pages()).items()}


def runbook_of(code: str, known: Mapping[str, str]) -> str:
    """Return the page that explains a code: where the lab's index does not name it, the index of Ops Lab itself."""
    return known.get(code, INDEX)


def find_runbook(root: Path, asked: str) -> Runbook:
    """Return the runbook of a code or an alert, or the one of that name.

    Args:
        root: the lab's root; its own runbooks come first.
        asked: a finding's code or an alert's name, in any case, the name of a page, or the page's path as reports name
            it.

    Raises:
        StoreError: there is none, or it cannot be read.
    """
    fix = "`tc runbook` shows the index; a lab's own runbooks lie in docs/runbooks, with an index.md that names codes"
    for home in (root / HOME, runbook_pages()):
        name, code = asked.removeprefix(f"{HOME}/").removesuffix(".md"), asked.upper()
        if not _is_page(home, name):
            if CODE.fullmatch(code):
                name = _pages_by_code(home).get(code, "").removesuffix(".md")
                if name == "index":
                    return Runbook(code, home / "index.md", _row_as_page(home, code))
            else:
                name = _pages_by_alert(home).get(asked.lower(), name).removesuffix(".md")
        if _is_page(home, name):
            return Runbook(name, home / f"{name}.md", _text(home / f"{name}.md"))
    raise StoreError("there is no such runbook", where=f"{asked!r:.80}", fix=fix)


def _is_page(home: Path, name: str) -> bool:
    """Whether something bears that page's name, readable or not: a page of the lab's own must not be passed over."""
    return bool(_NAME.fullmatch(name)) and trouble_of(home / f"{name}.md") != MISSING


def command_for(root: Path, asked: str) -> str:
    """Return the command that shows a runbook, empty where there is none of that code, name or path."""
    try:
        found = find_runbook(root, asked)
    except (OpsLabError, OSError, ValueError):
        return ""
    return f"tc runbook {asked.upper() if CODE.fullmatch(asked.upper()) else found.name}"


def hint(root: Path, runbook: str | None, message: str) -> str:
    """Return where to read what to do about a drill, in a few words; empty where nothing is known.

    Args:
        root: the lab's root.
        runbook: the drill's own page: an address, or a path below the root.
        message: the drill's message, whose codes count where it has no page.
    """
    if runbook:
        command = "" if "://" in runbook or trouble_of(root / runbook) is None else command_for(root, runbook)
        return f"`{command}`" if command else runbook
    commands = (command_for(root, code) for code in dict.fromkeys(CODE.findall(message)))
    return next((f"`{command}`" for command in commands if command), "")


def _pages_by_code(home: Path) -> dict[str, str]:
    """Return the page of each code by an index; a code whose row names no page is explained by the index itself."""
    found: dict[str, str] = {}
    for codes, rest in _rows(home):
        page = _PAGE.search(rest)
        for code in CODE.findall(codes):
            found.setdefault(code, page[1] if page else "index.md")
    return found


def _pages_by_alert(home: Path) -> dict[str, str]:
    """Return the page of each alert, its name in small letters; the page of alerts itself where no other is named."""
    found: dict[str, str] = {}
    for names, rest in _rows(home, ALERTS):
        page = _PAGE.search(rest)
        for alert in ALERT.findall(names):
            found.setdefault(alert.lower(), page[1] if page else ALERTS)
    return found


def _rows(home: Path, table: str = "index.md") -> Iterator[tuple[str, str]]:
    """Yield the first cell of each row of a page's tables, and the rest."""
    try:
        text = _text(home / table)
    except (OpsLabError, OSError):
        return
    for line in text.splitlines():
        codes, _, rest = line.removeprefix("|").partition("|")
        if line.startswith("|") and rest:
            yield codes, rest


def _row_as_page(home: Path, code: str) -> str:
    rest = next(rest for codes, rest in _rows(home) if code in CODE.findall(codes))
    means, _, do = (part.strip() for part in rest.strip().rstrip("|").partition("|"))
    return f"# {code}\n\n## What it means\n\n{means}\n\n## What to do\n\n{do}\n"


def _text(path: Path) -> str:
    """Return a page's text; not of what is no regular file, nor of more than ``LARGEST`` bytes."""
    fix = "make it a readable file of Markdown, or remove it: Ops Lab's own page is then shown, if there is one"
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise StoreError(f"the runbook cannot be read: {error.strerror}", where=path, fix=fix) from error
    if len(content) > LARGEST:
        raise StoreError(f"the runbook is larger than {LARGEST >> 20} MiB", where=path, fix=fix)
    return content.decode("utf-8", "replace")
