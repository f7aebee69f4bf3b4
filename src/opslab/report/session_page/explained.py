"""Which runbooks a drill of the page leads to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opslab.contract.drill import Result
from opslab.report.runbooks import CODE, command_for, runbook_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.contract.drill import DrillReport
    from opslab.report.session_page.links import Link, Places

MOST_CODES = 3
"""Of more codes the first are explained: the others mostly follow from them."""
_NOTHING_TO_DO = ("pass", "caught", "skipped", "known_defect")


def runbooks_for(row: Mapping[str, Any], report: DrillReport | None, places: Places) -> tuple[tuple[str, Link], ...]:
    """Return the drill's own runbook; for one that has none and did not pass, that of each code that it found.

    Args:
        row: the drill's row in the session's record.
        report: how it was judged, if that can be read; else the codes are those of the row's message.
        places: where links lead.

    Returns:
        Pairs of a code, empty for the drill's own page, and the page.
    """
    if row.get("runbook"):
        return (("", _shown(str(row["runbook"]), str(row["runbook"]), places)),)
    if row.get("outcome") in _NOTHING_TO_DO:
        return ()
    found = [finding.code for finding in report.checks if finding.result is not Result.PASS] if report else []
    codes = dict.fromkeys(
        code for code in (*found, *CODE.findall(str(row.get("message") or ""))) if CODE.fullmatch(code)
    )
    return tuple((code, _shown(code, runbook_of(code, places.explained), places)) for code in list(codes)[:MOST_CODES])


def _shown(asked: str, reference: str, places: Places) -> Link:
    """Return the link to a runbook; one that leads nowhere says which command shows it."""
    link = places.document(reference)
    return link if link.href is not None else replace(link, command=command_for(places.lab.root, asked))
