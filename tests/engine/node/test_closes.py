"""What leaves a spot node while new risk is forbidden is written down before, and its fate after."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from nautilus_trader.adapters.binance.http.error import BinanceClientError, BinanceServerError
from tests.engine.node.door_world import OPEN, World

from opslab.engine.node.closes import Closes
from opslab.engine.node.door import SwitchDoor
from opslab.errors import EngineError
from opslab.safety.flatten.log import Intent, IntentFile

WORDS = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.25", "new_client_order_id": "O-1", "recv_window": "5000"}
THEIRS = Intent("fl-1-1", "BTCUSDT", "SELL", "BOTH", "0.25", 1)


class Venue:
    """Answers one order, and remembers what stood in the directory when it came."""

    def __init__(self, directory, answer):
        self.directory, self.answer = directory, answer
        self.account = SimpleNamespace(_timestamp=lambda: "1700000000000")
        self.closes = Closes(self.account, directory)
        self.came = None

    async def new_order(self, **words):
        self.came = {**words, "timestamp": self.account._timestamp(), "written": written(self.directory)}
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def send(self):
        return asyncio.run(self.closes.send(self.new_order, dict(WORDS), "pulled"))


def written(directory):
    return IntentFile.of_node(directory).others()


def filled():
    return SimpleNamespace(status=SimpleNamespace(value="FILLED"))


def test_it_stands_there_before_it_leaves_and_is_settled_when_it_filled(tmp_path):
    venue = Venue(tmp_path, filled())
    venue.send()
    assert [(one.client_order_id, one.is_settled) for one in venue.came["written"]] == [("O-1", False)]
    assert venue.came["written"][0].dead_ms == int(venue.came["timestamp"]) + int(venue.came["recv_window"])
    assert [one.is_settled for one in written(tmp_path)] == [True]


@pytest.mark.parametrize(
    ("answer", "is_settled"),
    [
        (BinanceClientError(400, {"code": -2010, "msg": "insufficient balance"}, {}), True),
        (BinanceServerError(503, {"code": -1007, "msg": "timeout"}, {}), False),
        (BinanceClientError(403, "<html>", {}), False),
        (ConnectionError("gone"), False),
    ],
    ids=["refused", "unknown", "page", "lost"],
)
def test_only_an_answer_that_proves_it_settles_what_raised(tmp_path, answer, is_settled):
    with pytest.raises(type(answer)):
        Venue(tmp_path, answer).send()
    assert [one.is_settled for one in written(tmp_path)] == [is_settled]


def test_one_that_rests_is_not_settled(tmp_path):
    Venue(tmp_path, SimpleNamespace(status=SimpleNamespace(value="NEW"))).send()
    assert [one.is_settled for one in written(tmp_path)] == [False]


def test_nothing_leaves_once_somebody_closed_past_the_engine(tmp_path):
    IntentFile.of_node(tmp_path).write([THEIRS])
    venue = Venue(tmp_path, filled())
    with pytest.raises(BinanceClientError, match="fl-1-1 closes past the engine"):
        venue.send()
    assert venue.came is None
    assert {one.client_order_id: one.is_settled for one in written(tmp_path)} == {"O-1": True, "fl-1-1": False}


def test_what_others_remember_of_it_is_no_close_of_theirs(tmp_path):
    venue = Venue(tmp_path, filled())
    venue.send()
    IntentFile.of_node(tmp_path).write(written(tmp_path))
    venue.send()


def test_a_disk_that_takes_nothing_keeps_no_position_from_being_closed(tmp_path, monkeypatch):
    monkeypatch.setattr("opslab.safety.flatten.log.write_bytes", _full)
    venue = Venue(tmp_path, filled())
    venue.send()
    assert venue.came["written"] == ()


def _full(path, _content):
    from opslab.errors import StoreError

    raise StoreError("the disk is full", where=path)


def test_the_adapters_own_clock_stamps_everything_else(tmp_path):
    venue = Venue(tmp_path, filled())
    assert venue.account._timestamp() == "1700000000000"


def test_an_adapter_that_stamps_otherwise_is_refused(tmp_path):
    with pytest.raises(EngineError, match="_timestamp"):
        Closes(SimpleNamespace(), tmp_path)


def test_nothing_is_made_before_something_is_written(tmp_path):
    Closes(SimpleNamespace(_timestamp=lambda: "1"), tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_a_door_whose_switch_is_not_active_writes_nothing(tmp_path):
    world = World()
    world.answer = OPEN
    account = world.client._http_account
    account._timestamp = lambda: "1700000000000"
    SwitchDoor(world.client, world.cache, None, world.ask, tmp_path / "log").install()
    asyncio.run(account.new_order(**WORDS))
    assert [words["new_client_order_id"] for words in world.client.sent] == ["O-1"]
    assert not (tmp_path / "log").exists()


def test_a_door_whose_switch_is_active_writes_what_it_lets_through(tmp_path):
    world = World()
    account = world.client._http_account
    account._timestamp = lambda: "1700000000000"
    SwitchDoor(world.client, world.cache, None, world.ask, tmp_path / "log").install()
    world.holds("1")
    name = world.order("SELL", "0.25", reduce_only=True).client_order_id.value
    asyncio.run(account.new_order(**{**WORDS, "new_client_order_id": name, "reduce_only": "True"}))
    other = world.order("BUY", "0.25", reduce_only=True).client_order_id.value
    with pytest.raises(BinanceClientError, match="add to"):
        asyncio.run(account.new_order(**{**WORDS, "new_client_order_id": other, "reduce_only": "True"}))
    assert [one.client_order_id for one in written(tmp_path / "log")] == [name]
