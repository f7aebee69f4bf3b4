"""Settings that lead out of loopback are refused before a node is built; open connections are told."""

from __future__ import annotations

import socket

import msgspec
import pytest
from nautilus_trader.adapters.binance import BINANCE
from nautilus_trader.config import (
    CacheConfig,
    DatabaseConfig,
    DataCatalogConfig,
    LiveDataClientConfig,
    StreamingConfig,
)

from opslab.contract.spec import Profile
from opslab.engine.node import loopback
from opslab.engine.node.loopback import is_loopback, remote_addresses, require_loopback
from opslab.engine.node.settings import node_config
from opslab.errors import EngineError


class Address:
    http = "http://127.0.0.1:4711"
    ws = "ws://127.0.0.1:4711"
    ws_api = "ws://127.0.0.1:4711/ws-api"
    ws_stream = "ws://127.0.0.1:4711"
    api_key = "K" * 16
    api_secret = "S" * 16


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in loopback.PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def config(**execution):
    return node_config(
        Address(), is_futures=True, instrument_ids=["BTCUSDT-PERP.BINANCE"], profile=Profile.FAST, **execution
    )


def changed(group, **settings):
    """Return the configuration with settings of one of its clients changed."""
    whole = config()
    client = msgspec.structs.replace(getattr(whole, group)[BINANCE], **settings)
    return msgspec.structs.replace(whole, **{group: {BINANCE: client}})


FIVE = [("data_clients", name) for name in loopback.DATA_URLS] + [("exec_clients", name) for name in loopback.EXEC_URLS]


def test_the_labs_own_settings_pass():
    require_loopback(config())


@pytest.mark.parametrize(("group", "setting"), FIVE)
@pytest.mark.parametrize("missing", [None, ""])
def test_each_of_the_five_is_demanded(group, setting, missing):
    with pytest.raises(EngineError, match=rf"{group}\.BINANCE\.{setting}: is not set"):
        require_loopback(changed(group, **{setting: missing}))


HOSTILE = [
    "{s}://fapi.binance.com",
    "{s}://10.0.0.1:80",
    "{s}://127.0.0.1.example.com",
    "{s}://localhost:80",
    "{s}://0.0.0.0:80",
    "{s}://user@127.0.0.1:80",
    "{s}://127.0.0.1@evil.example:80",
    "{s}s://127.0.0.1:80",
    "{s}://[::2]:80",
    "{s}://127.1:80",
    "{s}://2130706433:80",
    "{s}://127.0.0.1:99999",
    "{s}:///nowhere",
    "127.0.0.1:80",
    "{s}://[::1",
]


@pytest.mark.parametrize(("group", "setting"), FIVE)
@pytest.mark.parametrize("url", HOSTILE)
def test_whatever_is_not_plainly_loopback_is_refused(group, setting, url):
    scheme = (loopback.DATA_URLS if group == "data_clients" else loopback.EXEC_URLS)[setting]
    with pytest.raises(EngineError, match=setting):
        require_loopback(changed(group, **{setting: url.format(s=scheme)}))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_written_out(host):
    assert is_loopback(host)


def test_a_proxy_in_the_settings_is_refused():
    with pytest.raises(EngineError, match="proxy_url"):
        require_loopback(changed("exec_clients", proxy_url="http://127.0.0.1:3128"))


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_in_the_environment_is_refused_without_its_value(monkeypatch, name):
    whole = config()
    monkeypatch.setenv(name, "http://user:secret@proxy.example")
    with pytest.raises(EngineError, match=name) as told:
        require_loopback(whole)
    assert "secret" not in str(told.value)


def test_another_venues_client_is_refused():
    whole = msgspec.structs.replace(config(), data_clients={"OTHER": LiveDataClientConfig()})
    with pytest.raises(EngineError, match="not a BinanceDataClientConfig"):
        require_loopback(whole)


def test_a_database_elsewhere_is_refused():
    cache = CacheConfig(database=DatabaseConfig(type="redis", host="10.1.1.1"))
    with pytest.raises(EngineError, match=r"cache\.database\.host"):
        require_loopback(msgspec.structs.replace(config(), cache=cache))


@pytest.mark.parametrize("setting", ["catalogs", "streaming"])
@pytest.mark.parametrize("words", [{"fs_protocol": "s3"}, {"path": "gs://bucket/data"}])
def test_files_of_another_machine_are_refused(setting, words):
    path = words.get("path", "/data")
    if setting == "catalogs":
        changes = {"catalogs": [DataCatalogConfig(path=path, fs_protocol=words.get("fs_protocol"))]}
    else:
        changes = {"streaming": StreamingConfig(catalog_path=path, fs_protocol=words.get("fs_protocol"))}
    with pytest.raises(EngineError, match=setting):
        require_loopback(msgspec.structs.replace(config(), **changes))


def test_files_of_this_machine_pass():
    local = DataCatalogConfig(path="/data/catalog", fs_protocol="file")
    require_loopback(msgspec.structs.replace(config(), catalogs=[local]))


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """A process that has one socket, and a kernel without IPv6."""
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "fd").mkdir()
    (tmp_path / "7" / "fd" / "3").symlink_to("socket:[77]")
    monkeypatch.setattr(loopback, "_PROC", tmp_path)
    return tmp_path / "7" / "net"


def test_a_datagram_socket_that_leads_away_is_told(proc):
    (proc / "tcp").write_text("header\n")
    (proc / "udp").write_text("header\n 0: 0100007F:1F90 08080808:0035 01 00:0 00:0 0 0 0 77 1\n")
    assert remote_addresses(7) == {"8.8.8.8:53"}


def test_a_kernel_that_does_not_tell_stops_the_run(proc):
    (proc / "udp").write_text("header\n")
    with pytest.raises(EngineError, match="cannot be looked at"):
        remote_addresses(7)


def test_connections_on_loopback_are_not_told():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        assert remote_addresses() == set()


REMOTES = {
    "08080808:01BB": ["8.8.8.8:443"],
    "B80D0120000000000000000001000000:01BB": ["2001:db8::1:443"],
    "0000000000000000FFFF000008080808:01BB": ["8.8.8.8:443"],
    "0000000000000000FFFF00000100007F:01BB": [],
    "00000000000000000000000001000000:01BB": [],
    "0100007F:01BB": [],
    "00000000:0000": [],
}


@pytest.mark.parametrize("remote", REMOTES)
def test_a_connection_that_leads_away_is_told(remote):
    table = f"header\n 0: 0100007F:1F90 {remote} 01 00:0 00:0 0 0 0 77 1\n"
    assert list(loopback._foreign(table, {"77"})) == REMOTES[remote]
    assert list(loopback._foreign(table, {"78"})) == []


def test_a_process_that_cannot_be_looked_at_stops_the_run():
    with pytest.raises(EngineError, match="connections cannot be looked at"):
        remote_addresses(2**22 + 1)
