"""What the wire log keeps of requests, replies and errors. Keys, signatures and listen keys never enter it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.faults.base import Hang
from opslab.venue.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.venue.faults.base import Reset
    from opslab.venue.wire import Request

_DROPPED = frozenset({"signature", "apiKey"})
_MASK = "***"
_LONGEST = 1_000
_USUAL = ("X-MBX-", "CONTENT-TYPE", "ALLOW")

USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
"""The header that tells a client what it has used of its request weight within the minute ("LIMITS", general info)."""


def visible_params(values: Mapping[str, str]) -> dict[str, str]:
    """Return parameters as they may be written down: without key and signature, listen keys masked."""
    return {name: _MASK if name == "listenKey" else value for name, value in values.items() if name not in _DROPPED}


def reply_facts(request: Request, outcome: Reply | Hang | Reset, *, is_bulk: bool, is_fault: bool) -> dict[str, Any]:
    """Return the facts of a reply record.

    Args:
        request: what it answers.
        outcome: what becomes of it.
        is_bulk: long market data, of which a summary is enough.
        is_fault: a fault answered in the core's place.
    """
    facts: dict[str, Any] = {"number": request.number, "account": request.account, "is_fault": is_fault}
    if not isinstance(outcome, Reply):
        facts["outcome"] = "hang" if isinstance(outcome, Hang) else "reset"
        return facts
    facts["outcome"], facts["status"] = "reply", outcome.status
    if (used := _header(outcome, USED_WEIGHT)) is not None:
        facts["used_weight"] = used
    if further := {name: text for name, text in outcome.headers.items() if not name.upper().startswith(_USUAL)}:
        facts["headers"] = further
    facts["body"] = _summary(outcome.body) if is_bulk and outcome.status == 200 else _masked(outcome.body)  # noqa: PLR2004
    return facts


def error_facts(request: Request, error: Exception) -> dict[str, Any]:
    """Return the facts of an error record: the kind, the message and the line of ours that raised it."""
    place, trace = "", error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        place, trace = f"{module}:{trace.tb_lineno}", trace.tb_next
    return {
        "number": request.number,
        "route": request.route,
        "error": type(error).__name__,
        "message": str(error)[:_LONGEST],
        "place": place,
    }


def _header(reply: Reply, name: str) -> str | None:
    """Return a header's value; a fault may have written its name in another case."""
    found = reply.headers.get(name)
    return next((text for key, text in reply.headers.items() if key.upper() == name), None) if found is None else found


def _summary(body: Any) -> Any:
    """Return the size of a list with its ends; of an object its scalars, and the size of what is long."""
    if isinstance(body, list):
        return {"entries": len(body), "first": body[0] if body else None, "last": body[-1] if body else None}
    if isinstance(body, dict):
        return {
            key: {"entries": len(value)} if isinstance(value, (list, dict)) else value for key, value in body.items()
        }
    return body


def _masked(body: Any) -> Any:
    if isinstance(body, dict) and "listenKey" in body:
        return body | {"listenKey": _MASK}
    return body
