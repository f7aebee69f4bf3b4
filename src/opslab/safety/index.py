"""The index of every switch ever created, and the anchor that says how long it was: a deleted switch shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opslab.contract.encoding import compact_json, sha256_hex
from opslab.contract.switch_rules import checked_anchor, checked_index_line, strict_object, switch_name
from opslab.safety.reading import parsed, parsed_lines
from opslab.store.journal import GENESIS, Head

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opslab.safety.layout import Found


NO_LINES = Head(0, GENESIS)

MOST_LINES = 1000
"""Lines beyond two for each switch before the index begins anew; every reader parses all of them."""


@dataclass(frozen=True)
class IndexReading:
    """What the index says.

    Attributes:
        entries: the latest line of each switch, by run id.
        doubts: why it cannot be trusted; each makes every switch of the root read as active.
        is_unused: whether nothing was ever written here.
        head: the end of the index.
    """

    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    is_unused: bool = False
    head: Head = NO_LINES

    @property
    def is_broken(self) -> bool:
        """Whether an activation must renew the index."""
        return bool(self.doubts)

    @property
    def is_long(self) -> bool:
        """Whether the index should begin anew: it holds many more lines than switches."""
        return self.head.lines > MOST_LINES + 2 * len(self.entries)


def read_index(index: Found, anchor: Found, names: Sequence[str] | None) -> IndexReading:
    """Decide what the index says.

    The anchor is a lower bound: it is written after the index, so a killed writer leaves it behind, never ahead.

    Args:
        index: what lies at ``index.jsonl``.
        anchor: what lies at ``<root>.anchor.json``; it must have been looked at before the index.
        names: switches that files in the root are named for; None when it could not be listed.
    """
    known, doubts = parsed(anchor, checked_anchor)
    if index.is_absent and anchor.is_absent:
        if names is None:
            return IndexReading(doubts=("the switches' directory cannot be listed",))
        if names:
            return IndexReading(doubts=(f"the index is missing though there are switches ({names[0]} and others)",))
        return IndexReading(is_unused=True)
    lines, head, broken = parsed_lines(index, checked_index_line, may_be_torn=True)
    doubts += broken
    if index.is_absent:
        doubts.append("the index is missing though there was one")
    elif anchor.is_absent:
        doubts.append("the index's anchor is missing")
    if not doubts and known is not None and not (_holds(index, known) or _replaced(lines, known)):
        doubts.append("the index is shorter than it was, or another one (its anchor disagrees)")
    entries = {line["run_id"]: line for line in lines if line["event"] in ("switch_changed", "switch_adopted")}
    return IndexReading(entries, tuple(doubts), head=head)


def compacted(reading: IndexReading, first: Mapping[str, Any]) -> tuple[bytes, Head]:
    """Return an index that says the same as ``reading`` in one line for each switch, behind ``first``, and its head."""
    head, content = Head(0, GENESIS), []
    for fields in (first, *reading.entries.values()):
        line = compact_json({**fields, "seq": head.lines + 1, "prev_sha256": head.sha256}).encode()
        head = Head(head.lines + 1, sha256_hex(line))
        content.append(line + b"\n")
    return b"".join(content), head


def salvaged_names(index: Found) -> set[str]:
    """Return every run id that can still be read in a broken index."""
    names = set()
    for line in (index.content or b"").split(b"\n"):
        try:
            names.add(switch_name(strict_object(line).get("run_id")))
        except ValueError:
            continue
    return names


def _holds(index: Found, anchor: Mapping[str, Any]) -> bool:
    lines = (index.content or b"").split(b"\n")[:-1]
    if len(lines) < anchor["lines"]:
        return False
    return anchor["lines"] == 0 or bool(sha256_hex(lines[anchor["lines"] - 1]) == anchor["sha256"])


def _replaced(lines: Sequence[Mapping[str, Any]], anchor: Mapping[str, Any]) -> bool:
    """Whether the index began anew exactly where the anchor stands: its writer died before it moved the anchor."""
    first = lines[0] if lines else {}
    return first.get("event") == "index_compacted" and (first["replaced_lines"], first["replaced_sha256"]) == (
        anchor["lines"],
        anchor["sha256"],
    )
