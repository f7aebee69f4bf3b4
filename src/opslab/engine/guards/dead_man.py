"""A dead man's switch at the venue: it is told again and again to cancel if it hears nothing more of the node.

It is renewed on the node's own loop, and on nothing else: a node that hangs, is frozen, killed or cut off renews
nothing, and the venue cancels every order of its symbols. A countdown holds several renewals, each sent without waiting
for the one before, so that a lost one or a slow one costs no order. Orders that nothing would cancel are not taken:
new risk is held while a countdown does not run for certain.

Source: "Auto-Cancel All Open Orders", ``POST /fapi/v1/countdownCancelAll``, Binance USD-M futures.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance import BinanceAccountType
from nautilus_trader.adapters.binance.common.symbol import BinanceSymbol
from nautilus_trader.core.nautilus_pyo3 import HttpMethod

from opslab.engine.guards.site import Bystander
from opslab.engine.guards.ticking import require_names
from opslab.errors import EngineError, one_line
from opslab.safety.dead_man import EVENT, Renewals, may_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opslab.engine.guards.site import Site

NAME = "dead_man"
PATH = "/fapi/v1/countdownCancelAll"
END_SECONDS = 2.0
"""How long a node that stops tries to end its countdowns."""

SHUTDOWN_TOPIC = "commands.system.shutdown"
_LONGEST_LOOK = 0.5
_LONGEST_ARMING = 5.0
_AGAIN_SECONDS = 0.1
_FUTURES = (BinanceAccountType.USDT_FUTURES,)
_CLIENT = ("_connect", "_disconnect", "_http_client", "_clock", "_recv_window", "_binance_account_type")


class DeadMan(Bystander):
    """Lets the venue cancel every order of a node that it hears nothing of.

    Args:
        seconds: the length of the countdown.
        instruments: NautilusTrader's ids of what is traded; what else has an open order is told as soon as it is seen.
        left: says in a line what keeps a node that stops from being trusted with its orders; None when nothing does.
    """

    def __init__(
        self, seconds: float, instruments: Iterable[str] = (), left: Callable[[], str | None] = lambda: None
    ) -> None:
        self._seconds, self._left = seconds, left
        self._symbols = tuple(dict.fromkeys(_symbol(name) for name in instruments))
        self._shutdown: str | None = None
        self._has_client = False

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Arm the venue once the client is connected, and end that before it disconnects.

        Raises:
            EngineError: the venue has no such countdown for this account, there are two accounts, or the adapter has
                not the names that are needed.
        """
        require_names(client, _CLIENT, NAME)
        require_names(client._http_client, ("sign_request",), NAME)  # noqa: SLF001 - the adapter signs as it is set up to
        if client._binance_account_type not in _FUTURES:  # noqa: SLF001 - shown in no other way
            raise EngineError("the venue counts down for USD-M futures only", where=NAME, fix="leave the dead-man out")
        if self._has_client:
            raise EngineError("a node with two accounts", where=NAME, fix="give each account a node of its own")
        self._has_client = True
        renewing = _Renewing(client, site, self._seconds, self._symbols, lambda: (*self._troubles(site),))
        client._connect = renewing.after(client._connect)  # noqa: SLF001 - where the adapter is met
        client._disconnect = renewing.before(client._disconnect)  # noqa: SLF001 - as above

    def on_node(self, site: Site) -> None:
        """Hear of a shutdown that something in the node asked for."""
        site.kernel.msgbus.subscribe(topic=SHUTDOWN_TOPIC, handler=self._shut_down)

    def _troubles(self, site: Site) -> tuple[str | None, ...]:
        return site.trouble(), self._shutdown, self._left()

    def _shut_down(self, command: Any) -> None:
        self._shutdown = self._shutdown or f"it shut itself down: {one_line(command.reason)}"


class _Renewing:
    """The countdowns of one account."""

    def __init__(
        self,
        client: Any,
        site: Site,
        seconds: float,
        symbols: Iterable[str],
        troubles: Callable[[], tuple[str | None, ...]],
    ) -> None:
        self._client, self._site, self._troubles = client, site, troubles
        self._renewals = Renewals(seconds)
        self._renewals.add(symbols)
        self._armed: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_over = False

    def after(self, connect: Callable[[], Any]) -> Callable[[], Any]:
        """Return what connects, then arms the venue: strategies start when it counts down, or are held."""

        async def connected() -> None:
            await connect()
            self._is_over = False
            self._look()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=min(self._renewals.interval, _LONGEST_ARMING))
            self._hold()
            self._spawn(self._keep())

        return connected

    def before(self, disconnect: Callable[[], Any]) -> Callable[[], Any]:
        """Return what ends the countdowns of a node that stops well, and disconnects."""

        async def disconnected() -> None:
            try:
                await self._end()
            finally:
                await disconnect()

        return disconnected

    async def _keep(self) -> None:
        pause = min(self._renewals.interval / 5, _LONGEST_LOOK)
        while not self._is_over:
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - one look that fails must not be the last
                self._site.hold(NAME, f"cannot be looked at: {type(error).__name__}: {one_line(error)}")
            await asyncio.sleep(pause)

    def _look(self) -> None:
        now = _now()
        self._renewals.add(self._with_orders())
        if lost := self._renewals.lost(now):
            told = f"nothing was renewed for {self._renewals.seconds:g} s: the venue may have cancelled every order"
            self._tell("lost", told, lost)
        for symbol in self._renewals.due(now):
            self._spawn(self._renew(symbol, now))
        self._hold()

    def _hold(self) -> None:
        if unarmed := self._renewals.unarmed(_now()):
            self._site.hold(NAME, f"the venue would not cancel orders of {', '.join(unarmed)} if this node fell silent")
        else:
            self._site.release(NAME)

    async def _renew(self, symbol: str, sent: float) -> None:
        renewals = self._renewals
        try:
            await asyncio.wait_for(self._send(symbol, round(renewals.seconds * 1000)), renewals.seconds)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing was confirmed
            if renewals.fail(symbol):
                why = f"{type(error).__name__}: {one_line(error)}".rstrip(": ")
                self._tell("failed", f"{symbol} was not renewed, it is tried again: {why}", (symbol,))
            return
        had = symbol in self._armed
        if renewals.confirm(symbol, sent, _now()):
            self._armed.add(symbol)
            what = f"it counts down {'again' if had else f'from {renewals.seconds:g} s'} for {symbol}"
            self._tell("regained" if had else "armed", what, (symbol,))
            self._hold()

    async def _send(self, symbol: str, countdown_ms: int) -> None:
        """Tell the venue; a request that was long on its way must not begin a countdown anew, so it is short-lived."""
        client = self._client
        window = min(int(client._recv_window or 5000), max(countdown_ms, 1000))  # noqa: SLF001 - as the adapter is set up
        payload = {
            "symbol": symbol,
            "countdownTime": str(countdown_ms),
            "recvWindow": str(window),
            "timestamp": str(client._clock.timestamp_ms()),  # noqa: SLF001 - the adapter's own clock
        }
        # Not counted with all the others: behind a queue of orders a renewal would come too late.
        keys = [f"binance:{PATH}"]
        await client._http_client.sign_request(HttpMethod.POST, PATH, payload, keys)  # noqa: SLF001 - as above

    async def _end(self) -> None:
        """End the countdowns, last of all: a renewal that comes after that would begin one anew."""
        if self._is_over or not self._renewals.symbols:
            return
        self._is_over = True
        deadline, symbols = _now() + END_SECONDS, self._renewals.symbols
        if (why := may_end(self._troubles())) is not None:
            self._tell("left_running", f"the venue cancels what is left: {why}", symbols)
            return
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=END_SECONDS / 2)
            for task in late:
                task.cancel()
        left, error = list(symbols), ""
        while left and _now() < deadline:
            answers = await asyncio.gather(*(self._ended(symbol, deadline) for symbol in left))
            left = [symbol for symbol, answer in zip(left, answers, strict=True) if answer is not None]
            error = next((answer for answer in answers if answer is not None), "")
            if left:
                await asyncio.sleep(_AGAIN_SECONDS)
        if left:
            self._tell("left_running", f"it could not be ended, so the venue cancels what is left: {error}", left)
        if ended := [symbol for symbol in symbols if symbol not in left]:
            self._tell("ended", "the node stopped well: orders that are left stay", ended)

    async def _ended(self, symbol: str, deadline: float) -> str | None:
        """End a countdown; return why it could not be."""
        try:
            await asyncio.wait_for(self._send(symbol, 0), max(0.0, deadline - _now()))
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told
            return f"{type(error).__name__}: {one_line(error)}".rstrip(": ")
        return None

    def _with_orders(self) -> Iterable[str]:
        cache, venue = self._site.kernel.cache, self._client.venue
        orders = (*cache.orders_open(venue=venue), *cache.orders_inflight(venue=venue))
        return {_symbol(order.instrument_id.value) for order in orders}

    def _spawn(self, work: Any) -> None:
        task = self._site.kernel.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, action: str, detail: str, symbols: Iterable[str]) -> None:
        renewals = self._renewals
        facts = {
            "action": action,
            "symbols": list(symbols),
            "countdown_ms": round(renewals.seconds * 1000),
            "detail": one_line(detail),
            "renewals": renewals.confirmed,
            "failures": renewals.failed,
            "weight": renewals.weight,
        }
        try:
            self._site.tell(EVENT, facts)
        except Exception as error:  # noqa: BLE001 - a journal that cannot be written must not end the renewals
            self._site.hold(f"{NAME}_untold", f"cannot be told: {type(error).__name__}: {one_line(error)}")


def _symbol(instrument_id: str) -> str:
    """Return the venue's name of an instrument."""
    return str(BinanceSymbol(instrument_id.rpartition(".")[0] or instrument_id))


def _now() -> float:
    """Return seconds of a clock that goes on while the machine sleeps: the venue's does."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
