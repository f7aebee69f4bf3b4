"""Markdown pieces that several pages use."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTICE = "<!-- Written by docs/generate.py: change the code's docstrings and help texts, not this page. -->"

_BARRED_CODE = re.compile(r"`([^`]*\|[^`]*)`")
_SECTION = r"(?:Args|Attributes|Raises|Returns|Example|Yields)"


def page(title: str, lead: str, *sections: str) -> str:
    """Return a page: title, the notice that it is generated, lead, sections."""
    return "\n\n".join([f"# {title}", NOTICE, lead, *(section for section in sections if section)]) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; what would end a cell is escaped."""
    names = list(head)
    lines = [names, ["---"] * len(names), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Return ``text`` as one cell: one line, bars escaped, in code so that every renderer shows them right."""
    return _BARRED_CODE.sub(_coded, " ".join(text.split())).replace("|", "\\|")


def _coded(found: re.Match[str]) -> str:
    return f"<code>{re.sub(r'[|*_<&\\[\]]', lambda sign: f'&#{ord(sign[0])};', found[1])}</code>"


def prose(documented: object) -> str:
    """Return a docstring's text before its sections, double backticks as Markdown's single ones."""
    text = inspect.cleandoc(getattr(documented, "__doc__", None) or "")
    before = re.split(rf"^{_SECTION}:+\s*$", text, maxsplit=1, flags=re.MULTILINE)[0]
    return before.replace("``", "`").strip()


def example(documented: object) -> str:
    """Return the code of a docstring's ``Example::``, or nothing."""
    text = inspect.cleandoc(getattr(documented, "__doc__", None) or "")
    code = re.split(r"^Example::\s*$", text, maxsplit=1, flags=re.MULTILINE)[1:]
    return f"```python\n{inspect.cleandoc(code[0]).strip()}\n```" if code else ""


def attributes(documented: type) -> dict[str, str]:
    """Return the meanings in the ``Attributes:`` sections of a class and its bases."""
    found: dict[str, str] = {}
    for kind in reversed(documented.__mro__):
        text = inspect.cleandoc(kind.__dict__.get("__doc__") or "")
        section = re.split(r"^Attributes:\s*$", text, maxsplit=1, flags=re.MULTILINE)[1:]
        parts = re.findall(r"^ {4}(\w+): (.*?)(?=^ {4}\w+: |^\S|\Z)", "".join(section), re.DOTALL | re.MULTILINE)
        found |= {name: " ".join(meaning.split()).replace("``", "`") for name, meaning in parts}
    return found
