"""One look at an account: everything that is left, by the venue's own answers, in the order that proves it.

Conditional orders are asked for first, open orders next, positions last: with none of the first, nothing new can rest
after the second question, and with none of the second, nothing can change the third. On futures the account endpoint
is a second witness, since an empty list alone may be a lie.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opslab.safety.flatten import reading
from opslab.safety.flatten.lots import Lots, lots_of
from opslab.safety.flatten.talk import Nobody, Talk, Yes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from opslab.safety.flatten.reading import Balance, Holding, Witness
    from opslab.safety.flatten.remains import OpenOrder
    from opslab.safety.flatten.turns import Turns


@dataclass(frozen=True)
class Look:
    """What a look saw; None is what the venue did not tell.

    Attributes:
        orders: open orders.
        algos: waiting conditional orders; of spot always none.
        holdings: futures positions that are not zero.
        balances: of spot, by asset.
        prices: of spot, last prices by symbol, where base asset is held.
        unknown: what was not told, or contradicts itself, each in a line.
    """

    orders: tuple[OpenOrder, ...] | None = None
    algos: tuple[OpenOrder, ...] | None = None
    holdings: tuple[Holding, ...] | None = None
    balances: Mapping[str, Balance] | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @property
    def all_orders(self) -> tuple[OpenOrder, ...]:
        """Every order that it saw."""
        return (*(self.orders or ()), *(self.algos or ()))

    @property
    def has_no_order(self) -> bool:
        """Whether the venue said that no order is open."""
        return self.orders == () and self.algos == ()


class Looker:
    """Looks, again and again.

    Args:
        talk: the conversation.

    Attributes:
        lots: the rules of symbols, once ``exchangeInfo`` told them.
    """

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._unknown: list[str] = []
        self.lots: Mapping[str, Lots] = {}

    def look(self) -> Turns[Look]:
        """Return what is left now; raises as ``Talk.ask``."""
        self._unknown = []
        if self._talk.account.market == "futures":
            return (yield from self._futures())
        return (yield from self._spot())

    def learn(self) -> Turns[None]:
        """Ask for the symbols' rules, unless they are known."""
        if self.lots:
            return
        path = f"{self._talk.prefix}/exchangeInfo"
        told = yield from self._told("exchangeInfo", path, lots_of, is_signed=False)
        self.lots = told or {}

    def _futures(self) -> Turns[Look]:
        prefix = self._talk.prefix
        algos = yield from self._told("conditional orders", f"{prefix}/openAlgoOrders", _algos)
        orders = yield from self._told("open orders", f"{prefix}/openOrders", reading.open_orders)
        holdings = yield from self._told("positions", "/fapi/v3/positionRisk", reading.holdings)
        witness = yield from self._told("account", "/fapi/v3/account", reading.witness)
        if witness is not None:
            holdings = self._compared(holdings, witness)
            if witness.has_margin and algos == () and orders == () and holdings == ():
                self._unknown.append("account: it reserves margin, though it shows no order and no position")
        if named := self._talk.account.symbols:
            algos, orders = _only(algos, named), _only(orders, named)
            holdings = None if holdings is None else tuple(item for item in holdings if item.symbol in named)
        return Look(orders, algos, holdings, unknown=tuple(self._unknown))

    def _compared(self, listed: tuple[Holding, ...] | None, witness: Witness) -> tuple[Holding, ...]:
        """Return the positions of both answers; one that only the account has is closed, and keeps it from being flat.

        A close only reduces, so that acting on the wrong one of two answers opens nothing.
        """
        names = {item.key for item in listed or ()}
        more = tuple(item for item in witness.holdings if item.key not in names)
        if more and listed is not None:
            keys = ", ".join(item.key for item in more)
            self._unknown.append(f"positions: the list does not have {keys}, the account has")
        return (*(listed or ()), *more)

    def _spot(self) -> Turns[Look]:
        prefix, named = self._talk.prefix, self._talk.account.symbols
        yield from self.learn()
        if self.lots:
            self._unknown += [
                f"{name}: exchangeInfo does not tell its rules" for name in named if name not in self.lots
            ]
        orders = yield from self._told("open orders", f"{prefix}/openOrders", reading.open_orders)
        balances = yield from self._told("balances", f"{prefix}/account", reading.balances)
        if balances is not None:
            self._judge_balances(orders, balances)
        prices = yield from self._prices(balances or {})
        return Look(_only(orders, named), (), None, balances, prices, tuple(self._unknown))

    def _judge_balances(self, orders: tuple[OpenOrder, ...] | None, balances: Mapping[str, Balance]) -> None:
        if not any(item.free or item.locked for item in balances.values()):
            self._unknown.append("balances: the account shows nothing at all, not even quote currency")
        if orders == () and (locked := [asset for asset, item in balances.items() if item.locked]):
            self._unknown.append(f"open orders: the list is empty, though {', '.join(locked[:5])} is locked")

    def _prices(self, balances: Mapping[str, Balance]) -> Turns[dict[str, Decimal]]:
        """Ask for the prices that tell whether what is held is worth an order; without one it is not dust."""
        found: dict[str, Decimal] = {}
        for name in self._talk.account.symbols:
            lots = self.lots.get(name)
            balance = balances.get(lots.base) if lots else None
            if balance is None or not balance.free:
                continue
            path = f"{self._talk.prefix}/ticker/price"
            reply = yield from self._talk.ask("GET", path, {"symbol": name}, is_signed=False)
            if isinstance(reply, Yes):
                try:
                    found[name] = reading.number(reading.mapping(reply.value), "price")
                except reading.NonsenseError:
                    continue
        return found

    def _told[T](self, what: str, path: str, read: Callable[[Any], T], *, is_signed: bool = True) -> Turns[T | None]:
        reply = yield from self._talk.ask("GET", path, is_signed=is_signed)
        if isinstance(reply, Yes):
            try:
                return read(reply.value)
            except reading.NonsenseError as error:
                self._unknown.append(f"{what}: {error}")
                return None
        self._unknown.append(f"{what}: {reply.reason if isinstance(reply, Nobody) else reply.text}")
        return None


def _algos(value: Any) -> tuple[OpenOrder, ...]:
    return reading.open_orders(value, is_algo=True)


def _only(orders: tuple[OpenOrder, ...] | None, names: tuple[str, ...]) -> tuple[OpenOrder, ...] | None:
    return None if orders is None else tuple(order for order in orders if order.symbol in names)
