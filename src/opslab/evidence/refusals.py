"""Orders that a venue refuses by its rules of size, price and margin, which a backtest does not apply.

NautilusTrader's risk engine leaves every order of a margin account unchecked for its notional, and its backtest has no
price filters (1.231, ``RiskEngine._check_orders_risk``). The codes are Binance's (API documents, error codes of USD-M
futures and of spot).
"""

from __future__ import annotations

import re

_FILTERS = frozenset(
    {-1111, -4001, -4002, -4003, -4004, -4005, -4006, -4007, -4013, -4014, -4016, -4023, -4024, -4131, -4164}
)
"""Futures: precision, smallest and largest price, quantity and trigger price, tick, step, percent price, notional."""

_MARGIN = frozenset({-2018, -2019, -2027, -2028, -4050, -4051})
"""Balance or margin that does not suffice, and a position too large for its leverage."""

_BY_WORDS = {
    -1013: ("Filter failure", "Invalid price", "Invalid quantity", "Invalid stopPrice", "Invalid trailingDelta"),
    -2010: ("Account has insufficient balance",),
}
"""Codes that spot shares with other refusals: only these texts are of filters or of the balance."""

_CODE = re.compile(r"""["']?code["']?\s*[:=]\s*(-\d{4})\b""")
_WORDS = re.compile(r"""["']?msg["']?\s*[:=]\s*["']([^"']*)""")


def rule_of(reason: str) -> str | None:
    """Return the code of a filter, a balance or a margin by which a venue refused an order; None: by something else.

    Args:
        reason: of the rejection, as the engine's Binance client writes it: ``{'code': -4164, 'msg': ...}``.
    """
    found = _CODE.search(reason)
    if found is None:
        return None
    code, words = int(found[1]), _WORDS.search(reason)
    if code in _FILTERS | _MARGIN:
        return str(code)
    told = words[1] if words else ""
    return str(code) if told.startswith(_BY_WORDS.get(code, ())) else None
