"""The last door before the wire: every submit and modify of a live node asks the kill switch first.

The door stands in front of the execution client itself, below risk engine, emulator and execution algorithms, so that
nothing gets around it. Cancels and queries always pass. What may still leave while the switch is active decides
``safety.guard``.

It looks twice. The first look is at the command, while an order can still be denied as a whole. The adapter then goes
on in a task of its own: it sends a list's orders one after the other, and sends again what failed (``max_retries``;
code of 1.231). Therefore the second look is at each request, when nothing waits between the look and its sending. It
reads the switch again unless the first look is younger than a millisecond.
"""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance.http.error import BinanceClientError
from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.identifiers import ClientOrderId, VenueOrderId
from nautilus_trader.model.instruments import CurrencyPair

from opslab.engine.node.closes import Closes
from opslab.errors import EngineError, one_line
from opslab.safety.guard import Leaving, cause_of, reason_to_stop, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from opslab.safety.gate import GateDecision

_SENDERS = ("new_order", "new_algo_order", "modify_order")
"""What of the adapter's account API sends risk to the venue; spot has no algo orders."""

_UNSEEN = (OrderStatus.INITIALIZED, OrderStatus.RELEASED)
_FEW = 64
_YOUNG_SECONDS = 0.001
"""How old a reading may be when a request is sent; a request needs about as long to leave the process."""


class SwitchDoor:
    """Stands before an execution client.

    Args:
        client: the live execution client; its ``submit_order``, ``submit_order_list`` and ``modify_order`` are wrapped,
            and what its account API sends.
        cache: the node's cache, for positions and open orders.
        clock: the node's clock.
        ask: reads the kill switch, at every call; when it raises, the switch counts as active.
        intents: of spot: where what leaves while the switch is active is written down before; None: nowhere.

    Raises:
        EngineError: the adapter sends orders in a way that the door does not know.
    """

    def __init__(
        self, client: Any, cache: Any, clock: Any, ask: Callable[[], GateDecision], intents: Path | None = None
    ) -> None:
        self._client, self._cache, self._clock, self._ask = client, cache, clock, ask
        self._submit = client.submit_order
        self._submit_list = client.submit_order_list
        self._modify = client.modify_order
        self._account, self._senders = _senders_of(client)
        self._closes = Closes(self._account, intents) if intents is not None else None
        self._read: tuple[float, str | None] = (float("-inf"), None)
        self._passed: list[Any] = []
        self._most = _FEW
        self.stopped = 0
        """Orders and changes that the switch kept from leaving."""

    def install(self) -> None:
        """Take the place of the client's own methods."""
        self._client.submit_order = self.submit_order
        self._client.submit_order_list = self.submit_order_list
        self._client.modify_order = self.modify_order
        for name, send in self._senders.items():
            setattr(self._account, name, self._watched(send, is_change=name == "modify_order"))

    def submit_order(self, command: Any) -> None:
        """Pass an order on, or deny it."""
        if not self._is_stopped([command.order], command.position_id):
            self._submit(command)

    def submit_order_list(self, command: Any) -> None:
        """Pass a list of orders on as a whole, or deny all of it."""
        if not self._is_stopped(command.order_list.orders, command.position_id):
            self._submit_list(command)

    def modify_order(self, command: Any) -> None:
        """Pass a change on, or reject it."""
        order = self._cache.order(command.client_order_id)
        if (cause := self._cause()) and (reason := self._why_no_change(cause, order, command.quantity)):
            self.stopped += 1
            self._client.generate_order_modify_rejected(
                command.strategy_id,
                command.instrument_id,
                command.client_order_id,
                order.venue_order_id if order is not None else command.venue_order_id,
                reason,
                self._clock.timestamp_ns(),
            )
            return
        self._modify(command)

    def _cause(self) -> str | None:
        """Return why new risk is forbidden now, or None; nobody being able to say is a reason."""
        begun = time.monotonic()  # before it is read, so that it is never taken for younger than it is
        try:
            cause = cause_of(self._ask())
        except Exception as error:  # noqa: BLE001 - whatever hinders the reading, nothing is let through
            cause = f"the kill switch cannot be read: {type(error).__name__}: {one_line(error)}"
        self._read = (begun, cause)
        return cause

    def _recent_cause(self) -> str | None:
        begun, cause = self._read
        return cause if time.monotonic() - begun < _YOUNG_SECONDS else self._cause()

    def _is_stopped(self, orders: list[Any], position_id: Any) -> bool:
        cause = self._cause()
        reason = None if cause is None else self._why_not(cause, orders, position_id)
        if reason is None:
            self._remember(orders)
            return False
        self.stopped += len(orders)
        now = self._clock.timestamp_ns()
        for order in orders:
            self._client.generate_order_denied(
                order.strategy_id, order.instrument_id, order.client_order_id, reason, now
            )
        return True

    def _why_not(self, cause: str, orders: list[Any], position_id: Any) -> str | None:
        if len(orders) != 1:
            return refusal(cause, "a list of orders is not let through")
        return self._reason(cause, orders[0], position_id=position_id)

    def _why_no_change(self, cause: str, order: Any, quantity: Any) -> str | None:
        if order is None:
            return refusal(cause, "the order is not known")
        return self._reason(cause, order, total=quantity)

    def _reason(self, cause: str, order: Any, **words: Any) -> str | None:
        """Return why an order must not leave; one that cannot be judged must not."""
        try:
            return reason_to_stop(cause, self._leaving(order, **words))
        except Exception as error:  # noqa: BLE001 - in doubt it stays
            return refusal(cause, f"it cannot be judged: {type(error).__name__}: {one_line(error)}")

    def _leaving(
        self, order: Any, *, total: Any = None, position_id: Any = None, is_reducing: bool | None = None
    ) -> Leaving:
        quantity = (total or order.quantity).as_decimal() - order.filled_qty.as_decimal()
        sign = 1 if order.side == OrderSide.BUY else -1
        is_spot = isinstance(self._cache.instrument(order.instrument_id), CurrencyPair)
        position = self._position(order, position_id)
        if is_spot and position is not None:
            position = max(position, Decimal(0))  # what was sold of an earlier holding is no short to be closed
        return Leaving(
            signed_quantity=None if order.is_quote_quantity else sign * quantity,
            is_reduce_only=is_spot or (order.is_reduce_only if is_reducing is None else is_reducing),
            position=position,
            closing=self._closing(order, is_spot=is_spot),
        )

    def _position(self, order: Any, position_id: Any) -> Decimal | None:
        """Return what is held where the order would trade; None when positions against each other leave it open."""
        held = self._cache.positions_open(instrument_id=order.instrument_id)
        named = position_id or self._cache.position_id(order.client_order_id)
        if named is None and order.exec_spawn_id is not None:
            named = self._cache.position_id(order.exec_spawn_id)
        if named is not None:
            held = [position for position in held if position.id == named]
        amounts = [position.signed_decimal_qty() for position in held]
        if any(amount > 0 for amount in amounts) and any(amount < 0 for amount in amounts):
            return None
        return sum(amounts, Decimal(0))

    def _closing(self, order: Any, *, is_spot: bool) -> Decimal:
        """Return what other orders of the same side may trade yet.

        One whose cancellation is under way counts on spot, where nothing but its size keeps a sell within the
        position; on futures the venue keeps both within it, and closing must not wait for the cancellation.
        """
        where = {"instrument_id": order.instrument_id, "side": order.side}
        working = [*self._cache.orders_open(**where), *self._cache.orders_inflight(**where)]
        working += [one for one in self._unseen() if (one.instrument_id, one.side) == tuple(where.values())]
        others = {other.client_order_id: other for other in working if other.client_order_id != order.client_order_id}
        return sum(
            (
                other.leaves_qty.as_decimal()
                for other in others.values()
                if is_spot or other.status != OrderStatus.PENDING_CANCEL
            ),
            Decimal(0),
        )

    def _remember(self, orders: list[Any]) -> None:
        self._passed.extend(orders)
        if len(self._passed) > self._most:
            self._passed = self._unseen()
            self._most = 2 * len(self._passed) + _FEW

    def _unseen(self) -> list[Any]:
        """Return the orders that passed and that the cache does not count yet, since their task has not begun."""
        return [order for order in self._passed if order.status in _UNSEEN]

    def _watched(self, send: Callable[..., Awaitable[Any]], *, is_change: bool) -> Callable[..., Awaitable[Any]]:
        async def sent(**words: Any) -> Any:
            cause = self._recent_cause()
            if cause is None:
                return await send(**words)
            if reason := self._at_the_wire(cause, words, is_change=is_change):
                self.stopped += 1
                raise BinanceClientError(None, reason, {})  # without a code the adapter does not try again
            if self._closes is None or is_change:
                return await send(**words)
            return await self._closes.send(send, words, cause)

        return sent

    def _at_the_wire(self, cause: str, words: Mapping[str, Any], *, is_change: bool) -> str | None:
        try:
            if is_change:
                name = self._cache.client_order_id(VenueOrderId(str(words["order_id"])))
            else:
                name = ClientOrderId(words.get("new_client_order_id") or words["client_algo_id"])
            order = self._cache.order(name)
            total = order.quantity if not is_change else type(order.quantity).from_str(words["quantity"])
            is_reducing = order.is_reduce_only if is_change else _is_reducing(order, words)
        except Exception as error:  # noqa: BLE001 - in doubt it stays
            return refusal(cause, f"the request cannot be judged: {type(error).__name__}: {one_line(error)}")
        return self._reason(cause, order, total=total, is_reducing=is_reducing)


def _is_reducing(order: Any, words: Mapping[str, Any]) -> bool:
    """Return whether the venue will hold a new futures order to the position, by what the request says.

    The adapter leaves ``reduceOnly`` out in hedge mode, where the side of the position says it, and sends False under
    ``use_reduce_only=False``, whatever the order says (code of 1.231).
    """
    side = getattr(words.get("position_side"), "value", None)
    if side in ("LONG", "SHORT"):
        return bool((side == "LONG") == (order.side == OrderSide.SELL))
    return words.get("reduce_only") == "True"


def _senders_of(client: Any) -> tuple[Any, dict[str, Callable[..., Awaitable[Any]]]]:
    """Return the client's account API, and the functions of it that send orders.

    Raises:
        EngineError: it has not those that it must have.
    """
    account = getattr(client, "_http_account", None)
    senders = {name: getattr(account, name) for name in _SENDERS if hasattr(account, name)}
    if missing := {"new_order", "modify_order"} - senders.keys():
        fix = "use the version of NautilusTrader that the lab was built for"
        raise EngineError(f"the adapter has no {min(missing)}: the kill switch could not stand before it", fix=fix)
    return account, senders
