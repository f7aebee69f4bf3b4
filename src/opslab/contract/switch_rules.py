"""What the files of a kill switch may hold, checked with the standard library alone.

``opslab.contract.kill_switch`` says the same as models, for schemas and for readers that have the time to load them; a
test holds the two together. Wire format: the nine keys of the earlier lab's state file (contract 4.6) and the fields of
its kill events (4.3); index, anchor, trip marks and list of roots are additions.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from opslab.clock import from_stamp
from opslab.errors import IdError
from opslab.ids import checked_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

GLOBAL = "_global"
"""The name of the switch that covers every run; no run id begins with ``_``."""

_STAMP = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?(Z|\+00:00)")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STATE_OF = {"kill_activated": "active", "kill_cleared": "cleared"}


def strict_object(content: bytes) -> dict[str, Any]:
    """Return the JSON object in ``content``: UTF-8, no key twice, no NaN or infinity, nothing after it.

    Raises:
        ValueError: it is anything else.
    """
    try:
        document = json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_refused)
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg}, line {error.lineno})") from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - one exception for everything a file can be
    return document


def checked_state(document: Mapping[str, Any]) -> None:
    """Refuse what is not a state: nine keys, and times that agree with each other.

    Raises:
        ValueError: a key is missing, unknown or has a wrong value.
    """
    _check(document, _STATE)
    agreeing_state(document)


def agreeing_state(document: Mapping[str, Any]) -> None:
    """Refuse a state whose fields contradict each other.

    Raises:
        ValueError: an active switch without its beginning or with an end, a cleared one without its end, or an order
            of times that cannot be.
    """
    updated, since, cleared = (document[name] for name in ("updated_at_utc", "active_since_utc", "cleared_at_utc"))
    if document["state"] == "active" and (since is None or cleared is not None):
        raise ValueError("is active, with active_since_utc missing or cleared_at_utc set")
    if document["state"] == "cleared" and cleared != updated:
        raise ValueError("is cleared, with cleared_at_utc not the time of its last change")


def checked_event(document: Mapping[str, Any]) -> None:
    """Refuse what is not a kill event.

    Raises:
        ValueError: a key is missing, unknown or has a wrong value.
    """
    _check(document, _EVENT, _EVENT_ADDITIONS)
    agreeing_event(document)


def agreeing_event(document: Mapping[str, Any]) -> None:
    """Refuse an event whose name and new state contradict each other.

    Raises:
        ValueError: they do.
    """
    if _STATE_OF[document["event"]] != document["new_state"]:
        raise ValueError(f"is {document['event']} with new_state {document['new_state']}")


def checked_index_line(document: Mapping[str, Any]) -> None:
    """Refuse what is not a line of the index.

    Raises:
        ValueError: a key is missing, unknown or has a wrong value.
    """
    name = document.get("event")
    if not isinstance(name, str) or name not in _INDEX_LINES:
        raise ValueError(f"is of an unknown kind ({name!r:.40})")
    _check(document, _INDEX_LINES[name])


def checked_anchor(document: Mapping[str, Any]) -> None:
    """Refuse what is not an anchor.

    Raises:
        ValueError: a key is missing, unknown or has a wrong value.
    """
    _check(document, _ANCHOR)


def checked_mark(document: Mapping[str, Any]) -> None:
    """Refuse what is not a trip mark.

    Raises:
        ValueError: a key is missing, unknown or has a wrong value.
    """
    _check(document, _MARK)


def checked_roots(document: Mapping[str, Any]) -> None:
    """Refuse what is not a list of switch roots.

    Raises:
        ValueError: a key is missing, unknown or has a wrong value.
    """
    _check(document, _ROOTS)


def stamp(value: object) -> str:
    """Return ``value`` if it is a UTC stamp of a moment that exists.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, str) and _STAMP.fullmatch(value):
        moment_of(value)
        return value
    raise ValueError("is not a UTC time like 2026-01-31T08:30:00.000000Z")


def moment_of(text: str) -> datetime:
    """Return the moment of a stamp.

    Raises:
        ValueError: no calendar has it.
    """
    return from_stamp(text)


def switch_name(value: object) -> str:
    """Return ``value`` if it is a run id or the global switch's name.

    Raises:
        ValueError: it is neither.
    """
    if value == GLOBAL and isinstance(value, str):
        return value
    try:
        return checked_id(value)
    except IdError as error:
        raise ValueError("is not a run id") from error


def text(value: object) -> str:
    """Return ``value`` if it is a string that is not blank and can be written as UTF-8.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError("is not a non-blank string")
    value.encode()
    return value


def _stamp_or_null(value: object) -> object:
    return None if value is None else stamp(value)


def _digest(value: object) -> object:
    if isinstance(value, str) and _SHA256.fullmatch(value):
        return value
    raise ValueError("is not a SHA-256")


def _count(value: object) -> object:
    if type(value) is int and value >= 0:
        return value
    raise ValueError("is not a count")


def _texts(value: object) -> object:
    if not isinstance(value, list):
        raise ValueError("is not a list")  # noqa: TRY004 - as above
    return [text(item) for item in value]


def _one_of(*words: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, str) and value in words:
            return value
        raise ValueError(f"is not {' or '.join(words)}")

    return check


def _check(
    document: Mapping[str, Any],
    fields: Mapping[str, Callable[[object], object]],
    additions: Mapping[str, Callable[[object], object]] | None = None,
) -> None:
    known = {**fields, **(additions or {})}
    if missing := sorted(fields.keys() - document.keys()):
        raise ValueError(f"has no {missing[0]}")
    if unknown := sorted(document.keys() - known.keys()):
        raise ValueError(f"has an unknown key {unknown[0]!r:.40}")
    for name, value in document.items():
        try:
            known[name](value)
        except ValueError as error:
            raise ValueError(f"{name} {'cannot be written' if isinstance(error, UnicodeError) else error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("has a key twice")
    return document


def _refused(constant: str) -> Any:
    raise ValueError(f"holds {constant}")


_STATE: dict[str, Callable[[object], object]] = {
    "schema_version": _one_of("v1"),
    "run_id": switch_name,
    "state": _one_of("active", "cleared"),
    "updated_at_utc": stamp,
    "last_event_id": text,
    "last_reason": text,
    "last_actor": text,
    "active_since_utc": _stamp_or_null,
    "cleared_at_utc": _stamp_or_null,
}
_EVENT: dict[str, Callable[[object], object]] = {
    "schema_version": _one_of("v1"),
    "event": _one_of(*_STATE_OF),
    "event_id": text,
    "ts_utc": stamp,
    "run_id": switch_name,
    "reason": text,
    "actor": text,
    "source": text,
    "previous_state": _one_of("absent", "active", "cleared"),
    "new_state": _one_of("active", "cleared"),
}
_EVENT_ADDITIONS: dict[str, Callable[[object], object]] = {"doubts": _texts}
_LINE: dict[str, Callable[[object], object]] = {"schema_version": _one_of("v1"), "ts_utc": stamp}
_INDEX_LINES: dict[str, dict[str, Callable[[object], object]]] = {
    "switch_changed": {
        **_LINE,
        "event": text,
        "run_id": switch_name,
        "event_id": text,
        "new_state": _one_of("active", "cleared"),
        "events_lines": _count,
        "events_sha256": _digest,
    },
    "switch_adopted": {**_LINE, "event": text, "run_id": switch_name},
    "index_renewed": {**_LINE, "event": text, "doubts": _texts},
    "index_compacted": {
        **_LINE,
        "event": text,
        "replaced_lines": _count,
        "replaced_sha256": _digest,
        "kept_as": text,
    },
    "journal_repaired": {
        "event": text,
        "ts_utc": stamp,
        "run_id": switch_name,
        "torn_bytes": _count,
        "torn_sha256": _digest,
    },
}
_ANCHOR: dict[str, Callable[[object], object]] = {
    "schema_version": _one_of("v1"),
    "lines": _count,
    "sha256": _digest,
}
_MARK: dict[str, Callable[[object], object]] = {
    name: _EVENT[name] for name in ("schema_version", "run_id", "event_id", "ts_utc", "reason", "actor", "source")
}
_ROOTS: dict[str, Callable[[object], object]] = {"schema_version": _one_of("v1"), "roots": _texts}
