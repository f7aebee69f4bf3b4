"""What a guard of a node owes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opslab.contract.drill import Result
from opslab.contract.execution import Guard
from opslab.drill.checks.guarding import installed, nothing_rests, quiet, risk_held


@pytest.mark.parametrize(
    ("status", "result"), [("NEW", Result.FAIL), ("PARTIALLY_FILLED", Result.FAIL), ("CANCELED", Result.PASS)]
)
def test_an_open_order_is_left(status, result):
    run = SimpleNamespace(latest_views={"venue": {"orders": [{"client_order_id": "O-1", "status": status}]}})
    assert nothing_rests.judge(SimpleNamespace(run=run), None).result is result


@pytest.mark.parametrize(("status", "result"), [("DENIED", Result.PASS), ("SUBMITTED", Result.FAIL)])
def test_an_order_that_leaves_meanwhile_is_new_risk(status, result):
    assert risk_held.judge(SimpleNamespace(fact={"second": status}.get), None).result is result


def _judged(check, journal, *guards):
    run = SimpleNamespace(journal=journal)
    return check.judge(SimpleNamespace(run=run), SimpleNamespace(execution=SimpleNamespace(guards=guards)))


def _acted(guard, action):
    return {"event": "guard_acted", "guard": guard.value, "action": action, "detail": "why"}


STARTED = {"event": "node_started"}
STANDS = _acted(Guard.RATE_LIMIT, "installed")


@pytest.mark.parametrize(
    ("journal", "guards", "result"),
    [
        ([STANDS], [Guard.RATE_LIMIT], Result.PASS),
        ([STARTED, STANDS, STARTED, STANDS], [Guard.RATE_LIMIT], Result.PASS),
        ([STARTED, STANDS, STARTED], [Guard.RATE_LIMIT], Result.FAIL),
        ([STANDS], [Guard.RATE_LIMIT, Guard.LISTEN_KEY], Result.FAIL),
        ([_acted(Guard.RATE_LIMIT, "held")], [Guard.RATE_LIMIT], Result.FAIL),
        ([], [], Result.FAIL),
    ],
)
def test_every_guard_of_the_spec_stands_in_every_process(journal, guards, result):
    assert _judged(installed, journal, *guards).result is result


@pytest.mark.parametrize(("action", "result"), [("installed", Result.PASS), ("corrected", Result.FAIL)])
def test_a_guard_that_does_anything_is_loud(action, result):
    assert _judged(quiet, [STARTED, _acted(Guard.USER_STREAM, action)]).result is result
