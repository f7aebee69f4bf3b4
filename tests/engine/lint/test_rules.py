"""Each rule finds what it is for, and leaves alone what is right."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from nautilus_trader.adapters.binance import BinanceAccountType
from nautilus_trader.adapters.binance.common.enums import BinanceEnvironment
from nautilus_trader.config import DatabaseConfig, LiveDataClientConfig, MessageBusConfig
from tests.engine.node.own_config import PERP, client, config, strategy

from opslab.engine.lint.linting import RULES, lint
from opslab.engine.lint.rates import is_above
from opslab.venue.http.limits import FUTURES_LIMITS, SPOT_LIMITS


def engine(name, **settings):
    whole = config()
    return replace(whole, **{name: replace(getattr(whole, name), **settings)})


def execution(**settings):
    return engine("exec_engine", **settings)


def graceful(value):
    names = ("data_engine", "risk_engine", "exec_engine")
    setting = {"graceful_shutdown_on_exception": value}
    whole = config()
    return replace(whole, **{name: replace(getattr(whole, name), **setting) for name in names})


def claiming(*names):
    settings = {**strategy().config, "external_order_claims": list(names)}
    return config(strategies=[strategy(config=settings)])


def hedging(oms_type, **settings):
    whole = client("exec_clients", **settings)
    return replace(whole, strategies=[strategy(config={**strategy().config, "oms_type": oms_type})])


def environments(value):
    data, trading = (client(group, environment=value) for group in ("data_clients", "exec_clients"))
    return replace(data, exec_clients=trading.exec_clients)


def stored(host):
    return config(message_bus=MessageBusConfig(database=DatabaseConfig(type="redis", host=host)))


def rates(text):
    return engine("risk_engine", max_order_submit_rate=text, max_order_modify_rate=text)


CASES = {
    "LINT-RECONCILIATION-OFF": (execution(reconciliation=False), config()),
    "LINT-OPEN-CHECK-OFF": (config(), execution(open_check_interval_secs=5.0)),
    "LINT-OPEN-CHECK-NARROW": (
        execution(open_check_interval_secs=5.0),
        execution(open_check_interval_secs=5.0, open_check_open_only=False),
    ),
    "LINT-POSITION-CHECK-OFF": (config(), execution(position_check_interval_secs=30.0)),
    "LINT-POSITION-CHECK-GIVES-UP": (
        execution(position_check_interval_secs=30.0),
        execution(position_check_interval_secs=30.0, position_check_retries=100),
    ),
    "LINT-INFLIGHT-CHECK-OFF": (execution(inflight_check_interval_ms=0), config()),
    "LINT-POSITION-REPORTS-DROPPED": (execution(filter_position_reports=True), config()),
    "LINT-EXTERNAL-ORDERS-DROPPED": (execution(filter_unclaimed_external_orders=True), config()),
    "LINT-MISSING-ORDERS-OFF": (execution(generate_missing_orders=False), config()),
    "LINT-EXTERNAL-CLAIMS-NONE": (config(), claiming(PERP)),
    "LINT-SYNTHETIC-BARS": (config(), engine("data_engine", time_bars_build_with_no_updates=False)),
    "LINT-BAR-SEQUENCE-UNCHECKED": (config(), engine("data_engine", validate_data_sequence=True)),
    "LINT-RISK-BYPASSED": (engine("risk_engine", bypass=True), config()),
    "LINT-EXCEPTION-ENDS-PROCESS": (config(), graceful(True)),
    "LINT-TIMEOUT-SHORT": (config(timeout_reconciliation=1.0), config()),
    "LINT-ORDER-RATE": (config(), rates("20/00:00:01")),
    "LINT-ENVIRONMENT-UNSET": (config(), environments(BinanceEnvironment.LIVE)),
    "LINT-NO-RETRIES": (config(), client("exec_clients", max_retries=3)),
    "LINT-REDUCE-ONLY-DROPPED": (client("exec_clients", use_reduce_only=False), config()),
    "LINT-HEDGE-REDUCE-ONLY": (hedging("HEDGING"), hedging("NETTING")),
    "LINT-RECV-WINDOW-LONG": (client("exec_clients", recv_window_ms=60_001), config()),
    "LINT-INSTRUMENTS-NOT-RELOADED": (client("data_clients", update_instruments_interval_mins=None), config()),
    "LINT-PART-BROKEN": (config(strategies=[strategy(config={"nonsense": 1})]), config()),
    "LINT-DATABASE-REMOTE": (stored("redis.example.com"), stored("127.0.0.1")),
    "LINT-PROXY": (client("data_clients", proxy_url="http://me:word@proxy:1"), config()),
    "LINT-URL-FIXED": (
        client("exec_clients", base_url_ws_stream="wss://me:word@fstream.binance.com"),
        client("exec_clients", base_url_ws_stream="ws://127.0.0.1:1"),
    ),
}


def test_every_rule_has_a_case_and_a_code_of_its_own():
    assert [rule.code for rule in RULES] == list(dict.fromkeys(rule.code for rule in RULES))
    assert set(CASES) == {rule.code for rule in RULES}


@pytest.mark.parametrize("code", CASES)
def test_a_rule_finds_what_it_is_for_and_nothing_else(code):
    bad, good = CASES[code]
    assert code in {finding.code for finding in lint(bad)}
    assert code not in {finding.code for finding in lint(good)}


def test_a_finding_names_the_setting_with_its_value_on_one_line():
    (found,) = [item for item in lint(execution(reconciliation=False)) if item.code == "LINT-RECONCILIATION-OFF"]
    assert str(found).startswith("LINT-RECONCILIATION-OFF exec_engine.reconciliation=False: ")
    assert "\n" not in str(found)
    json.dumps(found.to_dict())


def test_each_engine_and_each_strategy_is_named():
    two = replace(graceful(False), strategies=[strategy(), strategy()])
    named = {item.setting for item in lint(two)}
    assert {"data_engine.graceful_shutdown_on_exception", "risk_engine.graceful_shutdown_on_exception"} <= named
    assert "strategies[1].config.external_order_claims" in named


def test_clients_of_other_venues_are_passed_over():
    other = config(data_clients={"X": LiveDataClientConfig()}, exec_clients={})
    assert not {item.code for item in lint(other)} & {"LINT-ENVIRONMENT-UNSET", "LINT-ORDER-RATE", "LINT-NO-RETRIES"}


@pytest.mark.parametrize(
    ("rate", "futures", "spot"),
    [
        ("100/00:00:01", True, True),
        ("10/00:00:01", False, False),
        ("20/00:00:01", False, True),
        ("21/00:00:01", True, True),
        ("300/00:00:10", True, True),
        ("100/00:00:10", False, False),
        ("1/00:00:00", True, True),
        ("fast", True, True),
        ("1200/00:01:00", True, True),
    ],
)
def test_a_rate_is_held_against_the_venues_limits(rate, futures, spot):
    assert (is_above(rate, FUTURES_LIMITS), is_above(rate, SPOT_LIMITS)) == (futures, spot)


def test_the_limits_are_those_of_the_account():
    for account, expected in ((BinanceAccountType.SPOT, True), (BinanceAccountType.USDT_FUTURES, False)):
        whole = replace(rates("20/00:00:01"), exec_clients=client("exec_clients", account_type=account).exec_clients)
        assert ("LINT-ORDER-RATE" in {item.code for item in lint(whole)}) is expected


@given(st.text(max_size=30))
def test_any_text_as_a_rate_is_judged(text):
    assert is_above(text, SPOT_LIMITS) in (True, False)


def test_no_password_of_an_address_is_shown():
    for code in ("LINT-PROXY", "LINT-URL-FIXED"):
        (found,) = [item for item in lint(CASES[code][0]) if item.code == code]
        assert "word" not in str(found)
        assert str(found.value).startswith(("http://proxy", "wss://fstream"))


def test_the_advice_for_an_unset_environment_begins_with_no_real_money():
    (found, *_) = [item for item in lint(config()) if item.code == "LINT-ENVIRONMENT-UNSET"]
    assert found.fix.startswith("say BinanceEnvironment.TESTNET")


@pytest.mark.parametrize(
    "settings", [{"use_reduce_only": False}, {"account_type": BinanceAccountType.SPOT}], ids=["hedge-ready", "spot"]
)
def test_a_hedging_node_that_can_start_is_left_alone(settings):
    found = {finding.code for finding in lint(hedging("hedging", **settings))}
    assert "LINT-HEDGE-REDUCE-ONLY" not in found
    assert "LINT-HEDGE-REDUCE-ONLY" in {finding.code for finding in lint(hedging("hedging"))}
