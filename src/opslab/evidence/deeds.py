"""What a strategy did: its orders in the order in which it made them, from an event stream. Pure.

Orders are compared by what was asked for, what was filled, and how they ended; then the position at the end. Times, ids
and fees are not: a paper run has its own clock, a venue its own ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from opslab.evidence.told import Answer, Known

Kind = Literal[
    "order_missing",
    "order_extra",
    "intent",
    "refused",
    "fill_quantity",
    "fill_price",
    "fill_parts",
    "ending",
    "position",
]

LAST_OPEN = "sent after the last open: a backtest has none to fill it at"
IN_PARTS = "the venue's book and trades held less at one time than the order asked for"

_ASKED = ("order_side", "order_type", "quantity", "price", "trigger_price", "time_in_force", "reduce_only", "post_only")
_ENDINGS = {
    "OrderAccepted": "open",
    "OrderCanceled": "canceled",
    "OrderDenied": "denied",
    "OrderExpired": "expired",
    "OrderFilled": "filled",
    "OrderRejected": "rejected",
}
_VOID = ("denied", "rejected")
_RELATIVE_TOLERANCE = Decimal("1e-9")


class ParityDifference(NamedTuple):
    """Something that a paper run did otherwise than the backtest of the same candles.

    Attributes:
        kind: what differs.
        order: the how-manieth order of the strategy, from 1; 0 where it is about the whole run.
        backtest: what the backtest did.
        paper: what the paper run did.
        cause: why, where that follows from how the two execute; empty: nobody knows, and the check fails.
    """

    kind: Kind
    order: int
    backtest: Any
    paper: Any
    cause: str = ""

    def __str__(self) -> str:
        """Return it on one line."""
        where = f"order {self.order} " if self.order else ""
        told = f"{where}{self.kind}: {self.backtest} in the backtest, {self.paper} in the paper run"
        return f"{told} ({self.cause})" if self.cause else told


@dataclass
class Deed:
    """One order of a strategy, and what became of it.

    Attributes:
        asked: symbol and what the order says.
        fills: quantity and price of each fill, in order.
        ending: ``made``, ``sent``, ``open``, ``filled``, ``canceled``...
        reason: why it was denied or rejected.
        made: when it was made, UNIX ns in the run's own time; None where the stream does not say.
        changed: when something became of it last, likewise.
        filled: when it was filled last, likewise.
        line: the line of the event stream that made it, from 1; 0 where nobody counted.
        known: what the strategy had been told then; None where nobody counted.
        answer: the first word about it that the strategy was told; None: none, or nobody counted.
    """

    asked: dict[str, Any]
    fills: list[tuple[Decimal, Decimal]] = field(default_factory=list)
    ending: str = "made"
    reason: str = ""
    made: int | None = None
    changed: int | None = None
    filled: int | None = None
    line: int = 0
    known: Known | None = None
    answer: Answer | None = None

    @property
    def quantity(self) -> Decimal:
        """What was filled, in base units."""
        return sum((quantity for quantity, _ in self.fills), Decimal(0))

    @property
    def price(self) -> Decimal | None:
        """The average price of what was filled."""
        filled = self.quantity
        return sum((quantity * price for quantity, price in self.fills), Decimal(0)) / filled if filled else None


class OrderEvent(Protocol):
    """An event of an order: a JSON object, or what reads like one."""

    def get(self, name: str, /) -> Any:
        """Return a field, or None."""
        ...

    def __getitem__(self, name: str, /) -> Any:
        """Return a field that must be there."""
        ...


def deeds_of(events: Iterable[Mapping[str, Any]]) -> list[Deed]:
    """Return the orders of an event stream in the order in which they were made."""
    deeds: dict[str, Deed] = {}
    for event in events:
        kind, order = str(event["type"]), str(event.get("client_order_id"))
        if kind == "OrderInitialized":
            deeds[order] = begun(event)
        elif (deed := deeds.get(order)) is not None:
            add(deed, kind, event)
    return list(deeds.values())


def begun(event: OrderEvent) -> Deed:
    """Return the order that an ``OrderInitialized`` makes."""
    asked = {"symbol": symbol_of(event["instrument_id"]), **{name: _value(event, name) for name in _ASKED}}
    return Deed(asked, made=event.get("ts_event"), changed=event.get("ts_event"))


def positions_of(deeds: Sequence[Deed]) -> dict[str, Decimal]:
    """Return what the fills add up to, signed base units by symbol; flat ones are left out."""
    held: dict[str, Decimal] = {}
    for deed in deeds:
        sign = 1 if deed.asked["order_side"] == "BUY" else -1
        held[deed.asked["symbol"]] = held.get(deed.asked["symbol"], Decimal(0)) + sign * deed.quantity
    return {symbol: amount for symbol, amount in sorted(held.items()) if amount}


def differences(backtest: Sequence[Deed], paper: Sequence[Deed]) -> list[ParityDifference]:
    """Return what a paper run did otherwise than a backtest, in the order of the orders; empty: the same."""
    found: list[ParityDifference] = []
    for number, (left, right) in enumerate(zip_longest(backtest, paper), 1):
        found += _of_order(number, left, right)
    held, holds = positions_of(backtest), positions_of(paper)
    if held != holds:
        # The position is the sum of the fills: what explains all their differences explains its own.
        causes = {item.cause for item in found if item.kind not in ("fill_price", "fill_parts", "ending")}
        cause = causes.pop() if len(causes) == 1 else ""
        found.append(ParityDifference("position", 0, _shown(held), _shown(holds), cause))
    return found


def symbol_of(instrument_id: str) -> str:
    """Return the venue's symbol in an engine's instrument id: a live futures node says ``BTCUSDT-PERP.BINANCE``."""
    return instrument_id.rpartition(".")[0].removesuffix("-PERP")


def _of_order(number: int, left: Deed | None, right: Deed | None) -> Iterator[ParityDifference]:
    if left is None or right is None:
        deed = left or right
        asked = deed.asked if deed is not None else None
        kind: Kind = "order_extra" if left is None else "order_missing"
        yield ParityDifference(kind, number, asked if right is None else None, asked if left is None else None)
        return
    if wrong := [name for name in left.asked if left.asked[name] != right.asked[name]]:
        asked, made = ({name: deed.asked[name] for name in wrong} for deed in (left, right))
        yield ParityDifference("intent", number, asked, made)
    if right.ending in _VOID and left.ending not in _VOID:
        yield ParityDifference("refused", number, left.ending, f"{right.ending}: {right.reason}")
        return
    cause = LAST_OPEN if left.ending == "sent" else ""
    if left.quantity != right.quantity:
        yield ParityDifference("fill_quantity", number, f"{left.quantity:f}", f"{right.quantity:f}", cause)
    elif not _is_near(left.price, right.price):
        yield ParityDifference("fill_price", number, str(left.price), str(right.price), cause)
    elif len(left.fills) != len(right.fills):
        yield ParityDifference("fill_parts", number, len(left.fills), len(right.fills), IN_PARTS)
    if left.ending != right.ending:
        yield ParityDifference("ending", number, left.ending, right.ending, cause)


def add(deed: Deed, kind: str, event: OrderEvent) -> None:
    """Take a later event of an order in."""
    deed.changed = event.get("ts_event")
    if kind == "OrderSubmitted":
        deed.ending = "sent"
    elif kind == "OrderUpdated":
        deed.asked["quantity"], deed.asked["price"] = _value(event, "quantity"), _value(event, "price")
    elif kind in _ENDINGS:
        deed.ending = _ENDINGS[kind]
    if kind == "OrderFilled":
        deed.fills.append((Decimal(event["last_qty"]), Decimal(event["last_px"])))
        deed.filled = event.get("ts_event")
        deed.ending = "filled" if deed.quantity >= Decimal(deed.asked["quantity"]) else "filled in part"
    deed.reason = str(event.get("reason") or deed.reason) if kind in ("OrderRejected", "OrderDenied") else deed.reason


def _value(event: OrderEvent, name: str) -> Any:
    """Return a field of an order, which the engine puts into ``options`` for some; numbers without trailing zeros."""
    value = event.get(name)
    if value is None:
        value = (event.get("options") or {}).get(name)
    if name in ("quantity", "price", "trigger_price") and value is not None:
        return f"{Decimal(value).normalize():f}"
    return value


def _is_near(left: Decimal | None, right: Decimal | None) -> bool:
    if left is None or right is None:
        return left is right
    return abs(left - right) <= abs(left) * _RELATIVE_TOLERANCE


def _shown(held: Mapping[str, Decimal]) -> dict[str, str]:
    return {symbol: f"{amount:f}" for symbol, amount in held.items()}
