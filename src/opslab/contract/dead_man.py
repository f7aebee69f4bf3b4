"""What a dead man's switch at the venue costs, and how short it may be.

Source: "Auto-Cancel All Open Orders", ``POST /fapi/v1/countdownCancelAll`` of Binance's USD-M futures: weight 10, one
symbol a request, a countdown in ms, renewed "as heartbeats"; Binance's own example renews a countdown of 120 s every
30 s. "Limits" of the same API: a weight of 2,400 a minute for an address. Spot has no such endpoint.
"""

from __future__ import annotations

LEAST_SECONDS = 1.0
"""The shortest countdown: below it a busy node would lose its orders for nothing."""

MOST_SECONDS = 86_400.0

RENEWALS = 4
"""How often a countdown is renewed within its length, as in Binance's example."""

WEIGHT = 10
"""What one renewal of one symbol costs."""

MOST_WEIGHT = 1_200
"""The weight that renewals may use up within a minute: half of what Binance gives an address."""

_MINUTE = 60.0


def weight_per_minute(seconds: float, symbols: int, for_seconds: float = _MINUTE) -> float:
    """Return the weight that renewals use up within the busiest minute.

    Args:
        seconds: the length of the countdown.
        symbols: how many are renewed.
        for_seconds: how long it is renewed, if that is shorter than a minute.
    """
    return symbols * WEIGHT * RENEWALS * min(_MINUTE, for_seconds) / seconds


def refusal(seconds: float, symbols: int, for_seconds: float = _MINUTE) -> str | None:
    """Return in a line why a countdown cannot be kept for so many symbols; None when it can.

    Args:
        seconds: as of ``weight_per_minute``.
        symbols: the same.
        for_seconds: the same.
    """
    weight = weight_per_minute(seconds, symbols, for_seconds)
    if weight <= MOST_WEIGHT:
        return None
    least = symbols * WEIGHT * RENEWALS * min(_MINUTE, for_seconds) / MOST_WEIGHT
    return (
        f"its renewals would use up a weight of {weight:g} a minute, at most {MOST_WEIGHT} may be: "
        f"use at least {least:g} s for {symbols} symbols"
    )
