"""The user's own node on the lab's venue: their configuration, with five addresses and the keys replaced.

What is theirs stays theirs: strategies, actors, instrument providers, checks, limits. What is changed, and why:

- the five URLs, the keys and their kind: it must trade on the lab's venue, and nowhere else;
- ``graceful_shutdown_on_exception`` of the three engines: without it an exception in a handler ends the whole process,
  pytest included (measured on 1.231);
- logging is off: a rehearsal does not write into the user's log files;
- with the fast profile, intervals and timeouts are shortened; a check that is off stays off.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from nautilus_trader.adapters.binance import (
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceKeyType,
)
from nautilus_trader.config import LoggingConfig, TradingNodeConfig

from opslab.contract.paper_events import OwnNodeFacts
from opslab.engine.code import code_sha256
from opslab.engine.node.loopback import require_local_stores, require_loopback
from opslab.engine.node.named import named_function, read_config
from opslab.engine.node.names import VENUE
from opslab.engine.node.own_parts import instruments_asked, read_parts
from opslab.engine.node.profile import EXECUTION, NODE
from opslab.errors import EngineError, OpsLabError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opslab.contract.execution import Profile
    from opslab.engine.node.settings import VenueAddress

CHECK_SECONDS = 0.5
"""How often the fast profile lets a check for orders or positions run that the user switched on."""

POST_STOP_SECONDS = 0.25
"""What the fast profile leaves strategies for their last orders, once they were stopped."""

_CHECKS = {"open_check_interval_secs": CHECK_SECONDS, "position_check_interval_secs": CHECK_SECONDS}
_KINDS = {"data_clients": BinanceDataClientConfig, "exec_clients": BinanceExecClientConfig}
_ACCOUNTS = {BinanceAccountType.SPOT: "spot", BinanceAccountType.USDT_FUTURES: "futures"}


@dataclass(frozen=True)
class OwnNode:
    """A user's node, checked.

    Attributes:
        name: what the user calls it: ``package.module:function``.
        config: as their function returned it.
        market: ``futures`` or ``spot``.
        code_sha256: digest of the code of the function, if there is one.
    """

    name: str
    config: TradingNodeConfig = field(repr=False)
    market: str = ""
    code_sha256: str | None = None

    def on(self, address: VenueAddress, profile: Profile) -> TradingNodeConfig:
        """Return the settings of this node on the lab's venue.

        Raises:
            EngineError: something of it would still leave loopback.
        """
        keys = {"api_key": address.api_key, "api_secret": address.api_secret, "key_type": BinanceKeyType.HMAC}
        common: dict[str, Any] = {**keys, "base_url_http": address.http}
        data = {**common, "base_url_ws": address.ws}
        execution = {**common, "base_url_ws": address.ws_api, "base_url_ws_stream": address.ws_stream}
        engine = {"graceful_shutdown_on_exception": True}
        config = replace(
            self.config,
            logging=LoggingConfig(log_level="OFF"),
            data_engine=replace(self.config.data_engine, **engine),
            risk_engine=replace(self.config.risk_engine, **engine),
            exec_engine=replace(self.config.exec_engine, **engine, **self._shortened(profile)["exec_engine"]),
            data_clients={name: replace(client, **data) for name, client in self.config.data_clients.items()},
            exec_clients={name: replace(client, **execution) for name, client in self.config.exec_clients.items()},
            **self._shortened(profile)["node"],
        )
        require_loopback(config)
        return config

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in the user's settings, which are replaced and must be shown nowhere all the same."""
        clients = (*self.config.data_clients.values(), *self.config.exec_clients.values())
        names = ("api_key", "api_secret")
        return tuple(str(key) for client in clients for name in names if (key := getattr(client, name, None)))

    def facts(self, profile: Profile) -> OwnNodeFacts:
        """Return what a bundle may hold of it: names and intervals, never keys."""
        shortened = self._shortened(profile)
        return OwnNodeFacts(
            name=self.name,
            code_sha256=self.code_sha256,
            strategies=tuple(strategy.strategy_path for strategy in self.config.strategies),
            shortened={**shortened["node"], **shortened["exec_engine"]},
        )

    def require_instruments(self, names: Sequence[str]) -> None:
        """Refuse a node that asks the venue for other instruments than those that it plays.

        Raises:
            EngineError: naming them.
        """
        asked = {
            str(item): f"{group}.{name}.instrument_provider"
            for group in _KINDS
            for name, client in getattr(self.config, group).items()
            for item in client.instrument_provider.load_ids or ()
        }
        asked = {**instruments_asked(self.config), **asked}
        if unknown := sorted(asked.keys() - set(names)):
            fix = "name a spec whose datasets hold it (marker spec, or ini setting opslab_spec)"
            what = f"asks for {unknown[0]}, the venue of this run has {', '.join(names)}"
            raise EngineError(what, where=f"node {self.name} {asked[unknown[0]]}", fix=fix)

    def _shortened(self, profile: Profile) -> dict[str, dict[str, Any]]:
        """Return what the profile makes shorter than it is."""
        engine, whole = self.config.exec_engine, self.config
        fast = {**EXECUTION[profile], **(_CHECKS if EXECUTION[profile] else {})}
        node = {**NODE[profile], **({"timeout_post_stop": POST_STOP_SECONDS} if NODE[profile] else {})}
        return {"exec_engine": _shorter(engine, fast), "node": _shorter(whole, node)}


def own_node(source: Any, beside: Path | None = None) -> OwnNode:
    """Return the user's node.

    Args:
        source: ``package.module:function``, such a function, or its ``TradingNodeConfig``.
        beside: a directory that the module is looked for in first.

    Raises:
        EngineError: it cannot be had, or it cannot be tied to the lab's venue; one line says why.
    """
    if isinstance(source, OwnNode):
        return source
    name = source if isinstance(source, str) else _name_of(source)
    found = named_function(source, beside) if isinstance(source, str) else source
    if not callable(found) and not isinstance(found, TradingNodeConfig):
        fix = "give package.module:function, a function, or a TradingNodeConfig"
        raise EngineError(f"is a {type(found).__name__}", where="node", fix=fix)
    config = read_config(found, name)
    try:
        market = _market(config)
        require_local_stores(config)
        _require_strategies(config)
    except EngineError as error:
        raise EngineError(error.what, where=f"node {name} {error.where or ''}".strip(), fix=error.fix) from error
    digest = None
    with contextlib.suppress(OpsLabError, TypeError):
        digest = None if isinstance(found, TradingNodeConfig) else code_sha256(found)
    return OwnNode(name, config, market, digest)


def _name_of(source: Any) -> str:
    module, name = getattr(source, "__module__", None), getattr(source, "__qualname__", None)
    return f"{module}:{name}" if module and name else type(source).__name__


def _market(config: TradingNodeConfig) -> str:
    """Return the one market that all clients trade on."""
    accounts = {}
    for group, kind in _KINDS.items():
        clients = getattr(config, group)
        if not clients:
            raise EngineError("is empty", where=group, fix=f"add a {kind.__name__}")
        for name, client in clients.items():
            accounts[f"{group}.{name}"] = _account(client, kind, f"{group}.{name}")
    if len(config.exec_clients) > 1:
        raise EngineError("holds several clients", where="exec_clients", fix="rehearse one account at a time")
    if len(set(accounts.values())) > 1:
        told = ", ".join(f"{name}: {account}" for name, account in sorted(accounts.items()))
        raise EngineError(f"mixes markets ({told})", fix="rehearse one market at a time")
    return str(next(iter(accounts.values())))


def _account(client: Any, kind: type, where: str) -> str:
    found: type = type(client)
    if found is not kind:
        fix = "only the Binance adapter can be tied to the lab's venue: leave the other client out"
        raise EngineError(f"is a {found.__name__}, not a {kind.__name__}", where=where, fix=fix)
    if client.proxy_url:
        raise EngineError("a proxy would take the requests elsewhere", where=f"{where}.proxy_url", fix="leave it out")
    if client.us or client.account_type not in _ACCOUNTS:
        fix = "use spot or USDT futures of binance.com"
        raise EngineError("is an account that the venue does not have", where=f"{where}.account_type", fix=fix)
    if str(client.venue) != VENUE:
        fix = f"leave it at {VENUE}"
        raise EngineError(f"the venue is called {str(client.venue)!r:.40}", where=f"{where}.venue", fix=fix)
    return _ACCOUNTS[client.account_type]


def _require_strategies(config: TradingNodeConfig) -> None:
    if not config.strategies and config.controller is None:
        fix = "add an ImportableStrategyConfig to config.strategies"
        raise EngineError("has no strategies", fix=fix)
    read_parts(config)


def _shorter(settings: Any, fast: dict[str, Any]) -> dict[str, Any]:
    """Return what of ``fast`` is shorter than it is in ``settings``; off (None, or 0) stays off."""
    return {name: value for name, value in fast.items() if (now := getattr(settings, name)) is not None and value < now}
