"""Order rates: what a node allows itself, held against what the venue allows."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from nautilus_trader.adapters.binance import BinanceAccountType

from opslab.venue.http.limits import FUTURES_LIMITS, SPOT_LIMITS

if TYPE_CHECKING:
    from opslab.venue.http.limits import LimitSettings

_RATE = re.compile(r"(\d+)/(\d+):(\d{2}):(\d{2})")
_LONGEST_MS = 60_000


def limits_of(account_type: BinanceAccountType) -> LimitSettings | None:
    """Return what Binance allows such an account, as its exchangeInfo tells it; None: the lab does not know."""
    if account_type is BinanceAccountType.SPOT:
        return SPOT_LIMITS
    return FUTURES_LIMITS if account_type is BinanceAccountType.USDT_FUTURES else None


def is_above(rate: str, limits: LimitSettings) -> bool:
    """Whether a rate such as ``100/00:00:01`` can exceed a limit on orders; one that cannot be read counts as that.

    Limits over more than a minute are left out: a rate for bursts says nothing about a day.
    """
    found = _RATE.fullmatch(rate)
    if found is None:
        return True
    count, hours, minutes, seconds = map(int, found.groups())
    window_ms = 1000 * (hours * 3600 + minutes * 60 + seconds)
    orders = [limit for limit in limits.rates if limit.kind == "ORDERS" and limit.window_ms <= _LONGEST_MS]
    return window_ms == 0 or any(count * math.ceil(limit.window_ms / window_ms) > limit.limit for limit in orders)
