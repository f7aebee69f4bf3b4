"""What the child process of a node reads: an order that is whole, or one line that repeats nothing of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.encoding import compact_json
from opslab.engine.node import child
from opslab.engine.node.child import Child, ChildOrder, read_order
from opslab.engine.node.settings import adjusted, node_config
from opslab.errors import EngineError

SECRET = "of-nobody-else"
ORDER: dict[str, Any] = {
    "http": "http://127.0.0.1:1",
    "ws": "ws://127.0.0.1:1",
    "ws_api": "ws://127.0.0.1:1",
    "ws_stream": "ws://127.0.0.1:1",
    "api_key": SECRET,
    "api_secret": SECRET,
    "strategy": "opslab.engine.strategies.ops_by_hand:create",
    "instruments": ["BTCUSDT-PERP.BINANCE"],
    "bar_types": ["BTCUSDT-PERP.BINANCE-1-MINUTE-LAST-EXTERNAL"],
    "seed": 0,
    "params": {},
    "is_futures": True,
    "profile": "fast",
    "limits": None,
    "switches": "switches",
    "run_id": "r",
}
KEYS = sorted(ORDER)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


def test_a_whole_order_is_read():
    found = read_order(json.dumps(ORDER).encode())
    assert (found.redis_port, found.engine, found.own) == (None, {}, None)
    assert SECRET not in repr(found)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_order_are_refused(line):
    with pytest.raises(EngineError):
        read_order(line)


@given(st.sampled_from(KEYS), JSON)
def test_one_wrong_value_is_refused_or_read_and_never_repeats_the_keys(key, value):
    try:
        told = repr(read_order(compact_json({**ORDER, key: value}).encode()))
    except EngineError as error:
        told = str(error)
    assert SECRET not in told
    assert "\n" not in told


@pytest.mark.parametrize("change", [{"extra": 1}, {"profile": "idle"}, {"limits": {"max_open_orders": 0}}], ids=str)
def test_what_is_wrong_is_named(change):
    with pytest.raises(EngineError, match=next(iter(change))):
        read_order(json.dumps({**ORDER, **change}).encode())


class Node:
    """Stands for a node that never trades; ``strategy`` is not the one for orders by hand."""

    strategy = object()

    def __init__(self, *_words: object, **_doors: object) -> None:
        self.notified = 0

    def notify(self) -> None:
        self.notified += 1


@pytest.fixture
def idle(monkeypatch, tmp_path) -> Child:
    monkeypatch.setattr(child, "LiveNode", Node)
    order = ChildOrder.model_validate({**ORDER, "switches": str(tmp_path)})
    return Child(order, lambda _message: None)


@given(line=st.binary(max_size=60))
def test_a_line_that_is_no_command_is_answered_with_an_error(line):
    answer = Child._answer(Child.__new__(Child), line)
    assert answer["error"]
    assert "\n" not in answer["error"]


@pytest.mark.parametrize(
    "command", [{"id": 7}, {"id": 7, "do": "fly"}, {"id": 7, "do": "look", "far": 1}, {"id": 7, "do": []}], ids=str
)
def test_a_wrong_command_is_answered_under_its_number(idle, command):
    answer = idle._answer(json.dumps(command).encode())
    assert answer.keys() == {"id", "error"}


def test_another_strategy_cannot_be_traded_by_hand(idle):
    answer = idle._answer(json.dumps({"id": 7, "do": "place", "side": "BUY", "quantity": "1"}).encode())
    assert "cannot be traded by hand" in answer["error"]


def test_a_command_wakes_the_node(idle):
    idle.hear(b"{}")
    assert idle._node.notified == 1


class Address:
    http, ws, ws_api, ws_stream = (ORDER[name] for name in ("http", "ws", "ws_api", "ws_stream"))
    api_key = api_secret = SECRET


@pytest.fixture
def config():
    return node_config(Address(), is_futures=True, instrument_ids=ORDER["instruments"], profile="fast")


def test_a_cache_is_kept_in_redis_on_loopback_only(config):
    database = adjusted(config, 4711, {}).cache.database
    assert (database.type, database.host, database.port) == ("redis", "127.0.0.1", 4711)
    assert adjusted(config, None, {}) is config


def test_settings_of_the_execution_engine_are_changed_by_name(config):
    changed = adjusted(config, None, {"reconciliation": False})
    assert (config.exec_engine.reconciliation, changed.exec_engine.reconciliation) == (True, False)
    with pytest.raises(EngineError, match="LiveExecEngineConfig has no reconciliatoin"):
        adjusted(config, None, {"reconciliatoin": False})
