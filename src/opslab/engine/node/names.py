"""How NautilusTrader names what the venue trades."""

from __future__ import annotations

VENUE = "BINANCE"


def instrument_id(symbol: str, *, is_futures: bool) -> str:
    """Return ``BTCUSDT-PERP.BINANCE`` or ``BTCUSDT.BINANCE``."""
    return f"{symbol}{'-PERP' if is_futures else ''}.{VENUE}"
