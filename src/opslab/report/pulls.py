"""What ``report.md`` says of people: who is called, who pulled the kill switch, and who acknowledged that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.report.plain_text import plain
from opslab.safety.dead_man import EVENT
from opslab.safety.pulls import pulls_of

if TYPE_CHECKING:
    from opslab.store.reader import Bundle

NOT_NAMED = "not named"


def owner_line(bundle: Bundle) -> str:
    """Return who is called, as the spec has it."""
    return f"owner: {plain(bundle.spec.risk.owner or NOT_NAMED)}"


def pulls_section(bundle: Bundle) -> str:
    """Return the section ``Pulls of the kill switch``; nothing for a run whose own switch nobody pulled."""
    pulls = pulls_of(bundle.journal)
    if not pulls:
        return ""
    rows = "\n".join(
        f"| {pull.at} | {plain(pull.actor)} | {plain(pull.reason)} | "
        f"{plain(pull.told) if pull.is_acknowledged else f'**{pull.told}**'} |"
        for pull in pulls
    )
    head = "## Pulls of the kill switch\n\nClearing the switch acknowledges what pulled it."
    return f"{head} {owner_line(bundle)}.\n\n| time (UTC) | who | why | |\n|---|---|---|---|\n{rows}"


def dead_man_section(bundle: Bundle) -> str:
    """Return the section ``Dead man's switch at the venue``; nothing for a run whose spec asks for none."""
    acts = [event for event in bundle.journal if event["event"] == EVENT]
    if not acts:
        return ""
    last = acts[-1]
    rows = "\n".join(
        f"| {act['ts_utc']} | {act['action']} | {plain(', '.join(act['symbols']))} | {plain(act['detail'])} |"
        for act in acts
    )
    counts = (
        f"A countdown of {last['countdown_ms'] / 1000:g} s: {last.get('renewals', 0)} renewals were confirmed and "
        f"{last.get('failures', 0)} were not when it was told last; a weight of {last.get('weight', 0)} was used."
    )
    table = f"| time (UTC) | what | symbols | |\n|---|---|---|---|\n{rows}"
    return f"## Dead man's switch at the venue\n\n{counts}\n\n{table}"
