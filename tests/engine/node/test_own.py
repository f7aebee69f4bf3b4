"""The user's node: what is replaced, what stays theirs, and what is refused in one line."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from nautilus_trader.adapters.binance import BinanceAccountType, BinanceKeyType
from nautilus_trader.config import (
    CacheConfig,
    DatabaseConfig,
    ImportableActorConfig,
    ImportableControllerConfig,
    ImportableExecAlgorithmConfig,
    LiveDataClientConfig,
    LiveExecEngineConfig,
    LoggingConfig,
    MessageBusConfig,
    StreamingConfig,
)
from nautilus_trader.model.identifiers import Venue
from tests.engine.node.own_config import PERP, client, config, strategy

from opslab.contract.execution import Profile
from opslab.engine.node.loopback import DATA_URLS, EXEC_URLS
from opslab.engine.node.own import CHECK_SECONDS, OwnNode, own_node
from opslab.errors import EngineError


class Address:
    http = "http://127.0.0.1:4711"
    ws = "ws://127.0.0.1:4711"
    ws_api = "ws://127.0.0.1:4711/ws-api"
    ws_stream = "ws://127.0.0.1:4712"
    api_key = "K" * 16
    api_secret = "S" * 16


def placed(given=None, profile=Profile.FAST):
    return own_node(given or config()).on(Address(), profile)


def test_all_five_addresses_and_the_keys_are_replaced():
    given = client("data_clients", base_url_http="https://fapi.binance.com", key_type=BinanceKeyType.RSA)
    got = placed(given)
    data, execution = got.data_clients["BINANCE"], got.exec_clients["BINANCE"]
    assert [getattr(data, name) for name in DATA_URLS] == [Address.http, Address.ws]
    assert [getattr(execution, name) for name in EXEC_URLS] == [Address.http, Address.ws_api, Address.ws_stream]
    for each in (data, execution):
        assert (each.api_key, each.api_secret, each.key_type) == ("K" * 16, "S" * 16, BinanceKeyType.HMAC)


def test_strategies_and_instrument_provider_stay_theirs():
    given = config()
    got = placed(given)
    assert got.strategies == given.strategies
    assert got.data_clients["BINANCE"].instrument_provider == given.data_clients["BINANCE"].instrument_provider


def test_an_exception_does_not_end_the_process_and_no_log_is_written():
    got = placed(config(logging=LoggingConfig(log_level="INFO", log_directory="/var/log")))
    engines = (got.data_engine, got.risk_engine, got.exec_engine)
    assert all(engine.graceful_shutdown_on_exception for engine in engines)
    assert (got.logging.log_level, got.logging.log_directory) == ("OFF", None)


@pytest.mark.parametrize(("theirs", "fast"), [(10.0, CHECK_SECONDS), (0.25, 0.25), (None, None)])
def test_the_fast_profile_shortens_a_check_that_is_on_and_leaves_one_that_is_off(theirs, fast):
    engine = LiveExecEngineConfig(open_check_interval_secs=theirs, inflight_check_interval_ms=0)
    got = placed(config(exec_engine=engine)).exec_engine
    assert (got.open_check_interval_secs, got.inflight_check_interval_ms) == (fast, 0)


def test_the_production_profile_leaves_every_interval_alone():
    given = config(exec_engine=LiveExecEngineConfig(open_check_interval_secs=10.0))
    got = placed(given, Profile.PRODUCTION)
    assert got.exec_engine == replace(given.exec_engine, graceful_shutdown_on_exception=True)
    assert (got.timeout_connection, got.timeout_post_stop) == (given.timeout_connection, given.timeout_post_stop)


def test_the_facts_name_what_was_shortened_and_hold_no_key():
    facts = own_node(config).facts(Profile.FAST)
    assert facts.name.endswith("own_config:config")
    assert facts.strategies == (strategy().strategy_path,)
    assert facts.shortened["timeout_post_stop"] < 1
    assert "REAL" not in facts.model_dump_json()


def test_a_node_shows_no_key():
    assert "REAL" not in repr(own_node(config))


@pytest.mark.parametrize(
    ("account", "market"), [(BinanceAccountType.SPOT, "spot"), (BinanceAccountType.USDT_FUTURES, "futures")]
)
def test_the_market_is_that_of_its_clients(account, market):
    data, execution = (client(group, account_type=account) for group in ("data_clients", "exec_clients"))
    assert own_node(replace(data, exec_clients=execution.exec_clients)).market == market


def test_a_node_is_taken_as_it_is():
    node = own_node(config)
    assert own_node(node) is node
    assert isinstance(node, OwnNode)


def raising():
    raise ValueError("no\ncredentials")


ELSEWHERE = DatabaseConfig(type="redis", host="10.0.0.1")
NOWHERE = {"config_path": "nowhere:Y", "config": {}}
STREAMING = StreamingConfig(catalog_path="bucket", fs_protocol="s3")
REFUSED = [
    (lambda: client("exec_clients", proxy_url="http://proxy:1"), "exec_clients.BINANCE.proxy_url: a proxy"),
    (lambda: client("data_clients", us=True), "data_clients.BINANCE.account_type: is an account"),
    (lambda: client("exec_clients", account_type=BinanceAccountType.COIN_FUTURES), "account that the venue does not"),
    (lambda: client("exec_clients", account_type=BinanceAccountType.SPOT), "mixes markets"),
    (lambda: client("data_clients", venue=Venue("ELSEWHERE")), "the venue is called 'ELSEWHERE'"),
    (lambda: config(data_clients={"X": LiveDataClientConfig()}), "data_clients.X: is a LiveDataClientConfig"),
    (lambda: config(exec_clients={}), "exec_clients: is empty"),
    (lambda: config(exec_clients=dict.fromkeys("AB", config().exec_clients["BINANCE"])), "several clients"),
    (lambda: config(strategies=[]), "has no strategies"),
    (lambda: config(strategies=[strategy(strategy_path="nowhere:X")]), "strategies.0.: cannot be imported"),
    (lambda: config(streaming=STREAMING), "streaming: the files are reached by .s3., not on this machine"),
    (lambda: config(cache=CacheConfig(database=ELSEWHERE)), "cache.database.host: the database is not on loopback"),
    (lambda: config(message_bus=MessageBusConfig(database=ELSEWHERE)), "message_bus.database.host: the database is"),
    (lambda: config(strategies=[strategy(config={"nonsense": 1})]), r"strategies.0..config: cannot be read as a EMACr"),
    (
        lambda: config(actors=[ImportableActorConfig(**NOWHERE, actor_path="nowhere:X")]),
        "actors.0.: cannot be imported",
    ),
    (
        lambda: config(exec_algorithms=[ImportableExecAlgorithmConfig(**NOWHERE, exec_algorithm_path="nowhere:X")]),
        "exec_algorithms.0.: cannot be imported",
    ),
    (
        lambda: config(controller=ImportableControllerConfig(**NOWHERE, controller_path="nowhere:X")),
        "controller: cannot be imported",
    ),
    (lambda: config(exec_engine=None), "exec_engine is a NoneType, not a LiveExecEngineConfig"),
    (lambda: {"strategies": []}, "gives a dict, not a TradingNodeConfig"),
    (raising, r"raised ValueError: no\\ncredentials"),
    (lambda _needed: config(), "raised TypeError"),
    (7, "is a int"),
]


@pytest.mark.parametrize(("given", "what"), REFUSED, ids=[what for _, what in REFUSED])
def test_what_cannot_be_tied_to_the_venue_is_refused_in_one_line(given, what):
    with pytest.raises(EngineError, match=what) as caught:
        own_node(given)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("node")


def test_a_proxy_of_the_environment_is_refused_before_anything_is_started(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    with pytest.raises(EngineError, match="environment HTTPS_PROXY: a proxy"):
        own_node(config)


def test_instruments_that_the_venue_does_not_have_are_named():
    node = own_node(config)
    node.require_instruments([PERP])
    with pytest.raises(EngineError, match=f"asks for {PERP}, the venue of this run has ETHUSDT-PERP.BINANCE"):
        node.require_instruments(["ETHUSDT-PERP.BINANCE"])


def test_an_instrument_that_only_a_strategy_names_is_named_with_its_setting():
    other = "ETHUSDT-PERP.BINANCE"
    settings = {**strategy().config, "bar_type": f"{other}-1-MINUTE-LAST-EXTERNAL"}
    node = own_node(config(strategies=[strategy(config=settings)]))
    node.require_instruments([PERP, other])
    with pytest.raises(EngineError, match=rf"strategies.0..config.bar_type: asks for {other}"):
        node.require_instruments([PERP])
