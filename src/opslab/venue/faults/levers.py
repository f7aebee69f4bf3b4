"""What faults may do to the venue itself. The venue implements it; all of it is called on the venue's loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from opslab.venue.orders import NewOrder, Order
    from opslab.venue.wire import Message, Socket


class Commands(Protocol):
    """The exchange's commands that a fault gives: what venues and people do out of band. See ``Exchange``."""

    def submit(self, account: str, command: NewOrder) -> Order:
        """Place an order, as somebody with the account's keys would."""
        ...

    def cancel_all(self, account: str, symbol: str) -> list[Order]:
        """Cancel an account's orders."""
        ...

    def fund(self, symbol: str, rate: Decimal) -> object:
        """Settle funding now, at this rate."""
        ...

    def margin_call(self, account: str, symbol: str) -> object:
        """Tell an account that its margin runs out, whatever is true."""
        ...

    def liquidate(self, account: str, symbol: str) -> object:
        """Close a position by the liquidation engine."""
        ...

    def adl(self, account: str, symbol: str, quantity: Decimal) -> object:
        """Reduce a position by auto-deleveraging, base units."""
        ...

    def credit(self, account: str, asset: str, amount: Decimal) -> object:
        """Deposit, or withdraw a negative amount."""
        ...

    def set_status(self, symbol: str, status: str) -> object:
        """Set a symbol's status, such as ``BREAK``."""
        ...

    def status(self, symbol: str) -> str:
        """Return a symbol's status."""
        ...

    def is_hedge_mode(self, account: str) -> bool:
        """Return whether an account is in hedge mode."""
        ...

    def leverage(self, account: str, symbol: str) -> int:
        """Return an account's leverage in a symbol."""
        ...

    def set_hedge_mode(self, account: str, on: bool) -> object:  # noqa: FBT001 - the exchange's own signature
        """Change an account's position mode."""
        ...

    def set_leverage(self, account: str, symbol: str, leverage: int) -> object:
        """Change an account's leverage."""
        ...

    def fill(
        self, account: str, order_id: int, quantity: Decimal | None = None, price: Decimal | None = None
    ) -> object:
        """Let somebody trade with a resting order now."""
        ...


class Levers(Protocol):
    """The venue's handles.

    ``close_sockets`` and the like are given a predicate over open sockets and return those that they touched.
    """

    @property
    def exchange(self) -> Commands:
        """The exchange."""
        ...

    def now_ms(self) -> int:
        """Return the venue's time, Unix milliseconds."""
        ...

    def send(self, message: Message) -> None:
        """Send a message past the gate, in turn, if its socket is still open: one kept back, or one made up."""
        ...

    def sockets(self) -> list[Socket]:
        """Return the open WebSockets, oldest first."""
        ...

    def close_sockets(self, wanted: Callable[[Socket], bool], code: int, reason: str = "") -> list[Socket]:
        """Close WebSockets with ``code``; 1006 aborts their TCP connections (RST)."""
        ...

    def freeze_sockets(self, wanted: Callable[[Socket], bool]) -> list[Socket]:
        """Neither read nor write on WebSockets from now on, pings and pongs included; they stay open."""
        ...

    def ping_sockets(self, wanted: Callable[[Socket], bool], payload: bytes) -> list[Socket]:
        """Send a ping with ``payload`` (at most 125 bytes, RFC 6455, 5.5)."""
        ...

    def expire_listen_key(self, account: str | None, *, silent: bool) -> list[str]:
        """Expire the listen keys of an account (None: all), with or without ``listenKeyExpired``; return the accounts.

        After a silent expiry the sockets stay open and carry nothing more.
        """
        ...

    def set_clock_offset(self, offset_ms: int) -> int:
        """Put the venue's clock ahead of the machine's, or behind with a negative; return the offset before."""
        ...
