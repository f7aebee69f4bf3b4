"""What a strategy had been told when it made each of its orders: what stands before it in its event stream. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.evidence.deeds import Deed, OrderEvent

_ENDS = frozenset({"OrderCanceled", "OrderDenied", "OrderExpired", "OrderRejected"})
_ANSWERS = _ENDS | {"OrderAccepted", "OrderFilled"}


class Known(NamedTuple):
    """What a strategy knew when it made an order.

    Attributes:
        positions: signed base units of each symbol that was not flat, by the fills that it had been told of.
        resting: how many of its orders it had been told to rest.
        waiting: the number, from 1, of its oldest order of which it had been told nothing yet; 0: there was none.
    """

    positions: tuple[tuple[str, Decimal], ...]
    resting: int
    waiting: int


class Answer(NamedTuple):
    """The first word about an order: accepted, filled, or refused.

    Attributes:
        line: its line in the event stream, from 1.
        at: when the strategy was told, UNIX ns in the run's own time; None where the stream does not say.
    """

    line: int
    at: int | None


class Teller:
    """Reads an event stream line by line, and writes onto each order what was known when it was made."""

    def __init__(self) -> None:
        self._held: dict[str, Decimal] = {}
        self._resting: set[str] = set()
        self._waiting: dict[str, int] = {}
        self._positions: tuple[tuple[str, Decimal], ...] | None = ()

    def made(self, deed: Deed, name: str, number: int, line: int) -> None:
        """Take in that an order was made.

        Args:
            deed: the order.
            name: its client order id.
            number: the how-manieth order it is, from 1.
            line: of the event, from 1.
        """
        if self._positions is None:
            self._positions = tuple(sorted((symbol, held) for symbol, held in self._held.items() if held))
        deed.line = line
        deed.known = Known(self._positions, len(self._resting), next(iter(self._waiting.values()), 0))
        self._waiting[name] = number

    def heard(self, deed: Deed, name: str, event: OrderEvent, line: int) -> None:
        """Take a later event of an order in, after the order itself did."""
        kind = event["type"]
        if kind not in _ANSWERS:
            return
        if self._waiting.pop(name, None) is not None:
            at = event.get("ts_init")
            deed.answer = Answer(line, at if at is not None else event.get("ts_event"))
        if kind == "OrderAccepted":
            self._resting.add(name)
        elif kind in _ENDS or deed.ending == "filled":
            self._resting.discard(name)
        if kind == "OrderFilled":
            quantity, symbol = deed.fills[-1][0], deed.asked["symbol"]
            signed = quantity if deed.asked["order_side"] == "BUY" else -quantity
            self._held[symbol] = self._held[symbol] + signed if symbol in self._held else signed
            self._positions = None
