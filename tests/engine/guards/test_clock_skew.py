"""The guard of clocks: a node that may not start, one that is held, one whose switch is pulled."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.engine.guards.market_world import World

from opslab.contract.execution import Profile
from opslab.engine.guards.clock_skew import ClockSkew
from opslab.errors import EngineError, StoreError


class Node(World):
    """A node whose connections take as long as they are told to."""

    def __init__(self):
        super().__init__()
        self.connected = []
        self.ready = self.loop.create_future()
        self.client = SimpleNamespace(
            _http_market=self.market, _clock=self.clock, _recv_window=5_000, _connect=self._connect
        )
        self.site.kernel._check_engines_connected = self._wait
        guard = ClockSkew(Profile.FAST)
        guard.on_exec_client(self.client, self.site)
        guard.on_node(self.site)

    async def _connect(self):
        self.connected.append(True)

    async def _wait(self):
        return await self.ready


@pytest.fixture
def node():
    made = Node()
    yield made
    made.close()


def start(node):
    connecting = node.loop.create_task(node.client._connect())
    try:
        return node.loop.run_until_complete(node.site.kernel._check_engines_connected())
    finally:
        if connecting.done():
            connecting.exception()


def test_a_right_clock_connects_as_before(node):
    node.ready.set_result(True)
    assert start(node) is True
    node.run()
    assert (node.connected, node.site.holds) == ([True], {})


@pytest.mark.parametrize("offset_ms", [10_000, 3_000, -1_500])
def test_a_wrong_clock_ends_the_start_with_the_reason(node, offset_ms):
    node.market.offset_ms = offset_ms
    with pytest.raises(EngineError, match=r"our clock is .* the venue's"):
        start(node)
    assert node.connected == []
    assert node.actions("clock_skew") == ["installed", "refused"]


def test_a_venue_that_does_not_tell_its_time_is_no_start(node):
    node.market.answers["time"] = ConnectionError("gone")
    with pytest.raises(EngineError, match="did not answer 5 questions"):
        start(node)


def settle(node):
    assert node.until(lambda: node.market.asked.count("time") >= 5)


def test_a_clock_that_drifts_is_held_and_let_go(node):
    settle(node)
    node.market.offset_ms = 3_000
    assert node.until(lambda: "clock_skew" in node.site.holds)
    node.market.offset_ms = 0
    assert node.until(lambda: "clock_skew" not in node.site.holds)
    assert node.actions("clock_skew")[-2:] == ["held", "released"]
    assert node.pulled == []


def test_beyond_what_the_venue_bears_the_switch_is_pulled_once(node):
    settle(node)
    node.market.offset_ms = 60_000
    assert node.until(lambda: node.pulled)
    node.run(0.3)
    assert len(node.pulled) == 1


def test_a_switch_that_cannot_be_pulled_is_held_and_pulled_again(node):
    pulled, refuse = [], [True]

    def pull(reason):
        if refuse:
            raise StoreError("no space left on device")
        pulled.append(reason)

    node.site.pull = pull
    settle(node)
    node.market.offset_ms = 60_000
    assert node.until(lambda: "no space" in node.site.holds.get("clock_skew", ""))
    refuse.clear()
    assert node.until(lambda: pulled)


def test_one_bad_answer_changes_nothing(node):
    settle(node)
    asked = node.market.asked.count("time")
    node.market.offset_ms = 60_000
    assert node.until(lambda: node.market.asked.count("time") > asked)
    node.market.offset_ms = 0
    node.run(0.3)
    assert (node.pulled, node.actions("clock_skew").count("held")) == ([], 1)  # held before anything was known


def test_an_adapter_without_the_names_is_refused():
    with pytest.raises(EngineError, match="guard clock_skew cannot stand before it"):
        ClockSkew(Profile.FAST).on_exec_client(SimpleNamespace(), SimpleNamespace())
