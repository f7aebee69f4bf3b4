"""Trading by hand in a paper run: orders through the node, waits for what must happen, and the venue's side of it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.engine.strategies.ops_by_hand import OpsByHand
from opslab.errors import CheckFailed, DrillError, EngineError
from opslab.runs.market_watch import MarketWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.runs.paper_run import PaperRun
    from opslab.runs.venue_host import ThreadHost
    from opslab.venue.faults.driving import VenueFaults
    from opslab.venue.orders import Order
    from opslab.venue.thread import VenueThread
    from opslab.venue.venue import Venue

WAIT_SECONDS = 10.0
"""How long a drill waits for what must happen, unless it says otherwise."""


class Paper:
    """A paper run as a drill drives it: ``order = paper.buy_limit("0.010", at="59900.0")``.

    Args:
        run: the living run.
        host: its venue.
    """

    def __init__(self, run: PaperRun, host: ThreadHost) -> None:
        self.run = run
        self.venue = DrillVenue(host.venue, run)
        self._market: MarketWatch | None = None

    @property
    def strategy(self) -> OpsByHand:
        """The strategy that the orders go through.

        Raises:
            DrillError: the spec names another one, which trades by itself.
        """
        found = self.run.node.strategy
        if not isinstance(found, OpsByHand):
            fix = "name the strategy ops_by_hand in the spec"
            raise DrillError(f"strategy {type(found).__name__} cannot be traded by hand", fix=fix)
        return found

    @property
    def market(self) -> MarketWatch:
        """What venue and strategy say of the market; it follows the venue from its first use on."""
        if self._market is None:
            self._market = MarketWatch(self.venue.thread, self.run, self.strategy)
        return self._market

    def buy_limit(self, quantity: str, at: str, **words: Any) -> Any:
        """Place a limit order to buy and return it; ``words`` as of ``OpsByHand.place``."""
        return self._placed("BUY", quantity, price=at, **words)

    def sell_limit(self, quantity: str, at: str, **words: Any) -> Any:
        """Place a limit order to sell and return it."""
        return self._placed("SELL", quantity, price=at, **words)

    def buy_market(self, quantity: str, **words: Any) -> Any:
        """Place a market order to buy and return it."""
        return self._placed("BUY", quantity, **words)

    def sell_market(self, quantity: str, **words: Any) -> Any:
        """Place a market order to sell and return it."""
        return self._placed("SELL", quantity, **words)

    def cancel(self, order: Any) -> None:
        """Ask for an order's cancellation."""
        self.strategy.cancel_order(order)

    def modify(self, order: Any, *, quantity: str | None = None, price: str | None = None) -> None:
        """Ask for a change of an order."""
        instrument = self.strategy.cache.instrument(order.instrument_id)
        self.strategy.modify_order(
            order,
            quantity=instrument.make_qty(quantity) if quantity else None,
            price=instrument.make_price(price) if price else None,
        )

    def until(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Let the node work until ``condition`` holds.

        Raises:
            CheckFailed: it did not within ``seconds``, or the node stopped trading.
        """
        __tracebackhide__ = True
        try:
            if self.run.node.pump_until(condition, seconds):
                return
            self.run.node.require_trading()
        except EngineError as error:
            raise CheckFailed(f"OPS-RUN-FAILED: {self.run.shown(error)}", ("OPS-RUN-FAILED",)) from error
        raise CheckFailed(f"OPS-PAPER-LATE: {what} did not happen within {seconds:g} s", ("OPS-PAPER-LATE",))

    def until_status(self, order: Any, status: str, seconds: float = WAIT_SECONDS) -> None:
        """Let the node work until the engine says that ``order`` is ``status``; raises as ``until``."""
        __tracebackhide__ = True
        self.until(lambda: order.status_string() == status, f"{order.client_order_id} {status}", seconds)

    def until_fresh(self, feed: str = "quotes", count: int = 1, seconds: float = WAIT_SECONDS) -> None:
        """Let the node work until so many further items of a feed came; raises as ``until``."""
        __tracebackhide__ = True
        strategy = self.strategy
        total = _total(strategy, feed) + count
        self.until(lambda: _total(strategy, feed) >= total, f"{count} {feed}", seconds)

    def settle(self, seconds: float = 0.2) -> None:
        """Let the node work until nothing happened for so long, at most ten times as long."""
        self.run.node.settle(seconds)

    def _placed(self, side: str, quantity: str, **words: Any) -> Any:
        return self.strategy.place(side, quantity, **words)


class DrillVenue:
    """The venue as a drill sees it.

    Args:
        thread: the venue.
        run: the paper run on it, whose node must not sleep while the venue acts.
    """

    def __init__(self, thread: VenueThread, run: PaperRun | None = None) -> None:
        self.thread, self._run = thread, run

    @property
    def faults(self) -> VenueFaults:
        """Makes faults by name: ``venue.faults.drop_user_stream()``."""
        return self.thread.faults

    @property
    def account(self) -> str:
        """The ledger's name of the first account."""
        return str(self.thread.accounts[0].name)

    def order(self, client_order_id: object) -> Order:
        """Return an order of the first account as the books have it.

        Raises:
            DrillError: they have none of that id.
        """
        wanted = str(getattr(client_order_id, "client_order_id", client_order_id))

        def look(venue: Any) -> Order | None:
            books = venue.exchange
            found = (order for symbol in books.listings for order in books.orders(self.account, symbol))
            return next((order for order in found if order.client_order_id == wanted), None)

        order = self.thread.call(look)
        if order is None:
            raise DrillError(f"the venue's books have no order {wanted}", fix="wait until it is accepted")
        return order

    def fill(self, order: Any, quantity: str | None = None) -> None:
        """Let somebody trade with a resting order now; all of it, or so much in base units."""
        found = self.order(order)
        amount = None if quantity is None else Decimal(quantity)
        self.thread.call(lambda venue: venue.exchange.fill(self.account, found.order_id, amount))

    def hold_tape(self) -> None:
        """Stop the market outside."""
        self.thread.call(_hold)

    def resume_tape(self) -> None:
        """Let the market go on."""
        self.thread.call(_resume)

    def step_tape(self, count: int = 1) -> int:
        """Let exactly ``count`` things happen in the market outside, hold it, and return how many there were."""
        return self.thread.call(lambda venue: venue.player.step(count) if venue.player is not None else 0)


def _total(strategy: OpsByHand, feed: str) -> int:
    return sum(count for key, count in strategy.seen.items() if key.startswith(f"{feed} "))


def _hold(venue: Venue) -> None:
    if venue.player is not None:
        venue.player.hold()


def _resume(venue: Venue) -> None:
    if venue.player is not None:
        venue.player.resume()
