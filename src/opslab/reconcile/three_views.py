"""Do venue, engine and strategy believe the same? Typed differences between the three views of one moment. Pure.

A view is JSON: ``orders``, ``positions`` and ``balances``, each a list of rows, as in a bundle's ``views.jsonl``.
The venue's is the truth; the engine's cache and the strategy's belief are judged against it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from opslab.reconcile.diff import Tolerance, diff
from opslab.reconcile.snapshot import Balance, Order, Position, View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opslab.reconcile.diff import Difference

type Rows = Mapping[str, Sequence[Mapping[str, Any]]]

_OPEN = frozenset(
    {"NEW", "PARTIALLY_FILLED", "SUBMITTED", "ACCEPTED", "TRIGGERED", "PENDING_UPDATE", "PENDING_CANCEL", "INITIALIZED"}
)
"""Words of venue and engine for an order that may fill yet."""


class ViewDifference(NamedTuple):
    """A difference between the venue's view and another one.

    Attributes:
        view: whose: ``engine`` or ``strategy``.
        difference: what differs; expected is what the venue says.
    """

    view: str
    difference: Difference

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.view}: {self.difference}"


def differences(views: Mapping[str, Rows]) -> list[ViewDifference]:
    """Return what engine and strategy believe otherwise than the venue; empty when all three agree.

    A spot venue has balances and no positions: there the engine's positions are the strategy's measure.

    Args:
        views: by name: ``venue``, ``engine``, ``strategy``.
    """
    venue, engine, strategy = views["venue"], views["engine"], views["strategy"]
    mine = {row["client_order_id"] for row in strategy["orders"]}
    has_positions = "positions" in venue
    found = [
        *_told("engine", diff(_view(venue, has_positions), _view(engine, has_positions))),
        *_told("strategy", diff(_view(venue, has_positions, mine), _view(strategy, has_positions, mine))),
    ]
    if not has_positions:
        expected, observed = (View(positions=_positions(rows), orders=()) for rows in (engine, strategy))
        found += _told("strategy", diff(expected, observed, _steps(engine)))
    return found


def _told(view: str, found: list[Difference]) -> list[ViewDifference]:
    return [ViewDifference(view, item) for item in found]


def _steps(engine: Rows) -> dict[str, Tolerance]:
    """Return one step of each instrument's quantity: the engine rounds what fees leave of a spot position to it."""
    exponents = {row["instrument"]: Decimal(row["quantity"]).as_tuple().exponent for row in engine["positions"]}
    return {name: Tolerance(quantity=Decimal(1).scaleb(int(exponent))) for name, exponent in exponents.items()}


def _view(rows: Rows, has_positions: bool, mine: set[Any] | None = None) -> View:  # noqa: FBT001 - passed on
    """Return a view to compare; with ``mine`` only those orders, and no balances: a strategy is given none."""
    orders = [
        row for row in rows["orders"] if row["status"] in _OPEN and (mine is None or row["client_order_id"] in mine)
    ]
    return View(
        positions=_positions(rows) if has_positions else (),
        orders=tuple(_order(row) for row in orders),
        balances=None if mine is not None else tuple(_balance(row) for row in rows["balances"]),
    )


def _positions(rows: Rows) -> tuple[Position, ...]:
    """Return long and short apart: two positions that cancel each other out are not the same as none."""
    held: dict[tuple[str, str], Decimal] = {}
    for row in rows.get("positions", ()):
        amount = Decimal(row["signed_quantity"])
        key = (row["instrument"], "long" if amount > 0 else "short")
        held[key] = held.get(key, Decimal(0)) + abs(amount)
    return tuple(
        Position(symbol, side, quantity, position_id=side)
        for (symbol, side), quantity in sorted(held.items())
        if quantity
    )


def _order(row: Mapping[str, Any]) -> Order:
    return Order(
        order_id=row["client_order_id"],
        symbol=row["instrument"],
        side=row["side"],
        type="",
        quantity=Decimal(row["quantity"]),
        filled_quantity=Decimal(row["filled_quantity"]),
    )


def _balance(row: Mapping[str, Any]) -> Balance:
    return Balance(account="", currency=row["currency"], total=Decimal(row["total"]))
