"""Several who empty one spot account at once never sell what was held before: frozen, killed, or overtaken on the way."""

from __future__ import annotations

import tempfile
import types
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nautilus_trader.adapters.binance.http.error import BinanceClientError
from tests.safety.flatten.script import LOST, busy_spot

from opslab.engine.node.closes import Closes
from opslab.safety.flatten.course import course
from opslab.safety.flatten.log import FlattenLog, Intent, IntentFile
from opslab.safety.flatten.talk import Ticking
from opslab.safety.flatten.turns import Pause, Request

KEEP = Decimal("1.75")
BOUGHT = "0.25"
HELD = Decimal(2)


class World:
    """One account, several who empty it, and requests that may come to the venue late."""

    def __init__(self, directory):
        self.script = busy_spot()
        self.script.account = replace(self.script.account, keep={"BTC": KEEP})
        self.directory, self.late = directory, []

    @property
    def now(self):
        return self.script.now

    def clocks(self):
        return Ticking(lambda: self.now.ms / 1000, lambda: self.now.ms)

    def held(self):
        balance = self.script.world.exchange.snapshot()["accounts"]["main"]["balances"]["BTC"]
        return Decimal(balance["wallet"])

    def flattener(self, name, log):
        return Flattener(self, course(self.script.account, name, 30.0, self.clocks(), log=log))

    def deliver(self):
        """Let the oldest request that is under way come to the venue; its answer is heard by nobody."""
        if self.late:
            self.script.send(self.late.pop(0))


class Flattener:
    """A flatten, step by step."""

    def __init__(self, world, turns):
        self.world, self.turns = world, turns
        self.told, self.done, self.until = None, None, 0

    def step(self, how="sent"):
        if self.done is not None or self.world.now.ms < self.until:
            return
        try:
            turn = self.turns.send(self.told)
        except StopIteration as end:
            self.done = end.value
            return
        self.told = None
        if isinstance(turn, Pause):
            self.until = self.world.now.ms + int(turn.seconds * 1000)
            return
        assert isinstance(turn, Request)
        if how == "sent":
            self.told = self.world.script.send(turn)
        else:
            self.world.late.append(turn)
            self.told = LOST


@types.coroutine
def leaving(words):
    return (yield words)


class Engine:
    """A close through the engine's adapter, step by step."""

    def __init__(self, world, quantity, name="O-1"):
        self.world, self.is_over, self.is_refused = world, False, False
        account = SimpleNamespace(_timestamp=lambda: str(world.now.ms))
        closes = Closes(account, world.directory)

        async def new_order(**words):
            return await leaving({**words, "timestamp": account._timestamp()})

        words = {"symbol": "BTCUSDT", "side": "SELL", "quantity": quantity, "recv_window": "5000"}
        self.send = lambda: closes.send(new_order, {**words, "new_client_order_id": name}, "pulled")
        self.coroutine = self.request = None

    def step(self, how="sent"):
        if self.is_over:
            return
        try:
            if self.coroutine is None:
                self.coroutine = self.send()
                words = self.coroutine.send(None)
                self.request = _request(words)
                return  # it may stand still between the signing and the sending
            self.is_over = True
            if how == "sent":
                answer = self.world.script.send(self.request)
                status = "FILLED" if answer.status == 200 else None
                self.coroutine.send(SimpleNamespace(status=status))
            else:
                self.coroutine.close()
                self.world.late.append(self.request)
        except (StopIteration, BinanceClientError) as error:
            self.is_over, self.is_refused = True, isinstance(error, BinanceClientError)


def _request(words):
    params = {
        "symbol": words["symbol"],
        "side": words["side"],
        "type": "MARKET",
        "quantity": words["quantity"],
        "newClientOrderId": words["new_client_order_id"],
        "recvWindow": words["recv_window"],
        "timestamp": words["timestamp"],
    }
    return Request("POST", "/api/v3/order", tuple(params.items()))


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["first", "second", "engine", "deliver", "wait"]),
        st.sampled_from(["sent", "sent", "sent", "late"]),
        st.integers(1, 3000),
    ),
    max_size=80,
)


@given(moves=MOVES, killed=st.sets(st.sampled_from(["first", "second", "engine"])), is_late=st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_was_held_before_is_never_sold(moves, killed, is_late):
    with tempfile.TemporaryDirectory() as root:
        world = World(Path(root) / "log")
        actors = {
            "first": world.flattener("fl-a", IntentFile.of_node(world.directory)),
            "second": world.flattener("fl-b", IntentFile.of_node(world.directory)),
            "engine": Engine(world, BOUGHT),
        }
        for name, how, ms in moves:
            if name == "deliver":
                world.deliver()
            elif name == "wait":
                world.now.ms += ms
            else:
                world.now.ms += 1
                actors[name].step(how)
            assert world.held() >= KEEP
        if "engine" in killed and actors["engine"].coroutine is not None:
            actors["engine"].coroutine.close()
        living = [actor for name, actor in actors.items() if name not in killed]
        last = _last_flatten(world, living, is_late=is_late)
        while world.late:
            world.deliver()
        assert world.held() == KEEP
        assert last.is_flat


def _last_flatten(world, living, *, is_late):
    """Let one more flatten run to its end beside those that live."""
    with FlattenLog(world.directory) as log:
        last = world.flattener("fl-z", log)
        for turn in range(5000):
            world.now.ms += 10
            last.step()
            for actor in living:
                actor.step()
            if is_late and turn == 100:
                while world.late:
                    world.deliver()
            if last.done is not None:
                return last.done
    raise AssertionError("it never ends")


def test_a_close_through_the_engine_that_is_under_way_is_waited_for(tmp_path):
    world = World(tmp_path / "log")
    world.script.send(Request("DELETE", "/api/v3/openOrders", _signed(world, symbol="BTCUSDT")))
    engine = Engine(world, BOUGHT)
    engine.step()
    engine.step("late")
    last = world.flattener("fl-z", IntentFile.of_node(world.directory))
    for _ in range(20):
        world.now.ms += 10
        last.step()
    assert last.done is None
    assert world.held() == HELD, "nothing is sold beside it"
    world.deliver()
    while last.done is None:
        world.now.ms += 10
        last.step()
    assert last.done.is_flat
    assert world.held() == KEEP


def test_the_engine_closes_nothing_once_somebody_closed_past_it(tmp_path):
    world = World(tmp_path / "log")
    with FlattenLog(world.directory) as log:
        outside = world.flattener("fl-z", log)
        while outside.done is None:
            world.now.ms += 10
            outside.step()
    engine = Engine(world, BOUGHT)
    engine.step()
    assert engine.is_refused
    assert world.held() == KEEP


def test_a_request_of_the_engine_that_was_frozen_is_too_old_when_it_leaves(tmp_path):
    world = World(tmp_path / "log")
    engine = Engine(world, BOUGHT)
    engine.step()
    world.now.ms += 10_000
    assert world.script.send(engine.request).status == 400


def test_a_request_bears_what_was_written_down_of_it(tmp_path, monkeypatch):
    world, others = World(tmp_path / "log"), IntentFile.others

    def frozen(log):
        world.now.ms += 10_000
        return others(log)

    monkeypatch.setattr(IntentFile, "others", frozen)
    engine = Engine(world, BOUGHT)
    engine.step()
    (written,) = IntentFile.of_node(world.directory).others()
    params = dict(engine.request.params)
    assert written.dead_ms == int(params["timestamp"]) + int(params["recvWindow"])
    assert world.script.send(engine.request).status == 400, "it stood still between the writing and the signing"


def test_an_order_that_is_sent_again_under_its_id_is_waited_for_again(tmp_path):
    world = World(tmp_path / "log")
    world.script.send(Request("DELETE", "/api/v3/openOrders", _signed(world, symbol="BTCUSDT")))
    log = IntentFile.of_node(world.directory)
    log.write([Intent("O-1", "BTCUSDT", "SELL", "BOTH", BOUGHT, world.now.ms)])
    last = world.flattener("fl-z", IntentFile.of_node(world.directory))
    world.now.ms += 10
    for _ in range(4):  # it asks what became of the first, which never came
        last.step()
    log.write([Intent("O-1", "BTCUSDT", "SELL", "BOTH", BOUGHT, world.now.ms + 5_000)])
    for _ in range(200):
        world.now.ms += 10
        last.step()
    assert last.done is None
    assert world.held() == HELD, "nothing is sold beside the second"


def _signed(world, **params):
    return tuple({**params, "recvWindow": "5000", "timestamp": str(world.now.ms)}.items())


def test_more_than_what_was_to_stay_was_sold_is_never_flat(tmp_path):
    script = busy_spot()
    script.account = replace(script.account, keep={"BTC": Decimal("2.5")})
    done = script.flatten()
    assert not done.is_flat
    assert (done.left.short, done.left.positions) == ({"BTC": Decimal("0.5")}, {})
    assert done.left.told() == "BTC 0.50000000 less than what was to stay"
    assert done.left.amounts == {"BTC": Decimal("-0.5")}
    assert script.sold() == 0
    assert done.rounds <= 3, "no close can mend it"


@pytest.mark.parametrize("content", [b"{", b"[]"])
def test_what_nobody_can_read_of_others_keeps_spot_from_being_sold(tmp_path, content):
    (tmp_path / "node-1.json").write_bytes(content)
    script = busy_spot()
    done = script.flatten(log=IntentFile.of_node(tmp_path), seconds=3)
    assert not done.is_flat
    assert script.sold() == 0
    assert any("what others sent" in what for what in done.left.unknown)


def test_a_full_disk_keeps_the_engine_from_no_close(tmp_path):
    (tmp_path / "log").write_bytes(b"a file in the way")
    world = World(tmp_path / "log" / "below")
    engine = Engine(world, BOUGHT)
    engine.step()
    assert engine.request is None, "nobody can tell what others sent"
    assert engine.is_refused
