"""Rules over what leads out of the machine or cannot be built: what a rehearsal with ``--opslab-node`` refuses.

Addresses that it replaces are told too: outside a rehearsal they hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nautilus_trader.adapters.binance import BinanceDataClientConfig, BinanceExecClientConfig

from opslab.engine.lint.rule import Rule
from opslab.engine.node.loopback import DATA_URLS, EXEC_URLS, is_loopback
from opslab.engine.node.own_parts import broken_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from nautilus_trader.config import TradingNodeConfig

    from opslab.engine.lint.rule import Hits

_CLIENTS = (
    ("data_clients", BinanceDataClientConfig, DATA_URLS),
    ("exec_clients", BinanceExecClientConfig, EXEC_URLS),
)


def _clients(config: TradingNodeConfig) -> Iterator[tuple[str, Any, Mapping[str, str]]]:
    for group, kind, urls in _CLIENTS:
        for name, client in getattr(config, group).items():
            if isinstance(client, kind):
                yield f"{group}.{name}", client, urls


def _databases(config: TradingNodeConfig) -> Hits:
    for owner in ("cache", "message_bus"):
        database = getattr(getattr(config, owner), "database", None)
        if database is not None and not is_loopback(str(database.host or "127.0.0.1")):
            yield f"{owner}.database.host", database.host


def _broken(config: TradingNodeConfig) -> Hits:
    yield from broken_parts(config)


def _proxies(config: TradingNodeConfig) -> Hits:
    for where, client, _ in _clients(config):
        if client.proxy_url:
            yield f"{where}.proxy_url", _without_password(client.proxy_url)


def _urls(config: TradingNodeConfig) -> Hits:
    for where, client, urls in _clients(config):
        for setting in urls:
            url = getattr(client, setting)
            if url and not is_loopback(_host(url)):
                yield f"{where}.{setting}", _without_password(url)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _without_password(url: str) -> str:
    """Return an address as it may be shown."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


REHEARSAL_RULES = (
    Rule(
        "LINT-PART-BROKEN",
        "a strategy, actor, execution algorithm or controller cannot be imported, or its `config` cannot be read",
        "the node does not start; a rehearsal refuses it",
        "correct the paths, each written module:Class, and the fields of config",
        _broken,
    ),
    Rule(
        "LINT-DATABASE-REMOTE",
        "the database of `cache` or `message_bus` is not on loopback",
        "what a test of this node writes lands in a database that others may share; a rehearsal refuses it",
        "let the function that you rehearse leave the database out, or use a server on 127.0.0.1",
        _databases,
    ),
    Rule(
        "LINT-PROXY",
        "`proxy_url` of a Binance client is set",
        "every request, the signed ones too, passes a third machine; a rehearsal refuses it",
        "leave it out of the function that you rehearse",
        _proxies,
    ),
    Rule(
        "LINT-URL-FIXED",
        "a `base_url_...` of a Binance client is set, and not to loopback",
        "`environment` has no effect on it: a node that says TESTNET trades wherever this leads",
        "leave it out, and choose by environment",
        _urls,
    ),
)
"""Rules over addresses, databases and the parts of a node."""
