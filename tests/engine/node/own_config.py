"""A user's node for the tests: NautilusTrader's own example strategy on Binance futures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from nautilus_trader.adapters.binance import (
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceInstrumentProviderConfig,
)
from nautilus_trader.config import ImportableStrategyConfig, TradingNodeConfig

PERP = "BTCUSDT-PERP.BINANCE"
EMA_CROSS = "nautilus_trader.examples.strategies.ema_cross:EMACross"


def strategy(**changes: Any) -> ImportableStrategyConfig:
    settings = {"instrument_id": PERP, "bar_type": f"{PERP}-1-MINUTE-LAST-EXTERNAL", "trade_size": Decimal("0.010")}
    whole = {"strategy_path": EMA_CROSS, "config_path": f"{EMA_CROSS}Config", "config": settings, **changes}
    return ImportableStrategyConfig(**whole)


def config(**changes: Any) -> TradingNodeConfig:
    provider = BinanceInstrumentProviderConfig(load_ids=frozenset([PERP]))
    common: dict[str, Any] = {"account_type": BinanceAccountType.USDT_FUTURES, "instrument_provider": provider}
    keys = {"api_key": "REAL-KEY", "api_secret": "REAL-SECRET"}
    whole = {
        "data_clients": {"BINANCE": BinanceDataClientConfig(**keys, **common)},
        "exec_clients": {"BINANCE": BinanceExecClientConfig(**keys, **common)},
        "strategies": [strategy()],
        **changes,
    }
    return TradingNodeConfig(**whole)


def client(group: str, **settings: Any) -> TradingNodeConfig:
    """Return the configuration with settings of one client changed."""
    whole = config()
    return replace(whole, **{group: {"BINANCE": replace(getattr(whole, group)["BINANCE"], **settings)}})
