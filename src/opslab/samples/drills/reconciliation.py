"""What two parties say of one run is compared, and whatever differs is seen.

Two drill bodies: `pytest drills/` runs them on a packaged sample, ``tc drill`` on the market data of a run.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from opslab.pytest_plugin.keys import REHEARSAL, SESSION
from opslab.reconcile import checking, file_check
from opslab.reconcile.keeping import Kept
from opslab.samples.drills.comparing import Altered, Comparison
from opslab.samples.drills.pacing import every_for_open_end

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.data.catalog import Dataset
    from opslab.root import Lab
    from opslab.store.reader import Bundle

PARTS = ("reconciliation.position", "reconciliation.open_orders", "reconciliation.freshness")


@pytest.fixture
def comparison(
    request: pytest.FixtureRequest, drill: Drill, lab: Lab, dataset: Dataset, run: Callable[..., Bundle]
) -> Comparison:
    """Compare how a real run ended: as its event stream says, with what the engine's last view says."""
    candles = dataset.load()
    bundle = run({"strategy.params": {"every": every_for_open_end(len(candles.ts_close_ns))}})
    place = request.config.stash[SESSION].drills / "files" / bundle.run_id
    clock = request.node.stash[REHEARSAL].clock
    fills_lost = 1 if drill.mutant == "fill-lost" else 0
    found = Comparison(drill, lab, bundle, candles, place, clock, fills_lost=fills_lost)
    found.compare("unaltered", [])
    return found


def _blind_to(*kinds: str) -> Callable[[], AbstractContextManager[object]]:
    """Return a mutant that does not see differences of ``kinds``."""
    diff = vars(file_check)["diff"]

    def blind(*args: Any, **kwargs: Any) -> Any:
        return [found for found in diff(*args, **kwargs) if found.kind not in kinds]

    return lambda: mock.patch.object(file_check, "diff", blind)


def _unkept() -> AbstractContextManager[object]:
    return mock.patch.object(checking, "keep", return_value=Kept("reconciliation/0001.json", "post.jsonl"))


@pytest.mark.drill(
    "stale_market_data",
    outcome="expected_warning",
    rehearses=["MD-01"],
    area="reconciliation",
    severity="critical",
    runbook="docs/runbooks/stale-market-data.md",
)
@pytest.mark.mutant("age-ignored", lambda: mock.patch.object(file_check, "age_difference", return_value=None))
@pytest.mark.mutant("result-not-kept", _unkept)
def test_market_data_that_stop_are_a_warning(drill: Drill, comparison: Comparison) -> None:
    """When market data stop, what was fresh becomes stale: a warning, though position and orders still agree."""
    drill.steady("run.completed", "reconciliation.agrees")
    silence = comparison.silence()
    with drill.inject(silence):
        comparison.compare("silent feed", silence.wanted, severity="warning")
        drill.detects(*PARTS, "reconciliation.status", "reconciliation.kept")


def _quantity(observed: dict[str, Any]) -> list[dict[str, Any]]:
    position = observed["position"]
    was, position["qty"] = position["qty"], str(Decimal(position["qty"]) * 2)
    return [_row("quantity", "position", position["symbol"], was, position["qty"])]


def _side(observed: dict[str, Any]) -> list[dict[str, Any]]:
    position = observed["position"]
    was, position["side"] = position["side"], "short" if position["side"] == "long" else "long"
    return [_row("side", "position", position["symbol"], was, position["side"])]


def _closed(observed: dict[str, Any]) -> list[dict[str, Any]]:
    position = dict(observed["position"])
    observed["position"] |= {"side": "flat", "qty": "0", "avg_entry_price": None}
    held = f"{position['side']} {position['qty']}"
    return [_row("missing_observed", "position", position["symbol"], held, None)]


def _order_gone(observed: dict[str, Any]) -> list[dict[str, Any]]:
    order = observed["open_orders"].pop()
    return [_row("missing_observed", "order", order["order_id"], f"{order['side']} {order['qty']}", None)]


def _order_more(observed: dict[str, Any]) -> list[dict[str, Any]]:
    order = {**observed["open_orders"][0], "order_id": "placed-by-hand"}
    observed["open_orders"].append(order)
    return [_row("missing_expected", "order", "placed-by-hand", None, f"{order['side']} {order['qty']}")]


def _order_dearer(observed: dict[str, Any]) -> list[dict[str, Any]]:
    order = observed["open_orders"][0]
    was, order["price"] = order["price"], str(Decimal(order["price"]) + 1)
    return [_row("price", "order", order["order_id"], was, order["price"])]


def _row(kind: str, subject: str, key: str, expected: str | None, observed: str | None) -> dict[str, Any]:
    return {"kind": kind, "subject": subject, "key": key, "expected": expected, "observed": observed}


CHANGES = {
    "order gone": _order_gone,
    "order placed by hand": _order_more,
    "order at another price": _order_dearer,
    "position closed": _closed,
    "position on the other side": _side,
    "position twice as large": _quantity,
}


@pytest.mark.drill(
    "reconciliation_mismatch",
    outcome="expected_mismatch",
    rehearses=["AC-12", "OL-06"],
    area="reconciliation",
    severity="critical",
    runbook="docs/runbooks/reconciliation-mismatch.md",
)
@pytest.mark.mutant("quantity-unseen", _blind_to("quantity"))
@pytest.mark.mutant("side-unseen", _blind_to("side"))
@pytest.mark.mutant("missing-unseen", _blind_to("missing_observed"))
@pytest.mark.mutant("fill-lost")
@pytest.mark.mutant("result-not-kept", _unkept)
def test_whatever_differs_is_a_mismatch(drill: Drill, comparison: Comparison) -> None:
    """Whatever differs between what was expected and what was observed is found, by its kind, and nothing else."""
    drill.steady("run.completed", "reconciliation.agrees")
    for case, change in CHANGES.items():
        altered = Altered(comparison, case, change)
        with drill.inject(altered):
            comparison.compare(case, altered.wanted, severity="mismatch")
    drill.holds(*PARTS, "reconciliation.status", "reconciliation.kept")
