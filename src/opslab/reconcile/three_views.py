"""Do venue, engine and strategy believe the same? Typed differences between the three views of one moment. Pure.

A view is JSON: ``orders``, ``positions``, ``balances`` and ``fills``, each a list of rows, as in a bundle's
``views.jsonl``. The venue's is the truth; the engine's cache and the strategy's belief are judged against it. What the
kinds mean stands with ``contract.reconciliation.DifferenceKind``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.contract.reconciliation import Subject
from opslab.reconcile.diff import Difference, diff
from opslab.reconcile.snapshot import View
from opslab.reconcile.spot_views import against_engine, uncovered
from opslab.reconcile.view_difference import NAMES, ViewDifference, told_of, unknown
from opslab.reconcile.view_rows import (
    OPEN,
    Rows,
    balances_of,
    fills_of,
    orders_of,
    positions_of,
    tolerances_of,
    unlike_fills,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opslab.reconcile.diff import Tolerance


def differences(views: Mapping[str, Rows]) -> list[ViewDifference]:
    """Return what engine and strategy believe otherwise than the venue; empty when all three agree.

    Compared is the state: orders, positions, balances. A spot venue has balances and no positions: there the engine's
    positions are the strategy's measure.

    Args:
        views: by name: ``venue``, ``engine``, ``strategy``.
    """
    venue, engine, strategy = views["venue"], views["engine"], views["strategy"]
    has_positions, allowed = "positions" in venue, tolerances_of(venue)
    found = []
    for name, rows, mine in (
        ("engine", engine, None),
        ("strategy", strategy, {row["client_order_id"] for row in strategy["orders"]}),
    ):
        positions = positions_of(venue["positions"], rows["positions"]) if has_positions else ((), ())
        orders = orders_of(venue["orders"], rows["orders"], mine)
        # A strategy is given no balances.
        balances = (None, None) if mine is not None else tuple(balances_of(side["balances"]) for side in (venue, rows))
        sides = [View(*parts) for parts in zip(positions, orders, balances, strict=True)]
        found += told_of(name, diff(sides[0], sides[1], allowed))
    if not has_positions:
        found += [*uncovered(venue, engine), *against_engine(engine, strategy)]
    return found


def all_differences(views: Mapping[str, Rows]) -> list[ViewDifference]:
    """Return what ``differences`` does, and what the three have come through otherwise: fills, fees, strangers' orders.

    Who tells of no fills at all, as views of earlier labs, is unknown.

    Args:
        views: by name: ``venue``, ``engine``, ``strategy``.
    """
    venue, allowed = views["venue"], tolerances_of(views["venue"])
    found = differences(views)
    for name in ("engine", "strategy"):
        if "fills" in venue and "fills" in views[name]:
            known = {row["client_order_id"] for row in views[name]["orders"]}
            true = [row for row in venue["fills"] if row["client_order_id"] in known]
            found += fill_differences(name, true, views[name]["fills"], allowed)
    found += [unknown(name, Subject.FILL, "tells of no fills") for name in NAMES if "fills" not in views[name]]
    return found + _unattributed(venue, views["strategy"], found)


def fill_differences(
    name: str,
    expected: Sequence[Mapping[str, Any]],
    observed: Sequence[Mapping[str, Any]],
    allowed: Mapping[str, Tolerance],
) -> list[ViewDifference]:
    """Return how fills that somebody tells of differ from those of the venue's books.

    Args:
        name: whose view it is.
        expected: rows of the venue.
        observed: rows of that view.
        allowed: by instrument, how much may differ.
    """
    sides = [View((), (), fills=fills_of(rows)) for rows in unlike_fills(expected, observed)]
    told = told_of(name, diff(sides[0], sides[1], allowed))
    return [
        item._replace(difference=replace(item.difference, kind=Kind.FABRICATED))
        if item.difference.kind is Kind.MISSING_VENUE
        else item
        for item in told
    ]


def _unattributed(venue: Rows, strategy: Mapping[str, Any], found: Sequence[ViewDifference]) -> list[ViewDifference]:
    """Tell of orders that rest or were filled at the venue, and that no strategy placed, of this node or before it.

    One that is over, and whose instrument is held as all believe, has left nothing to be cleared up.
    """
    placed = {row["client_order_id"] for row in strategy["orders"]} | set(strategy.get("placed_before", ()))
    told = [item.difference for item in found if item.difference.subject in (Subject.POSITION, Subject.BALANCE)]
    unsettled = {item.key.split("/")[0] for item in told if item.subject is Subject.POSITION}
    is_all_unsettled = "" in unsettled or any(item.subject is Subject.BALANCE for item in told)

    def kind_of(row: Mapping[str, Any]) -> Kind:
        counts = row["status"] in OPEN or is_all_unsettled or row["instrument"] in unsettled
        return Kind.UNATTRIBUTED if counts else Kind.UNATTRIBUTED_ENDED

    return [
        ViewDifference("strategy", Difference(kind_of(row), Subject.ORDER, row["client_order_id"], _brief(row)))
        for row in venue["orders"]
        if row["client_order_id"] not in placed and (row["status"] in OPEN or Decimal(row["filled_quantity"]))
    ]


def _brief(row: Mapping[str, Any]) -> str:
    return f"{row['side']} {row['quantity']} {row['status']}"
