"""The checks on kill switches: what passes, and each finding alone."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest

from opslab.contract.drill import Phase, Result
from opslab.drill.checks import find_check
from opslab.drill.history import History

CALLER = {"number": 1, "target": "k1", "event_id": "e1", "saw": ["active"], "error": None}
READER = {"number": 5, "target": "k1", "event_id": None, "saw": ["absent", "active", "active"], "error": None}
SWITCH = {"events": ["e1"], "broken": [], "state": "active", "doubts": []}
CLEARED = {"target": "k1", "actor": "ann", "state": "cleared", "last_actor": "ann", "error": None}
DEATH = {
    "case": "activate-cleared",
    "step": 3,
    "died": True,
    "before": "cleared",
    "written": "active",
    "state": "active",
    "again": {"state": "active", "doubts": []},
    "litter": [],
}
CLEAR = {
    "case": "active, waited",
    "step": 3,
    "stopped": True,
    "acknowledged": True,
    "state": "active",
    "reasons": ["why"],
    "again": {"state": "cleared", "doubts": []},
}
PULL = {"event_id": "e1", "before": "absent", "new_state": "active", "reason": "why", "warnings": []}


def ask(name, facts, run=None):
    finding = find_check(f"kill_switch.{name}").ask(History(() if run is None else (run,), facts), None, Phase.VERIFY)
    return finding.result, finding.code


def contention(**changes):
    found = {"callers": [CALLER], "readers": [READER], "switches": {"k1": SWITCH}, "cleared": [CLEARED]}
    return {"contention": {**copy.deepcopy(found), **changes}}


def run_of(*told, **safety):
    recorded = {"kill_switch": {"state": "active", "last_reason": "why"}, "at_start": {"state": "absent"}, **safety}
    metadata = SimpleNamespace(safety=recorded)
    return SimpleNamespace(journal=({"event": "run_started"}, *told), metadata=metadata)


def test_a_crowd_of_which_nothing_was_lost_passes():
    assert ask("contended", contention()) == (Result.PASS, "")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"callers": []}, "OPS-KILL-NOTHING"),
        ({"callers": [{**CALLER, "error": "StoreError: busy", "event_id": None}]}, "OPS-KILL-REFUSED"),
        ({"readers": [{**READER, "error": "StoreError: busy", "saw": []}]}, "OPS-KILL-REFUSED"),
        ({"callers": [{**CALLER, "saw": ["active", "cleared"]}]}, "OPS-KILL-OPEN"),
        ({"callers": [{**CALLER, "saw": []}]}, "OPS-KILL-OPEN"),
        ({"readers": [{**READER, "saw": ["active", "absent"]}]}, "OPS-KILL-OPEN"),
        ({"callers": [CALLER, {**CALLER, "event_id": "e2"}]}, "OPS-KILL-LOST"),
        ({"switches": {}}, "OPS-KILL-LOST"),
        ({"switches": {"k1": {**SWITCH, "events": ["e1", "e1"]}}}, "OPS-KILL-LOST"),
        ({"switches": {"k1": {**SWITCH, "broken": ["line 2 does not follow"]}}}, "OPS-KILL-DOUBTFUL"),
        ({"switches": {"k1": {**SWITCH, "doubts": ["disagrees"]}}}, "OPS-KILL-DOUBTFUL"),
        ({"cleared": [{**CLEARED, "state": "active"}]}, "OPS-KILL-NOT-CLEARED"),
        ({"cleared": [{**CLEARED, "last_actor": "drill"}]}, "OPS-KILL-NOT-CLEARED"),
    ],
)
def test_what_a_crowd_broke_is_found(changes, code):
    assert ask("contended", contention(**changes)) == (Result.FAIL, code)


@pytest.mark.parametrize(
    "death",
    [
        DEATH,
        {**DEATH, "written": "cleared", "state": "cleared"},
        {**DEATH, "before": "absent", "written": None, "state": "absent"},
        {**DEATH, "before": "active", "written": "cleared", "state": "active"},
    ],
)
def test_a_death_that_opened_nothing_passes(death):
    through = {**DEATH, "died": False, "before": "active", "written": "cleared", "state": "cleared"}
    assert ask("survives", {"deaths": [death, through]}) == (Result.PASS, "")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"died": False}, "OPS-KILL-NOTHING"),
        ({"state": "cleared"}, "OPS-KILL-OPEN"),
        ({"before": "active", "written": "cleared", "state": "cleared"}, "OPS-KILL-OPEN"),
        ({"before": "absent", "written": None, "state": "cleared"}, "OPS-KILL-OPEN"),
        ({"again": {"state": "cleared", "doubts": []}}, "OPS-KILL-NOT-AGAIN"),
        ({"again": {"state": "active", "doubts": ["the index is missing"]}}, "OPS-KILL-NOT-AGAIN"),
        ({"litter": [".staging-1-k1.state.json"]}, "OPS-KILL-LITTER"),
    ],
)
def test_what_a_death_left_is_found(changes, code):
    assert ask("survives", {"deaths": [{**DEATH, **changes}]}) == (Result.FAIL, code)


def test_a_command_that_came_through_without_its_effect_is_found():
    through = {**DEATH, "died": False, "written": "active", "state": "cleared"}
    assert ask("survives", {"deaths": [DEATH, through]}) == (Result.FAIL, "OPS-KILL-OPEN")


def test_a_pull_in_the_record_passes():
    assert ask("pull_recorded", {"pull": PULL}, run_of({"event_id": "e1"})) == (Result.PASS, "")


@pytest.mark.parametrize(
    ("told", "changes", "safety", "code"),
    [
        ([], {}, {}, "OPS-KILL-NOT-TOLD"),
        (["e1", "e1"], {}, {}, "OPS-KILL-NOT-TOLD"),
        (["e2"], {}, {}, "OPS-KILL-NOT-TOLD"),
        (["e1"], {"warnings": ["not rendered"]}, {}, "OPS-KILL-NOT-TOLD"),
        (["e1"], {}, {"at_start": {"state": "active"}}, "OPS-KILL-NOT-RECORDED"),
        (["e1"], {}, {"at_start": None}, "OPS-KILL-NOT-RECORDED"),
        (["e1"], {}, {"kill_switch": {"state": "absent", "last_reason": None}}, "OPS-KILL-NOT-RECORDED"),
        (["e1"], {"reason": "another"}, {}, "OPS-KILL-NOT-RECORDED"),
    ],
)
def test_a_pull_that_the_record_lacks_is_found(told, changes, safety, code):
    run = run_of(*({"event_id": name} for name in told), **safety)
    assert ask("pull_recorded", {"pull": {**PULL, **changes}}, run) == (Result.FAIL, code)


@pytest.mark.parametrize(
    ("state", "expected"), [("cleared", (Result.PASS, "")), ("active", (Result.FAIL, "OPS-KILL-NOT-HEALED"))]
)
def test_a_switch_is_as_before_or_not(state, expected):
    assert ask("as_before", {"healed": {"state": state, "reasons": [], "left_as": "cleared"}}) == expected


def test_clears_that_never_won_pass():
    assert ask("clear_never_wins", {"clears": [CLEAR, {**CLEAR, "stopped": False}]}) == (Result.PASS, "")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"stopped": False}, "OPS-KILL-NOTHING"),
        ({"acknowledged": False}, "OPS-KILL-REFUSED"),
        ({"state": "cleared"}, "OPS-KILL-OPEN"),
        ({"again": {"state": "active", "doubts": []}}, "OPS-KILL-NOT-CLEARED"),
        ({"again": {"state": "cleared", "doubts": ["x"]}}, "OPS-KILL-NOT-CLEARED"),
    ],
)
def test_a_clear_that_won_is_found(changes, code):
    assert ask("clear_never_wins", {"clears": [{**CLEAR, **changes}]}) == (Result.FAIL, code)
