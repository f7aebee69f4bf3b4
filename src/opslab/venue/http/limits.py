"""Request weights, order counts and bans.

Source: "LIMITS" in Binance's general API information: weights are counted per address, orders per account, in windows
that begin with the clock's own (a minute at second 0); an answer over the limit is 429, and who goes on is banned with
418 for two minutes at first and up to three days. How many 429 answers lead to a ban is not published: ``patience`` is
ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opslab.venue.orders import Market
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_HEADERS = {"REQUEST_WEIGHT": "USED-WEIGHT", "ORDERS": "ORDER-COUNT"}
_THREE_DAYS_MS = 3 * _UNITS["DAY"]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So much in such a window.

    Attributes:
        kind: ``REQUEST_WEIGHT`` or ``ORDERS``; others are only told in exchangeInfo, not enforced.
        interval: ``SECOND``, ``MINUTE``, ``HOUR`` or ``DAY``.
        count: how many intervals the window is long.
        limit: the most that the window takes.
    """

    kind: str
    interval: str
    count: int
    limit: int

    @property
    def window_ms(self) -> int:
        """Return the window's length in milliseconds."""
        return _UNITS[self.interval] * self.count

    @property
    def label(self) -> str:
        """Return the window as headers name it, such as ``10S``."""
        return f"{self.count}{self.interval[0]}"

    def payload(self) -> dict[str, Any]:
        """Return the entry of ``rateLimits``."""
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.count,
            "limit": self.limit,
        }


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What a venue allows.

    Attributes:
        rates: its limits.
        patience: how many 429 answers in a row an address gets before it is banned.
        ban_ms: the first ban's length; each further one is twice as long.
        longest_ban_ms: no ban is longer.
    """

    rates: tuple[RateLimit, ...]
    patience: int = 10
    ban_ms: int = 120_000
    longest_ban_ms: int = _THREE_DAYS_MS


FUTURES_LIMITS = LimitSettings(
    (
        RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 2400),
        RateLimit("ORDERS", "SECOND", 10, 300),
        RateLimit("ORDERS", "MINUTE", 1, 1200),
    )
)
"""The defaults of USD-M futures, as its exchangeInfo tells them."""
SPOT_LIMITS = LimitSettings(
    (
        RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 6000),
        RateLimit("ORDERS", "SECOND", 10, 100),
        RateLimit("ORDERS", "DAY", 1, 200_000),
        RateLimit("RAW_REQUESTS", "MINUTE", 5, 61_000),
    )
)
"""The defaults of spot, as its exchangeInfo tells them."""


def default_limits(market: Market) -> LimitSettings:
    """Return a market's usual limits."""
    return FUTURES_LIMITS if market is Market.FUTURES else SPOT_LIMITS


class _Window:
    """What is used of a limit, in the window that the time is in."""

    __slots__ = ("_length_ms", "_start_ms", "_used", "header", "rate")

    def __init__(self, rate: RateLimit) -> None:
        self.rate = rate
        self.header = f"X-MBX-{_HEADERS[rate.kind]}-{rate.label}"
        self._length_ms, self._start_ms, self._used = rate.window_ms, 0, 0

    def used(self, now: int) -> int:
        start = now - now % self._length_ms
        if self._start_ms != start:
            self._start_ms, self._used = start, 0
        return self._used

    def use(self, amount: int, now: int) -> bool:
        """Count, and return whether it is within the limit."""
        self._used = self.used(now) + amount
        return self._used <= self.rate.limit


@dataclass(slots=True)
class _Address:
    windows: list[_Window]
    strikes: int = 0
    bans: int = 0
    banned_until_ms: int = 0


class Limiter:
    """Counts weights and orders, and refuses what is too much.

    Args:
        settings: what is allowed.
        now_ms: the venue's time.
    """

    def __init__(self, settings: LimitSettings, now_ms: Callable[[], int]) -> None:
        self.settings = settings
        self._now_ms = now_ms
        self._addresses: dict[str, _Address] = {}
        self._orders: dict[str, list[_Window]] = {}
        self._weights = [rate for rate in settings.rates if rate.kind == "REQUEST_WEIGHT"]
        self._counts = [rate for rate in settings.rates if rate.kind == "ORDERS"]

    def admit(self, address: str, weight: int) -> None:
        """Count a request's weight; a refused one counts too.

        Raises:
            Refusal: -1003 with 429 over the limit, with 418 during a ban; both with ``Retry-After`` in seconds.
        """
        now = self._now_ms()
        known = self._known(address)
        if now < known.banned_until_ms:
            raise _banned(address, known.banned_until_ms, now)
        for window in known.windows:
            if not window.use(weight, now):
                self._strike(known, address, window.rate, now)
        known.strikes = 0

    def count_orders(self, account: str, orders: int) -> None:
        """Count new orders of an account.

        Raises:
            Refusal: -1015 with 429 and ``Retry-After``; then none of them is counted.
        """
        now = self._now_ms()
        windows = self._of_account(account)
        for window in windows:
            rate = window.rate
            if window.used(now) + orders > rate.limit:
                span = f"{rate.count} {rate.interval}"
                message = f"Too many new orders; current limit is {rate.limit} orders per {span}."
                raise Refusal(-1015, message, 429, {"Retry-After": _seconds_left(rate, now)})
        for window in windows:
            window.use(orders, now)

    def headers(self, address: str, account: str | None, *, with_orders: bool) -> dict[str, str]:
        """Return the headers that tell a client what it has used.

        Args:
            address: the client's.
            account: whose orders are told.
            with_orders: whether the request placed orders.
        """
        now = self._now_ms()
        told = {window.header: str(window.used(now)) for window in self._known(address).windows}
        if with_orders and account is not None:
            for window in self._of_account(account):
                told[window.header] = str(window.used(now))
        return told

    def rate_limits(self) -> list[dict[str, Any]]:
        """Return ``rateLimits`` as exchangeInfo tells them."""
        return [rate.payload() for rate in self.settings.rates]

    def order_counts(self, account: str) -> list[dict[str, Any]]:
        """Return an account's order limits with what it has used, as ``rateLimit/order`` tells them."""
        now = self._now_ms()
        return [window.rate.payload() | {"count": window.used(now)} for window in self._of_account(account)]

    def weight_counts(self, address: str) -> list[dict[str, Any]]:
        """Return the weight limits with what an address has used, as the WebSocket API tells them."""
        now = self._now_ms()
        return [window.rate.payload() | {"count": window.used(now)} for window in self._known(address).windows]

    def _known(self, address: str) -> _Address:
        known = self._addresses.get(address)
        if known is None:
            known = self._addresses[address] = _Address([_Window(rate) for rate in self._weights])
        return known

    def _of_account(self, account: str) -> list[_Window]:
        windows = self._orders.get(account)
        if windows is None:
            windows = self._orders[account] = [_Window(rate) for rate in self._counts]
        return windows

    def _strike(self, known: _Address, address: str, rate: RateLimit, now: int) -> None:
        known.strikes += 1
        if known.strikes > self.settings.patience:
            length = min(self.settings.ban_ms << min(known.bans, 20), self.settings.longest_ban_ms)
            known.bans, known.strikes, known.banned_until_ms = known.bans + 1, 0, now + length
            raise _banned(address, known.banned_until_ms, now)
        message = (
            f"Too many requests; current limit of IP({address}) is {rate.limit} requests per "
            f"{'' if rate.count == 1 else f'{rate.count} '}{rate.interval.lower()}. "
            "Please use the websocket for live updates to avoid polling the API."
        )
        raise Refusal(-1003, message, 429, {"Retry-After": _seconds_left(rate, now)})


def _seconds_left(rate: RateLimit, now: int) -> str:
    return str(math.ceil((rate.window_ms - now % rate.window_ms) / 1000))


def _banned(address: str, until_ms: int, now: int) -> Refusal:
    message = (
        f"Way too many requests; IP({address}) banned until {until_ms}. "
        "Please use the websocket for live updates to avoid bans."
    )
    return Refusal(-1003, message, 418, {"Retry-After": str(math.ceil((until_ms - now) / 1000))})
