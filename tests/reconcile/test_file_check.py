"""``judge``: severities, roll-up, and what must never pass as a match."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.events import CheckSeverity
from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.contract.reconciliation import ReconciliationInput
from opslab.reconcile.file_check import Judgement, judge, severity_of
from opslab.reconcile.freshness import FUTURE_SECONDS

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "reconciliation"
BASE = json.loads((FIXTURES / "expected_match.json").read_text())


def judged(observed: dict[str, Any], expected: dict[str, Any] = BASE, now: datetime = NOW) -> Judgement:
    sides = [ReconciliationInput.model_validate_json(json.dumps(side)) for side in (expected, observed)]
    return judge(*sides, now)


def changed(path: str, value: Any) -> dict[str, Any]:
    content = copy.deepcopy(BASE)
    place, (*parents, last) = content, path.split(".")
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    place[last] = value
    return content


def severities(judgement: Judgement) -> list[str]:
    assert [check.name for check in judgement.checks] == ["position", "open_orders", "freshness"]
    return [check.severity.value for check in judgement.checks]


@pytest.mark.parametrize(
    ("name", "expected", "kinds"),
    [
        ("observed_match", ["ok", "ok", "ok"], []),
        ("observed_position_mismatch", ["mismatch", "ok", "ok"], ["quantity"]),
        (
            "observed_open_orders_mismatch",
            ["ok", "mismatch", "ok"],
            ["missing_observed", "price", "missing_expected"],
        ),
        ("observed_stale_warning", ["ok", "ok", "warning"], ["stale"]),
        ("observed_missing_freshness_unknown", ["ok", "ok", "unknown"], ["unknown", "unknown"]),
    ],
)
def test_the_six_situations(name, expected, kinds):
    judgement = judged(json.loads((FIXTURES / f"{name}.json").read_text()))
    assert severities(judgement) == expected
    assert [item.kind.value for item in judgement.differences] == kinds
    assert judgement.passed is ({"mismatch", "unknown"}.isdisjoint(expected))


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("position.symbol", "ETHUSDT", Kind.SYMBOL),
        ("position.side", "short", Kind.SIDE),
        ("position.qty", "0.2501", Kind.QUANTITY),
        ("position.avg_entry_price", None, Kind.AVERAGE_PRICE),
        ("open_orders.0.symbol", "ETHUSDT", Kind.SYMBOL),
        ("open_orders.0.side", "buy", Kind.SIDE),
        ("open_orders.0.qty", "1", Kind.QUANTITY),
        ("open_orders.0.price", "1", Kind.PRICE),
        ("open_orders.0.status", "PARTIALLY_FILLED", Kind.STATUS),
        ("open_orders.0.time_in_force", "IOC", Kind.TIME_IN_FORCE),
    ],
)
def test_one_other_value_is_one_mismatch(path, value, kind):
    judgement = judged(changed(path, value))
    assert [item.kind for item in judgement.differences] == [kind]
    assert judgement.status is CheckSeverity.MISMATCH


@pytest.mark.parametrize("qty", ["NaN", "nan", "sNaN", "Infinity", "1e400", "", "-0.25", "0", "0x1", "1_0", "٣"])
@pytest.mark.parametrize("place", ["position.qty", "open_orders.1.qty"])
def test_a_quantity_that_means_nothing_is_unknown_even_when_both_say_so(place, qty):
    content = changed(place, qty)
    judgement = judged(content, content)
    assert "unknown" in severities(judgement)
    assert {item.kind for item in judgement.differences} == {Kind.UNUSABLE}
    assert not judgement.passed


@pytest.mark.parametrize("place", ["position.avg_entry_price", "open_orders.1.price"])
def test_a_price_that_is_no_number_is_unknown(place):
    content = changed(place, "NaN")
    assert judged(content, content).status is CheckSeverity.UNKNOWN


@pytest.mark.parametrize(
    ("qty", "price", "severity"), [("0", None, "ok"), ("1", None, "unknown"), ("0", "5", "unknown")]
)
def test_a_flat_position_holds_nothing(qty, price, severity):
    flat = changed("position", {"symbol": "BTCUSDT", "side": "flat", "qty": qty, "avg_entry_price": price})
    assert severities(judged(flat, flat))[0] == severity


def test_flat_positions_in_two_symbols_do_not_match():
    one, other = (
        changed("position", {"symbol": symbol, "side": "flat", "qty": "0", "avg_entry_price": None})
        for symbol in ("BTCUSDT", "ETHUSDT")
    )
    assert severities(judged(one, other))[0] == "mismatch"


def test_an_order_id_given_twice_is_unknown():
    content = changed("open_orders", [*BASE["open_orders"], BASE["open_orders"][0]])
    for judgement in (judged(content), judged(content, content), judged(BASE, content)):
        assert severities(judgement) == ["ok", "unknown", "ok"]
        assert "duplicate O-1" in judgement.checks[1].details


def test_a_mismatch_beside_a_duplicate_is_not_hidden():
    orders = [*BASE["open_orders"], BASE["open_orders"][0]]
    orders[1] = orders[1] | {"qty": "7"}
    judgement = judged(changed("open_orders", orders))
    assert severities(judgement) == ["ok", "mismatch", "ok"]
    assert "quantity O-2" in judgement.checks[1].details


@pytest.mark.parametrize("path", ["as_of_utc", "freshness.position_ts_utc", "freshness.orders_ts_utc"])
@pytest.mark.parametrize("side", ["expected", "observed"])
def test_a_stamp_from_the_future_is_never_fresh(path, side):
    content = changed(path, "2099-01-01T00:00:00Z")
    judgement = judged(content, BASE) if side == "observed" else judged(BASE, content)
    assert severities(judgement)[2] == "unknown"
    assert f"future {side}.{path.rsplit('.', 1)[-1]}" in judgement.checks[2].details


def test_a_clock_a_little_ahead_has_age_zero():
    as_of = datetime.fromisoformat(BASE["as_of_utc"])
    for seconds, severity in ((FUTURE_SECONDS, "ok"), (FUTURE_SECONDS + 0.001, "unknown")):
        ahead = (as_of + timedelta(seconds=seconds)).isoformat()
        assert severities(judged(changed("freshness.position_ts_utc", ahead)))[2] == severity


@pytest.mark.parametrize(("age", "severity"), [(30, "ok"), (30.000001, "warning")])
def test_an_age_beyond_the_limit_is_a_warning_that_matches(age, severity):
    moment = (datetime.fromisoformat(BASE["as_of_utc"]) - timedelta(seconds=age)).isoformat()
    check = judged(changed("freshness.orders_ts_utc", moment)).checks[2]
    assert (check.severity, check.matched) == (severity, True)


def test_the_limit_is_the_observed_one_else_the_expected_one():
    old = "2026-05-20T07:59:00Z"
    observed = changed("freshness", {"position_ts_utc": old, "orders_ts_utc": old, "max_age_seconds": 60})
    assert severities(judged(observed))[2] == "ok"
    observed["freshness"]["max_age_seconds"] = None
    assert severities(judged(observed))[2] == "warning"
    assert severities(judged(observed, changed("freshness", None)))[2] == "unknown"


@pytest.mark.parametrize(("apart", "severity"), [(0, "ok"), (30, "ok"), (30.000001, "warning"), (10**9, "warning")])
@pytest.mark.parametrize("older", ["expected", "observed"])
def test_files_of_two_times_are_a_warning_that_matches(older, apart, severity):
    as_of = datetime.fromisoformat(BASE["as_of_utc"])
    past = as_of - timedelta(seconds=apart)
    old = changed("as_of_utc", past.isoformat())
    old["freshness"] |= dict.fromkeys(("position_ts_utc", "orders_ts_utc"), past.isoformat())
    judgement = judged(old, BASE) if older == "observed" else judged(BASE, old)
    assert severities(judgement) == ["ok", "ok", severity]
    assert judgement.passed
    keys = [(item.kind, item.key) for item in judgement.differences]
    assert keys == ([(Kind.STALE, f"{older}.as_of_utc")] if severity == "warning" else [])


@pytest.mark.parametrize("field", ["position_ts_utc", "orders_ts_utc"])
def test_a_missing_stamp_is_unknown(field):
    assert severities(judged(changed(f"freshness.{field}", None)))[2] == "unknown"


@given(st.lists(st.sampled_from(list(Kind)), max_size=6))
def test_the_worst_severity_wins(kinds):
    order = ["ok", "warning", "unknown", "mismatch"]
    assert [severity.value for severity in CheckSeverity] == order
    worst = max((severity_of(kind) for kind in kinds), key=lambda item: order.index(item.value), default="ok")
    assert (worst == "mismatch") == any(severity_of(kind) is CheckSeverity.MISMATCH for kind in kinds)


def test_details_stay_one_line_and_bounded_however_much_differs():
    orders = [BASE["open_orders"][0] | {"order_id": f"X-{number}"} for number in range(500)]
    check = judged(changed("open_orders", orders)).checks[1]
    assert len(check.details) < 500
    assert "(and 499 more)" in check.details
