"""Both sides of a user stream: what the venue's queries tell, and what the node believes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance.common.symbol import BinanceSymbol
from nautilus_trader.model.enums import OrderStatus

from opslab.engine.guards.asking import Asking
from opslab.engine.guards.standing import reach
from opslab.safety.ambiguity import Told
from opslab.safety.stream_health import Account, Difference, unheard

if TYPE_CHECKING:
    from opslab.contract.execution import Guard

QUIET_SYMBOLS = 5
"""So many instruments are asked for also while nothing of them is active: an external order may be the first sign."""
MOST_ASKED = 5
"""So many orders in flight are asked for by name in one look, the oldest first."""

_NS = 1_000_000_000


class Sides:
    """Reads both sides for one client.

    Args:
        client: the execution client.
        cache: the node's cache.
        guard: on whose behalf.
        grace_seconds: how long an order may be in flight before the venue is asked for it by name.

    Raises:
        EngineError: the adapter cannot be asked.
    """

    def __init__(self, client: Any, cache: Any, guard: Guard, grace_seconds: float) -> None:
        self._client, self._cache, self._grace_ns = client, cache, int(grace_seconds * _NS)
        self._open_orders = reach(client, "_http_account.query_open_orders", guard)
        self._instruments = reach(client, "_instrument_provider.get_all", guard)
        self._is_futures = reach(client, "_binance_account_type", guard).is_futures
        self._asking = Asking(client, guard)
        self._renew = reach(client, "_update_account_state", guard)
        if self._is_futures:
            self._open_algos = reach(client, "_http_account.query_open_algo_orders", guard)
            self._positions = reach(client, "_get_binance_position_status_reports", guard)
        else:
            self._balances = reach(client, "_http_account.query_spot_account_info", guard)
            self._window = str(reach(client, "_recv_window", guard))

    async def differences(self) -> frozenset[Difference]:
        """Ask the venue, and return what the node has not heard of; raises what the adapter raises."""
        symbols = self._symbols()
        orders: dict[str, Decimal] = {}
        positions: dict[str, Decimal] = {}
        for symbol in sorted(symbols):
            for order in await self._open_orders(symbol):
                orders[order.clientOrderId] = Decimal(order.executedQty or 0)
            if self._is_futures:
                for algo in await self._open_algos(symbol):
                    orders[algo.clientAlgoId] = Decimal(0)
                for report in await self._positions(symbol):
                    name = report.instrument_id.value
                    positions[name] = positions.get(name, Decimal(0)) + report.signed_decimal_qty
        balances = {} if self._is_futures else await self._owned()
        answers = await self._asked(orders)
        return unheard(Account(orders, positions, balances=balances, answers=answers), self._heard(symbols))

    async def take_over(self) -> None:
        """Let the engine believe what the venue says of orders in flight and of balances: no reconciliation does.

        Raises what the adapter raises.
        """
        for order in self._in_flight():
            answer = await self._asking.ask(order)
            if answer.told is Told.THERE and order.status == OrderStatus.SUBMITTED:
                self._asking.adopt(answer)
        await self._renew()

    async def _asked(self, listed: dict[str, Decimal]) -> dict[str, str]:
        """Return what the venue says of orders that have been in flight for long and are not open, by name."""
        found = {}
        for order in self._in_flight():
            if (name := order.client_order_id.value) not in listed:
                answer = await self._asking.ask(order)
                if answer.told is Told.THERE:
                    found[name] = answer.detail
        return found

    def _in_flight(self) -> list[Any]:
        """Return the orders that were sent and answered by nobody for longer than the grace, the oldest first."""
        since = self._client._clock.timestamp_ns() - self._grace_ns  # noqa: SLF001 - the adapter's own clock
        waiting = (
            order
            for order in self._cache.orders_inflight(venue=self._client.venue)
            if order.status == OrderStatus.SUBMITTED and order.ts_last <= since
        )
        return sorted(waiting, key=lambda order: order.ts_last)[:MOST_ASKED]

    async def _owned(self) -> dict[str, Decimal]:
        told = await self._balances(recv_window=self._window)
        return _amounts(told.parse_to_account_balances())  # the adapter's own reading rounds as the node's belief does

    def _heard(self, symbols: set[str]) -> Account:
        """Return what the node believes of these symbols; of an order in flight it has heard nothing."""
        venue = self._client.venue
        orders = {
            order.client_order_id.value: order.filled_qty.as_decimal()
            for order in self._cache.orders_open(venue=venue)
            if name_of(order.instrument_id) in symbols
        }
        positions: dict[str, Decimal] = {}
        for position in self._cache.positions_open(venue=venue) if self._is_futures else ():
            if name_of(position.instrument_id) in symbols:
                name = position.instrument_id.value
                positions[name] = positions.get(name, Decimal(0)) + position.signed_decimal_qty()
        known = frozenset(
            order.client_order_id.value
            for order in self._cache.orders(venue=venue)
            if order.status != OrderStatus.SUBMITTED
        )
        held = {name: amount for name, amount in positions.items() if amount}
        return Account(orders, held, known, self._believed())

    def _believed(self) -> dict[str, Decimal]:
        account = None if self._is_futures else self._cache.account_for_venue(self._client.venue)
        return {} if account is None else _amounts(account.balances().values())

    def _symbols(self) -> set[str]:
        venue = self._client.venue
        active = [*self._cache.orders_open(venue=venue), *self._cache.orders_inflight(venue=venue)]
        active += self._cache.positions_open(venue=venue)
        found = {name_of(one.instrument_id) for one in active}
        loaded = list(self._instruments())
        return found | ({name_of(each) for each in loaded} if len(loaded) <= QUIET_SYMBOLS else set())


def name_of(instrument_id: Any) -> str:
    """Return an instrument's name at the venue."""
    return str(BinanceSymbol(instrument_id.symbol.value))


def _amounts(balances: Any) -> dict[str, Decimal]:
    owned = {balance.currency.code: balance.total.as_decimal() for balance in balances}
    return {asset: amount for asset, amount in owned.items() if amount}
