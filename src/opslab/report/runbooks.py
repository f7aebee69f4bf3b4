"""Which runbook a finding's code leads to: the lab's own index says it, in the rows of its tables that name codes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opslab.errors import OpsLabError
from opslab.store.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INDEX = "docs/runbooks/index.md"
"""The index, below a lab's root."""
CODE = re.compile(r"\bOPS(?:-[A-Z0-9]+)+\b")
"""A finding's code."""
_PAGE = re.compile(r"\]\(([\w-]+\.md)\)")


def runbooks_by_code(root: Path) -> dict[str, str]:
    """Return the runbook of each code, as a path below the lab's root; nothing where a lab has no index.

    A code whose row names no page is explained by the index itself.
    """
    try:
        text = read_regular(root / INDEX).decode("utf-8", "replace")
    except (OpsLabError, OSError):
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        codes, _, rest = line.removeprefix("|").partition("|")
        if not line.startswith("|") or not rest:
            continue
        page = _PAGE.search(rest)
        place = f"{INDEX.rpartition('/')[0]}/{page[1]}" if page else INDEX
        for code in CODE.findall(codes):
            found.setdefault(code, place)
    return found


def runbook_of(code: str, known: Mapping[str, str]) -> str:
    """Return the page that explains a code: where the lab's index does not name it, the index of Ops Lab itself."""
    return known.get(code, INDEX)
