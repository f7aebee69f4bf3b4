"""Rules over the Binance clients of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_trader.adapters.binance import BinanceDataClientConfig, BinanceExecClientConfig

from opslab.engine.lint.rates import is_above, limits_of
from opslab.engine.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nautilus_trader.config import TradingNodeConfig

    from opslab.engine.lint.rule import Hits

_LONGEST_WINDOW_MS = 60_000


def _data(config: TradingNodeConfig) -> Iterator[tuple[str, BinanceDataClientConfig]]:
    for name, client in config.data_clients.items():
        if isinstance(client, BinanceDataClientConfig):
            yield f"data_clients.{name}", client


def _execution(config: TradingNodeConfig) -> Iterator[tuple[str, BinanceExecClientConfig]]:
    for name, client in config.exec_clients.items():
        if isinstance(client, BinanceExecClientConfig):
            yield f"exec_clients.{name}", client


def _rates(config: TradingNodeConfig) -> Hits:
    known = [limits_of(client.account_type) for _, client in _execution(config)]
    for setting in ("max_order_submit_rate", "max_order_modify_rate"):
        rate = getattr(config.risk_engine, setting)
        if any(limits is not None and is_above(rate, limits) for limits in known):
            yield f"risk_engine.{setting}", rate


def _environments(config: TradingNodeConfig) -> Hits:
    for where, client in (*_data(config), *_execution(config)):
        if client.environment is None:
            yield f"{where}.environment", None


def _retries(config: TradingNodeConfig) -> Hits:
    for where, client in _execution(config):
        if not client.max_retries:
            yield f"{where}.max_retries", client.max_retries


def _reduce_only(config: TradingNodeConfig) -> Hits:
    for where, client in _execution(config):
        if not client.use_reduce_only:
            yield f"{where}.use_reduce_only", False


def _hedged(config: TradingNodeConfig) -> Hits:
    hedges = any(str(strategy.config.get("oms_type") or "").upper() == "HEDGING" for strategy in config.strategies)
    for where, client in _execution(config):
        if hedges and client.use_reduce_only and client.account_type.is_futures:
            yield f"{where}.use_reduce_only", True


def _windows(config: TradingNodeConfig) -> Hits:
    for where, client in _execution(config):
        if client.recv_window_ms > _LONGEST_WINDOW_MS:
            yield f"{where}.recv_window_ms", client.recv_window_ms


def _instruments(config: TradingNodeConfig) -> Hits:
    for where, client in _data(config):
        if client.update_instruments_interval_mins is None:
            yield f"{where}.update_instruments_interval_mins", None


CLIENT_RULES = (
    Rule(
        "LINT-ORDER-RATE",
        "`max_order_submit_rate` or `max_order_modify_rate` allows more than Binance's limits on orders",
        "the venue refuses the excess, exits among it: Binance allows 300 orders in 10 s and 1200 in a minute "
        "(USD-M futures), 100 in 10 s (spot)",
        "set 20/00:00:01 for futures, 10/00:00:01 for spot, or less where several nodes share an account",
        _rates,
    ),
    Rule(
        "LINT-ENVIRONMENT-UNSET",
        "`environment` of a Binance client is not set",
        "it means the live exchange: what was meant for a testnet trades real money",
        "say BinanceEnvironment.TESTNET, and LIVE only where real money is meant",
        _environments,
    ),
    Rule(
        "LINT-NO-RETRIES",
        "`max_retries` of a Binance execution client is not set, or 0",
        "one refused or unanswered request is final: a cancel or a close that met a busy venue is not sent again",
        "set 3 with retry_delay_initial_ms=1000, and rehearse a submit whose answer is lost: its retry is refused as a "
        "duplicate",
        _retries,
    ),
    Rule(
        "LINT-REDUCE-ONLY-DROPPED",
        "`use_reduce_only` is false",
        "an order that was to close a position can open the opposite one",
        "set it to True, unless the account is in hedge mode, where a close is told by its position side",
        _reduce_only,
    ),
    Rule(
        "LINT-HEDGE-REDUCE-ONLY",
        "`use_reduce_only` is true on futures, and a strategy's `oms_type` is HEDGING",
        "on an account in hedge mode the node does not start: the adapter refuses, and waits until the time is over",
        "set it to False if the account is in hedge mode; in one-way mode leave it",
        _hedged,
    ),
    Rule(
        "LINT-RECV-WINDOW-LONG",
        f"`recv_window_ms` is above {_LONGEST_WINDOW_MS}",
        "Binance refuses every signed request",
        "leave it at 5000, and keep the clock right",
        _windows,
    ),
    Rule(
        "LINT-INSTRUMENTS-NOT-RELOADED",
        "`update_instruments_interval_mins` is switched off",
        "new ticks, lots and statuses of the venue are not seen until the next start",
        "leave it at 60",
        _instruments,
    ),
)
"""Rules over what Binance's adapter is told."""
