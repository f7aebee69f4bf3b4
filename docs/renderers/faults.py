"""``docs/reference/faults.md``: every fault of the venue, from the one catalogue."""

from __future__ import annotations

import json
from typing import Any

from opslab.venue.faults.catalogue import CATALOGUE, described

from .markdown import page, prose, table

LEAD = """\
A fault makes the venue misbehave, and is always healed. Its name and settings are the same in Python
(`venue.faults.drop_user_stream()`), in a request to `/ctl/faults` (`{"fault": "drop_user_stream"}`), and wherever else
plain data describe one. Settings that every fault takes are told in [The venue](../concepts/venue.md#faults)."""

_TITLES = {
    "requests": "Requests that are refused, delayed or cut",
    "replies": "Answers that lie",
    "messages": "Messages of the streams",
    "sockets": "Connections",
    "venue": "The venue itself",
}


def render() -> str:
    """Return the page."""
    rows = described()
    groups = dict.fromkeys(row["group"] for row in rows)
    parts = []
    for group in groups:
        parts.append(f"## {_TITLES.get(group, group)}")
        parts += [_fault(row) for row in rows if row["group"] == group]
    return page("Faults", LEAD, *parts)


def _fault(row: dict[str, Any]) -> str:
    head = f"### `{row['fault']}` {{ #{row['fault'].replace('_', '-')} }}\n\n{prose(CATALOGUE[row['fault']])}"
    if not row["settings"]:
        return head
    cells = ((f"`{name}`", _kind(setting), _default(setting)) for name, setting in row["settings"].items())
    return f"{head}\n\n{table(('setting', 'takes', 'default'), cells)}"


def _kind(schema: dict[str, Any]) -> str:
    if choices := schema.get("enum"):
        return ", ".join(f"`{choice}`" for choice in choices)
    if options := schema.get("anyOf"):
        return " or ".join(_kind(option) for option in options)
    kind = schema.get("type", "any")
    bounds = [(word, schema[key]) for key, word in _BOUNDS.items() if key in schema]
    return " ".join([_KINDS.get(kind, kind), *(f"{word} {bound}" for word, bound in bounds)])


_KINDS = {"null": "nothing", "object": "mapping", "array": "list"}
_BOUNDS = {"minimum": "from", "exclusiveMinimum": "above", "gt": "above", "maximum": "to", "exclusiveMaximum": "below"}


def _default(schema: dict[str, Any]) -> str:
    if schema.get("required"):
        return "required"
    value = schema.get("default")
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"
