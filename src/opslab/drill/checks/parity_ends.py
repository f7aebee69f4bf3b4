"""The check that a backtest and a paper run of the same candles end the same: positions, ledger, balances.

``parity.same`` adds up the fills of the two event streams. Here nothing is added up of them: what the engine says that
it holds at the end of each run is compared with the other one's and with the venue's ledger. Fees are not compared: who
takes which fee in which currency differs; what was paid is put back before balances are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from opslab.contract.spec import Mode
from opslab.drill.checks.registry import Judgement, check, failed, passed
from opslab.drill.history import FactMissing
from opslab.evidence.deeds import deeds_of, symbol_of
from opslab.evidence.deeds import differences as order_differences
from opslab.reconcile.three_views import differences as view_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History, RunHistory

_CENT = Decimal("1e-8")
"""How exact an account is: 8 decimals, rounded at each fill."""


class EndDifference(NamedTuple):
    """Something that two sides say otherwise of the end of a run.

    Attributes:
        kind: ``position`` or ``balance``.
        name: the symbol or currency.
        sides: who, in the order of the numbers: ``backtest``, ``paper``, ``ledger``.
        numbers: what each says; of a balance, how it changed before fees.
    """

    kind: str
    name: str
    sides: tuple[str, str]
    numbers: tuple[Decimal, Decimal]

    def __str__(self) -> str:
        """Return it on one line."""
        told = ", ".join(f"{side} {number:f}" for side, number in zip(self.sides, self.numbers, strict=True))
        return f"{self.kind} of {self.name}: {told}"


@dataclass(frozen=True)
class End:
    """How a run ended, as one side has it.

    Attributes:
        side: ``backtest``, ``paper`` (the engine of each) or ``ledger``.
        positions: signed base units by symbol, flat ones left out; None: the side keeps none, as a spot ledger.
        balances: by currency, how the total changed since the start, with the fees put back.
        fills: how many fills rounded the balances.
    """

    side: str
    positions: Mapping[str, Decimal] | None
    balances: Mapping[str, Decimal]
    fills: int


def end_differences(left: End, right: End) -> list[EndDifference]:
    """Return what two sides say otherwise; empty: they end the same."""
    sides, found = (left.side, right.side), []
    if left.positions is not None and right.positions is not None:
        found += [EndDifference("position", *item) for item in _unequal(left.positions, right.positions, sides)]
    allowed = _CENT * (1 + max(left.fills, right.fills))
    found += [EndDifference("balance", *item) for item in _unequal(left.balances, right.balances, sides, allowed)]
    return found


@check("parity.same_end")
def parity_same_end(history: History, _spec: RunSpec | None) -> Judgement:
    """Backtest, paper run and venue's ledger end with the same positions and balances, and the views agree."""
    backtest, paper = (_only(history, mode) for mode in (Mode.BACKTEST, Mode.PAPER))
    if found := view_differences(paper.latest_views):
        told = [str(item) for item in found]
        return failed("OPS-PARITY-VIEWS", f"the paper run's views differ: {told[0]}", expected=[], observed=told)
    ends = _end("backtest", backtest), _end("paper", paper), _end("ledger", paper, "venue")
    cause = _cause(backtest, paper)
    if differ := end_differences(ends[1], ends[2]) or ([] if cause else end_differences(ends[0], ends[1])):
        told = [str(item) for item in differ]
        return failed("OPS-PARITY-END", told[0], expected=[], observed=told)
    held = {name: f"{amount:f}" for name, amount in (ends[1].positions or {}).items()}
    compared = f"; the backtest's is not compared: {cause}" if cause else ""
    return passed(f"positions {held}, {len(ends[1].balances)} balances{compared}")


def _cause(backtest: RunHistory, paper: RunHistory) -> str:
    """Return why the two may end otherwise; that the orders differ without a cause is told by ``parity.same``."""
    found = order_differences(deeds_of(backtest.events), deeds_of(paper.events))
    return next((item.cause for item in found if item.kind == "position" and item.cause), "")


def _end(side: str, run: RunHistory, view: str = "engine") -> End:
    rows = [row for row in run.views if row["view"] == view]
    if not rows:
        raise FactMissing(f"the run {run.run_id} has no view of the {view}")
    fills = [event for event in run.events if event["type"] == "OrderFilled"]
    # A backtest writes one view, at its end; its account's first state is what it started with.
    started = rows[0]["balances"] if len(rows) > 1 else _first_account(run)
    balances = _totals(rows[-1]["balances"])
    for currency, total in _totals(started).items():
        balances[currency] = balances.get(currency, Decimal(0)) - total
    for amount, _, currency in (str(fill["commission"]).partition(" ") for fill in fills):
        balances[currency] = balances.get(currency, Decimal(0)) + Decimal(amount)
    return End(side, _positions(rows[-1].get("positions")), balances, len(fills))


def _first_account(run: RunHistory) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] | None = next(
        (event["balances"] for event in run.events if event["type"] == "AccountState"), None
    )
    if found is None:
        raise FactMissing(f"the run {run.run_id} does not tell what its account started with")
    return found


def _totals(rows: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    return {row["currency"]: Decimal(row["total"]) for row in rows}


def _positions(rows: Sequence[Mapping[str, Any]] | None) -> dict[str, Decimal] | None:
    if rows is None:
        return None
    held: dict[str, Decimal] = {}
    for row in rows:
        symbol = symbol_of(row["instrument"])
        held[symbol] = held.get(symbol, Decimal(0)) + Decimal(row["signed_quantity"])
    return {symbol: amount for symbol, amount in held.items() if amount}


def _unequal(
    left: Mapping[str, Decimal], right: Mapping[str, Decimal], sides: tuple[str, str], allowed: Decimal = Decimal(0)
) -> Iterator[tuple[str, tuple[str, str], tuple[Decimal, Decimal]]]:
    for name in sorted({*left, *right}):
        numbers = left.get(name, Decimal(0)), right.get(name, Decimal(0))
        if abs(numbers[0] - numbers[1]) > allowed:
            yield name, sides, numbers


def _only(history: History, mode: Mode) -> RunHistory:
    found = [run for run in history.runs if run.spec.mode is mode]
    if len(found) == 1:
        return found[0]
    raise FactMissing(f"the check needs exactly one run in mode {mode}, the drill has {len(found)}")
