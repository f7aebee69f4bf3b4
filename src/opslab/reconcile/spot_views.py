"""What can be compared of positions on a spot venue, which has balances and no positions. Pure.

The engine keeps one position for each strategy and one for what nobody of the run traded; what was sold by hand is a
short there. Nobody is short on spot: what counts is what they come to.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.contract.reconciliation import Subject
from opslab.reconcile.diff import Difference, diff
from opslab.reconcile.snapshot import View
from opslab.reconcile.view_difference import ViewDifference, told_of
from opslab.reconcile.view_rows import positions_of, quantity_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opslab.reconcile.diff import Tolerance
    from opslab.reconcile.view_rows import Rows

_NOTHING = Decimal(0)


def against_engine(engine: Rows, strategy: Rows) -> list[ViewDifference]:
    """Compare a strategy's positions with what the engine's come to, which rounds what fees leave of one to a step.

    What a strategy has left that is less than a step is none to the engine, and where the engine has less than nothing
    somebody sold what no strategy had bought: that is not a strategy's to know.

    Args:
        engine: its view.
        strategy: its view.
    """
    steps, held = quantity_steps(engine), _net(engine["positions"])
    rows = [
        {**row, "average_open_price": None}
        for row in strategy["positions"]
        if held.get(row["instrument"]) or not _is_below(row, steps)
    ]
    known = {row["instrument"] for row in rows}
    true = [_row(name, amount) for name, amount in held.items() if amount > 0 or name in known]
    expected, observed = (View(side, ()) for side in positions_of(true, rows))
    return told_of("strategy", diff(expected, observed, steps))


def uncovered(venue: Mapping[str, Any], engine: Rows) -> list[ViewDifference]:
    """Tell where the engine holds more, by a step or more, than the account has of what is held.

    That the account has more is no difference: it may have had it before the run.

    Args:
        venue: its view, with balances.
        engine: its view.
    """
    steps, held = quantity_steps(engine), _net(engine["positions"])
    totals = {row["currency"]: Decimal(row["total"]) for row in venue["balances"]}
    codes = {row["currency"] for row in engine["balances"]} | totals.keys()
    wanted: dict[str, Decimal] = {}
    for name, amount in held.items():
        code = _base_of(name, codes)
        wanted[code] = wanted.get(code, _NOTHING) + max(amount, _NOTHING)
    found = []
    for name, amount in held.items():
        code = _base_of(name, codes)
        there = totals.get(code, _NOTHING)
        if amount > 0 and wanted[code] - there >= steps[name].quantity:
            found.append(
                ViewDifference(
                    "engine", Difference(Kind.QUANTITY, Subject.POSITION, name, f"{there:f} {code}", f"{amount:f}")
                )
            )
    return found


def _net(rows: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    net: dict[str, Decimal] = {}
    for row in rows:
        net[row["instrument"]] = net.get(row["instrument"], _NOTHING) + Decimal(row["signed_quantity"])
    return net


def _row(name: str, amount: Decimal) -> dict[str, str]:
    return {"instrument": name, "signed_quantity": f"{amount:f}"}


def _is_below(row: Mapping[str, Any], steps: Mapping[str, Tolerance]) -> bool:
    step = steps.get(row["instrument"])
    return step is not None and abs(Decimal(row["signed_quantity"])) < step.quantity


def _base_of(name: str, codes: Iterable[str]) -> str:
    """Return what an instrument trades: a spot symbol begins with it; of two that fit, the longer one."""
    return max((code for code in codes if name.startswith(code)), key=len, default="")
