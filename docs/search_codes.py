"""A hook of the site: a runbook is found by each code that it explains, and before pages that share words with it.

The search splits what is typed at hyphens, so a code is three words to it; as tags they weigh as much as a title does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

_EXPLAINED = re.compile(r"`(OPS(?:-[A-Z]+)+)`: ")


def on_page_markdown(markdown: str, page: Page, **_: Any) -> None:
    """Tag a runbook with the codes that it explains; called by mkdocs for each page, before it is rendered."""
    if page.file.src_uri.startswith("runbooks/"):
        page.meta["tags"] = [*page.meta.get("tags", ()), *dict.fromkeys(_EXPLAINED.findall(markdown))]
