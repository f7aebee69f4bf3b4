"""Nothing leaves loopback: settings are refused before a node is built, connections are looked at while it runs.

NautilusTrader's adapter falls back to the live exchange for every URL that is not overridden, without a word, and its
network clients are written in Rust, so that no guard in Python sees them connect (measured on 1.231).
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nautilus_trader.adapters.binance import BinanceAccountType, BinanceDataClientConfig, BinanceExecClientConfig

from opslab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nautilus_trader.config import TradingNodeConfig

DATA_URLS = {"base_url_http": "http", "base_url_ws": "ws"}
EXEC_URLS = {"base_url_http": "http", "base_url_ws": "ws", "base_url_ws_stream": "ws"}
"""The five overrides, with the scheme of each."""

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
_FIX = "let the lab set it, or give an address such as {scheme}://127.0.0.1:PORT"
_LISTENING = "0A"
_OTHERS = ("tcp6", "udp", "udp6")
"""Tables beside ``tcp``; a kernel without IPv6 has not all of them."""

_PROC = Path("/proc")
_LOCAL_FILES = (None, "", "file", "local", "memory")


def require_loopback(config: TradingNodeConfig) -> None:
    """Refuse a node's settings unless every address in them is on loopback.

    Raises:
        EngineError: a URL is missing or leads elsewhere, a client is not Binance's, a proxy would be used, a database
            is not on loopback, or data would be read from or written to another machine's files.
    """
    clients = [
        ("data_clients", DATA_URLS, BinanceDataClientConfig),
        ("exec_clients", EXEC_URLS, BinanceExecClientConfig),
    ]
    for group, urls, kind in clients:
        for name, client in getattr(config, group).items():
            where = f"{group}.{name}"
            if type(client) is not kind:
                fix = "only the Binance adapter can be tied to the lab's venue: leave the other client out"
                raise EngineError(f"is a {type(client).__name__}, not a {kind.__name__}", where=where, fix=fix)
            _require_client(client, urls, where)
    require_local_stores(config)


def require_local_stores(config: TradingNodeConfig) -> None:
    """Refuse settings by which a node would keep something elsewhere, or whose process sends requests to a proxy.

    Raises:
        EngineError: a database is not on loopback, data would be read from or written to another machine's files, or
            the environment names a proxy.
    """
    _require_databases(config)
    _require_local_files(config)
    _require_no_proxy(os.environ)


def _require_client(client: Any, urls: dict[str, str], where: str) -> None:
    for setting, scheme in urls.items():
        _require_url(getattr(client, setting), scheme, f"{where}.{setting}")
    if client.proxy_url:
        raise EngineError("a proxy would take the requests elsewhere", where=f"{where}.proxy_url", fix="leave it out")
    if client.us or client.account_type not in (BinanceAccountType.SPOT, BinanceAccountType.USDT_FUTURES):
        fix = "use spot or USDT futures of binance.com"
        raise EngineError("is an account that the venue does not have", where=f"{where}.account_type", fix=fix)


def _require_url(url: str | None, scheme: str, where: str) -> None:
    fix = _FIX.format(scheme=scheme)
    if not url:
        raise EngineError("is not set: the adapter would use the live exchange", where=where, fix=fix)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise EngineError("is no address", where=where, fix=fix) from error
    if parts.scheme != scheme or parts.username is not None or parts.password is not None:
        raise EngineError(f"is not a plain {scheme} address", where=where, fix=fix)
    if host is None or not is_loopback(host):
        raise EngineError(f"leads to {host!r}, which is not loopback", where=where, fix=fix)


def is_loopback(host: str) -> bool:
    """Whether a host is written as a loopback address; names are not looked up, ``localhost`` included."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _require_databases(config: TradingNodeConfig) -> None:
    for owner in ("cache", "message_bus"):
        settings = getattr(config, owner, None)
        database = getattr(settings, "database", None)
        if database is not None and not is_loopback(str(database.host or "127.0.0.1")):
            fix = "use a server on 127.0.0.1"
            raise EngineError("the database is not on loopback", where=f"{owner}.database.host", fix=fix)


def _require_local_files(config: TradingNodeConfig) -> None:
    """Refuse catalogs and a stream writer that lie in a cloud's storage."""
    places = [(f"catalogs[{number}]", one, one.path) for number, one in enumerate(config.catalogs)]
    if config.streaming is not None:
        places.append(("streaming", config.streaming, config.streaming.catalog_path))
    for where, settings, path in places:
        scheme = path.partition("://")[0] if "://" in path else settings.fs_protocol
        if scheme not in _LOCAL_FILES:
            fix = "use a directory of this machine, without fs_protocol"
            raise EngineError(f"the files are reached by {scheme!r}, not on this machine", where=where, fix=fix)


def _require_no_proxy(environment: Any) -> None:
    for name in environment:
        if name.lower() in PROXY_VARIABLES and environment[name]:
            fix = f"unset {name} for this command"
            raise EngineError("a proxy would take the requests elsewhere", where=f"environment {name}", fix=fix)


def remote_addresses(pid: int | str = "self") -> set[str]:
    """Return the ``address:port`` of every remote end of the process's sockets that is not loopback.

    UDP sockets count too: a name that is looked up shows that something meant to go there. Source:
    ``/proc/<pid>/net/tcp``, ``tcp6``, ``udp`` and ``udp6`` (proc(5)), held against the process's descriptors.

    Raises:
        EngineError: the kernel does not tell: then nobody knows, and the run must stop.
    """
    root = _PROC / str(pid)
    try:
        inodes = _socket_inodes(root / "fd")
        tables = [(root / "net" / "tcp").read_text()]
        tables += [path.read_text() for path in (root / "net" / name for name in _OTHERS) if path.exists()]
    except OSError as error:
        fix = "run where /proc is readable (Linux)"
        raise EngineError(f"connections cannot be looked at: {error.strerror}", where=root, fix=fix) from error
    return {address for table in tables for address in _foreign(table, inodes)}


def _socket_inodes(directory: Path) -> set[str]:
    found = set()
    for entry in directory.iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:  # closed in the meantime
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _foreign(table: str, inodes: set[str]) -> Iterator[str]:
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[9] not in inodes or fields[3] == _LISTENING:
            continue
        host, _, port = fields[2].partition(":")
        address = _address(host)
        if not (address.is_loopback or address.is_unspecified):
            yield f"{address}:{int(port, 16)}"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address as the kernel writes it: 32-bit words in the machine's byte order (little-endian here)."""
    words = [bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
