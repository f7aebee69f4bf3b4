"""Rules over the engines of a node and the node itself: what is never looked at again, and what ends in silence.

Sources: the configuration classes of NautilusTrader 1.231, its ``live/execution_engine.py`` and ``system/kernel.py``,
and what the lab measured on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.engine.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from nautilus_trader.config import TradingNodeConfig

    from opslab.engine.lint.rule import Hits

_TIMEOUTS = {"timeout_connection": 60.0, "timeout_reconciliation": 30.0, "timeout_portfolio": 10.0}
_FEW_RETRIES = 3


def _one(engine: str, setting: str, is_bad: Callable[[Any], bool]) -> Callable[[TradingNodeConfig], Hits]:
    """Return what looks at one setting of one engine."""

    def look(config: TradingNodeConfig) -> Hits:
        value = getattr(getattr(config, engine), setting)
        if is_bad(value):
            yield f"{engine}.{setting}", value

    return look


def _open_only(config: TradingNodeConfig) -> Hits:
    engine = config.exec_engine
    if engine.open_check_interval_secs is not None and engine.open_check_open_only:
        yield "exec_engine.open_check_open_only", True


def _gives_up(config: TradingNodeConfig) -> Hits:
    engine = config.exec_engine
    if engine.position_check_interval_secs is not None and engine.position_check_retries <= _FEW_RETRIES:
        yield "exec_engine.position_check_retries", engine.position_check_retries


def _ends_the_process(config: TradingNodeConfig) -> Hits:
    for engine in ("data_engine", "risk_engine", "exec_engine"):
        if not getattr(config, engine).graceful_shutdown_on_exception:
            yield f"{engine}.graceful_shutdown_on_exception", False


def _short_timeouts(config: TradingNodeConfig) -> Hits:
    for setting, default in _TIMEOUTS.items():
        if getattr(config, setting) < default:
            yield setting, getattr(config, setting)


def _unclaimed(config: TradingNodeConfig) -> Hits:
    for number, strategy in enumerate(config.strategies):
        if not strategy.config.get("external_order_claims"):
            yield f"strategies[{number}].config.external_order_claims", None


ENGINE_RULES = (
    Rule(
        "LINT-RECONCILIATION-OFF",
        "`reconciliation` is false",
        "orders and positions that the venue has are unknown after a start",
        "set it to True",
        _one("exec_engine", "reconciliation", lambda value: not value),
    ),
    Rule(
        "LINT-OPEN-CHECK-OFF",
        "`open_check_interval_secs` is not set",
        "a fill or cancel that the user stream loses is never found while the node runs",
        "set 5 to 10 seconds, within the venue's request weights",
        _one("exec_engine", "open_check_interval_secs", lambda value: value is None),
    ),
    Rule(
        "LINT-OPEN-CHECK-NARROW",
        "the check of open orders runs, and `open_check_open_only` is true",
        "an order that is open here and gone at the venue is left as it is: the check asks for open orders only",
        "set it to False, with a short open_check_lookback_mins",
        _open_only,
    ),
    Rule(
        "LINT-POSITION-CHECK-OFF",
        "`position_check_interval_secs` is not set",
        "a liquidation, a manual trade or a lost fill leaves a wrong position for as long as the node runs",
        "set 30 to 60 seconds",
        _one("exec_engine", "position_check_interval_secs", lambda value: value is None),
    ),
    Rule(
        "LINT-POSITION-CHECK-GIVES-UP",
        f"the check of positions runs, and `position_check_retries` is {_FEW_RETRIES} or less",
        "after so many attempts a difference is logged once and looked at no more",
        "set a number that outlasts an outage, such as 100, and watch the log for `unresolved`",
        _gives_up,
    ),
    Rule(
        "LINT-INFLIGHT-CHECK-OFF",
        "`inflight_check_interval_ms` is 0",
        "an order whose answer was lost stays SUBMITTED for ever",
        "leave it at 2000",
        _one("exec_engine", "inflight_check_interval_ms", lambda value: not value),
    ),
    Rule(
        "LINT-POSITION-REPORTS-DROPPED",
        "`filter_position_reports` is true",
        "the venue's positions are not looked at, at the start and later",
        "set it to False, and give each node an account of its own",
        _one("exec_engine", "filter_position_reports", bool),
    ),
    Rule(
        "LINT-EXTERNAL-ORDERS-DROPPED",
        "`filter_unclaimed_external_orders` is true",
        "orders and fills that this node did not place, liquidations among them, are dropped",
        "set it to False",
        _one("exec_engine", "filter_unclaimed_external_orders", bool),
    ),
    Rule(
        "LINT-MISSING-ORDERS-OFF",
        "`generate_missing_orders` is false",
        "a position of the venue that no known fill explains is not taken over",
        "set it to True",
        _one("exec_engine", "generate_missing_orders", lambda value: not value),
    ),
    Rule(
        "LINT-EXTERNAL-CLAIMS-NONE",
        "a strategy has no `external_order_claims`",
        "without a cache database its orders and position belong to EXTERNAL after a restart, and it is told nothing",
        "name the instruments that only this strategy trades",
        _unclaimed,
    ),
    Rule(
        "LINT-SYNTHETIC-BARS",
        "`time_bars_build_with_no_updates` is true",
        "while a feed is dead, bars that the node builds itself go on, flat and with fresh stamps",
        "set it to False",
        _one("data_engine", "time_bars_build_with_no_updates", bool),
    ),
    Rule(
        "LINT-BAR-SEQUENCE-UNCHECKED",
        "`validate_data_sequence` is false",
        "a bar older than the last one is handed on as if it were new",
        "set it to True",
        _one("data_engine", "validate_data_sequence", lambda value: not value),
    ),
    Rule(
        "LINT-RISK-BYPASSED",
        "`bypass` is true",
        "orders leave without any check of size, price, balance or rate",
        "set it to False",
        _one("risk_engine", "bypass", bool),
    ),
    Rule(
        "LINT-EXCEPTION-ENDS-PROCESS",
        "`graceful_shutdown_on_exception` of an engine is false",
        "an exception in its queue ends the whole process at once: nothing is cancelled, closed or saved",
        "set it to True",
        _ends_the_process,
    ),
    Rule(
        "LINT-TIMEOUT-SHORT",
        "`timeout_connection`, `timeout_reconciliation` or `timeout_portfolio` is below NautilusTrader's default",
        "when it passes the node is RUNNING without its strategies, and says so only in the log",
        "leave it at the default, and check that the strategies run",
        _short_timeouts,
    ),
)
"""Rules that hold whatever the venue is."""
