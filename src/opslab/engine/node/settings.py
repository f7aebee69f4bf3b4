"""The settings of a node that trades on the lab's venue: five addresses, keys, instruments and a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace
from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceInstrumentProviderConfig,
)
from nautilus_trader.config import (
    CacheConfig,
    DatabaseConfig,
    LiveDataEngineConfig,
    LiveExecEngineConfig,
    LiveRiskEngineConfig,
    LoggingConfig,
    TradingNodeConfig,
)
from nautilus_trader.model.identifiers import InstrumentId, TraderId

from opslab.engine.node.loopback import require_loopback
from opslab.engine.node.profile import EXECUTION, NODE
from opslab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opslab.contract.spec import Profile

TRADER_ID = "OPSLAB-001"


class VenueAddress(Protocol):
    """Where the venue is, and the keys of the account that trades there."""

    @property
    def http(self) -> str:
        """REST base, such as ``http://127.0.0.1:4711``."""
        ...

    @property
    def ws(self) -> str:
        """Market streams."""
        ...

    @property
    def ws_api(self) -> str:
        """The WebSocket API."""
        ...

    @property
    def ws_stream(self) -> str:
        """User streams of futures."""
        ...

    @property
    def api_key(self) -> str:
        """The key."""
        ...

    @property
    def api_secret(self) -> str:
        """Signs requests."""
        ...


def node_config(
    address: VenueAddress,
    *,
    is_futures: bool,
    instrument_ids: Sequence[str],
    profile: Profile,
    **engine: Any,
) -> TradingNodeConfig:
    """Return the settings of a node on the lab's venue.

    Args:
        address: the venue.
        is_futures: USD-M futures, else spot.
        instrument_ids: what is traded, as NautilusTrader names it: ``BTCUSDT-PERP.BINANCE``.
        profile: the intervals.
        engine: further settings of ``LiveExecEngineConfig``.

    Raises:
        EngineError: an address is not on loopback.
    """
    provider = BinanceInstrumentProviderConfig(load_ids=frozenset(map(InstrumentId.from_str, instrument_ids)))
    common: dict[str, Any] = {
        "api_key": address.api_key,
        "api_secret": address.api_secret,
        "account_type": BinanceAccountType.USDT_FUTURES if is_futures else BinanceAccountType.SPOT,
        "base_url_http": address.http,
        "instrument_provider": provider,
    }
    data = BinanceDataClientConfig(**common, base_url_ws=address.ws)
    execution = BinanceExecClientConfig(**common, base_url_ws=address.ws_api, base_url_ws_stream=address.ws_stream)
    config = TradingNodeConfig(
        trader_id=TraderId(TRADER_ID),
        logging=LoggingConfig(log_level="OFF", log_components_only=True),
        # Without it an exception in a handler ends the whole process, pytest included (measured on 1.231).
        data_engine=LiveDataEngineConfig(graceful_shutdown_on_exception=True),
        risk_engine=LiveRiskEngineConfig(graceful_shutdown_on_exception=True),
        exec_engine=LiveExecEngineConfig(graceful_shutdown_on_exception=True, **{**EXECUTION[profile], **engine}),
        data_clients={BINANCE: data},
        exec_clients={BINANCE: execution},
        **NODE[profile],
    )
    require_loopback(config)
    return config


def adjusted(config: TradingNodeConfig, redis_port: int | None, engine: Mapping[str, Any]) -> TradingNodeConfig:
    """Return a node's settings with its cache kept in a database, and with other settings of its execution engine.

    Args:
        config: the settings.
        redis_port: port on 127.0.0.1 of the Redis server that keeps the cache; None: the cache stays as it is.
        engine: settings of ``LiveExecEngineConfig`` that are to differ.

    Raises:
        EngineError: ``LiveExecEngineConfig`` has no such setting.
    """
    changes: dict[str, Any] = {}
    if redis_port is not None:
        database = DatabaseConfig(type="redis", host="127.0.0.1", port=redis_port)
        changes["cache"] = replace(config.cache or CacheConfig(), database=database)
    if engine:
        if unknown := sorted(set(engine) - set(LiveExecEngineConfig.__struct_fields__)):
            raise EngineError(f"LiveExecEngineConfig has no {unknown[0]}", where="node", fix="correct its name")
        changes["exec_engine"] = replace(config.exec_engine, **engine)
    return replace(config, **changes) if changes else config
