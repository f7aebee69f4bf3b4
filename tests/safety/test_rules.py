"""The light checks and the pydantic models accept exactly the same documents."""

from __future__ import annotations

import contextlib
import copy
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from opslab.contract import switch_rules
from opslab.contract.kill_switch import (
    INDEX_LINES,
    KILL_EVENTS,
    KillSwitchAnchor,
    KillSwitchMark,
    KillSwitchRoots,
    KillSwitchState,
)

STAMP = "2026-01-05T09:00:00.000000Z"
STATE = {
    "schema_version": "v1",
    "run_id": "k1",
    "state": "cleared",
    "updated_at_utc": STAMP,
    "last_event_id": "e",
    "last_reason": "why",
    "last_actor": "ann",
    "active_since_utc": None,
    "cleared_at_utc": STAMP,
}
EVENT = {
    "schema_version": "v1",
    "event": "kill_activated",
    "event_id": "e",
    "ts_utc": STAMP,
    "run_id": "_global",
    "reason": "why",
    "actor": "ann",
    "source": "tc",
    "previous_state": "absent",
    "new_state": "active",
    "doubts": ["one"],
}
LINE = {"schema_version": "v1", "ts_utc": STAMP, "run_id": "k1"}
CHANGED = {
    **LINE,
    "event": "switch_changed",
    "event_id": "e",
    "new_state": "active",
    "events_lines": 1,
    "events_sha256": "0" * 64,
}
RENEWED = {"schema_version": "v1", "ts_utc": STAMP, "event": "index_renewed", "doubts": []}
REPAIRED = {"event": "journal_repaired", "ts_utc": STAMP, "run_id": "k1", "torn_bytes": 3, "torn_sha256": "a" * 64}
ANCHOR = {"schema_version": "v1", "lines": 0, "sha256": "0" * 64}
COMPACTED = {
    "schema_version": "v1",
    "ts_utc": STAMP,
    "event": "index_compacted",
    "replaced_lines": 1,
    "replaced_sha256": "0" * 64,
    "kept_as": "index.jsonl.aside-x",
}
MARK = {name: EVENT[name] for name in ("schema_version", "run_id", "event_id", "ts_utc", "reason", "actor", "source")}
ROOTS = {"schema_version": "v1", "roots": ["runtime/kill_switch"]}
KINDS = {
    "state": (
        switch_rules.checked_state,
        [STATE, {**STATE, "state": "active", "active_since_utc": STAMP, "cleared_at_utc": None}],
    ),
    "event": (switch_rules.checked_event, [EVENT, {**EVENT, "event": "kill_cleared", "new_state": "cleared"}]),
    "line": (
        switch_rules.checked_index_line,
        [CHANGED, {**LINE, "event": "switch_adopted"}, RENEWED, REPAIRED, COMPACTED],
    ),
    "mark": (switch_rules.checked_mark, [MARK]),
    "anchor": (switch_rules.checked_anchor, [ANCHOR]),
    "roots": (switch_rules.checked_roots, [ROOTS]),
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        ["v1", "active", "cleared", "absent", "k1", "_global", " ", "x/../k1", "k..1", "0" * 64, "A" * 64, "0" * 64 + "\n",
         STAMP, STAMP + "\n", STAMP.replace("Z", "+00:00"), STAMP.replace("Z", "+01:00"), "2026-02-30T00:00:00Z",
         "2026-01-05T24:00:00Z", "2026-01-05T09:00:60Z", "\u0662026-01-05T09:00:00Z", "\ud800", "\ufeffk1", "\xa0"]
    ),
    st.lists(st.one_of(st.text(max_size=3), st.integers()), max_size=2),
    st.just({}),
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn, kind: str):
    """Return a document that is right, or wrong in up to two places."""
    document = copy.deepcopy(draw(st.sampled_from(KINDS[kind][1])))
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from([*document, "more"]))
        if name == "event" or draw(st.booleans()):
            document[name] = draw(VALUES)
        else:
            document.pop(name, None)
    return document


def is_accepted_lightly(kind: str, document) -> bool:
    try:
        KINDS[kind][0](document)
    except ValueError:
        return False
    return True


def is_accepted_by_the_model(kind: str, document) -> bool:
    models = {"state": KillSwitchState, "anchor": KillSwitchAnchor, "roots": KillSwitchRoots}
    models["mark"] = KillSwitchMark
    families = {"event": KILL_EVENTS, "line": INDEX_LINES}
    name = document.get("event")
    model = models.get(kind) or families[kind].get(name if isinstance(name, str) else "")
    try:
        return model is not None and bool(model.model_validate(document))
    except ValidationError:
        return False


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_right_is_accepted_by_both(kind):
    for document in KINDS[kind][1]:
        assert is_accepted_lightly(kind, document)
        assert is_accepted_by_the_model(kind, document)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), documents(kind))))
@example(("anchor", {**ANCHOR, "lines": True}))
@example(("anchor", {**ANCHOR, "lines": 1.0}))
@example(("anchor", {**ANCHOR, "sha256": "0" * 64 + "\n"}))
@example(("roots", {**ROOTS, "roots": "runtime"}))
@example(("state", {**STATE, "updated_at_utc": STAMP + "\n", "cleared_at_utc": STAMP + "\n"}))
@example(("state", {**STATE, "last_actor": "\ud800"}))
@example(("event", {**EVENT, "new_state": "cleared"}))
def test_both_say_the_same_of_any_document(case):
    kind, document = case
    assert is_accepted_lightly(kind, document) == is_accepted_by_the_model(kind, document)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{} {}", b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'{"a":NaN}', b'{"a":-Infinity}',
     b"\xef\xbb\xbf{}", b'{"a":"\xff"}', b"[" * 100_000, b'{"a":' + b"1" * 5000 + b"}", b"{'a':1}"],
    ids=range(14),
)  # fmt: skip
def test_what_is_no_strict_object_is_refused_with_a_reason(content):
    with pytest.raises(ValueError, match=r"^(is |has |holds |Exceeds)"):
        switch_rules.strict_object(content)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_bytes_give_an_object_or_a_value_error(content):
    with contextlib.suppress(ValueError):
        assert switch_rules.strict_object(content) == json.loads(content)
