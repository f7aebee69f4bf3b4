"""Where the page leads: to files that lie there, by relative paths, and to pages on the web; nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from opslab.errors import one_line
from opslab.report.runbooks import packaged_by_code, runbooks_by_code

if TYPE_CHECKING:
    from opslab.root import Lab


@dataclass(frozen=True)
class Link:
    """A name, and where it leads.

    Attributes:
        text: what is read.
        href: a relative path or a web address, ready for an attribute; None where nothing lies there.
        command: what shows it in a terminal where nothing lies there.
    """

    text: str
    href: str | None = None
    command: str = ""


@dataclass(frozen=True)
class Places:
    """The directories that the page's links are made from.

    Attributes:
        lab: the lab.
        page: the session's directory, where the page lies.
        runbook_base: put before a relative runbook that is no file of the lab; used only if it is a web address.
    """

    lab: Lab
    page: Path
    runbook_base: str = ""

    @cached_property
    def explained(self) -> dict[str, str]:
        """The runbook of each code that the lab's index names, else Ops Lab's own, below the lab's root."""
        return packaged_by_code() | runbooks_by_code(self.lab.root)

    def file(self, path: Path, text: str) -> Link:
        """Return a link to a file or directory of the lab, without an address if it is not there."""
        place = Path(os.path.normpath(path))
        roots = (self.lab.root, self.lab.runs, self.lab.sessions)
        is_there = any(place.is_relative_to(root) for root in roots) and place.exists()
        return Link(one_line(text), quote(Path(os.path.relpath(place, self.page)).as_posix()) if is_there else None)

    def document(self, reference: str) -> Link:
        """Return a link to a runbook or a page about a defect: a web address, or a path below the lab's root."""
        if is_address(reference):
            return Link(one_line(reference), reference)
        try:
            link = self.file(self.lab.root / reference, reference)
        except (OSError, ValueError):
            link = Link(one_line(reference))
        if link.href is None and is_address(self.runbook_base) and ":" not in reference:
            return Link(link.text, self.runbook_base + quote(reference))
        return link


def is_address(text: str) -> bool:
    """Whether ``text`` is an address on the web; other schemes may do anything when they are clicked."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
