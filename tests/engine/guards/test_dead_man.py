"""The dead man's switch around an execution client that is not there: what is sent, held, told and ended."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from nautilus_trader.adapters.binance import BinanceAccountType
from nautilus_trader.model.identifiers import InstrumentId

from opslab.engine.guards import dead_man
from opslab.engine.guards.dead_man import DeadMan
from opslab.engine.guards.site import Site
from opslab.errors import EngineError

BTC, ETH = "BTCUSDT-PERP.BINANCE", "ETHUSDT-PERP.BINANCE"
SECONDS = 1.0


class World:
    """A node with a client whose line can be cut, slowed down, or answer as it likes."""

    def __init__(self, left: Any = lambda: None) -> None:
        self.sent: list[tuple[str, int]] = []
        self.told: list[tuple[str, tuple[str, ...]]] = []
        self.details: list[str] = []
        self.answer: Any = None
        self.orders: list[Any] = []
        self.steps: list[str] = []
        cache = SimpleNamespace(orders_open=lambda venue: self.orders, orders_inflight=lambda venue: [])
        bus = SimpleNamespace(subscribe=lambda topic, handler: setattr(self, "shut_down", handler))
        self.kernel: Any = SimpleNamespace(cache=cache, msgbus=bus, loop=asyncio.get_running_loop())
        self.site = Site(SimpleNamespace(), self.kernel, lambda: None, lambda _why: None, self._tell)  # type: ignore[arg-type]
        self.client: Any = SimpleNamespace(
            _connect=self._connect,
            _disconnect=self._disconnect,
            _http_client=SimpleNamespace(sign_request=self._send),
            _clock=SimpleNamespace(timestamp_ms=lambda: 1),
            _recv_window=5000,
            _binance_account_type=BinanceAccountType.USDT_FUTURES,
            venue=None,
        )
        self.guard = DeadMan(SECONDS, (BTC,), left)
        self.guard.on_exec_client(self.client, self.site)
        self.guard.on_node(self.site)

    async def _connect(self) -> None:
        self.steps.append("connected")

    async def _disconnect(self) -> None:
        self.steps.append("disconnected")

    async def _send(self, _method: Any, path: str, payload: dict[str, str], _keys: Any) -> None:
        assert path == "/fapi/v1/countdownCancelAll"
        length = int(payload["countdownTime"])
        self.steps.append("sent" if length else "ended")
        self.sent.append((payload["symbol"], length))
        if self.answer is not None:
            await self.answer()

    def _tell(self, _event: str, facts: Any) -> None:
        self.told.append((facts["action"], tuple(facts["symbols"])))
        self.details.append(facts["detail"])

    @property
    def actions(self) -> list[str]:
        return [action for action, _ in self.told]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what is awaited has no event of its own
                await asyncio.sleep(0.005)


async def refused() -> None:
    raise ConnectionError("cut")


def played(drive: Any, **words: Any) -> World:
    """Play in a loop of its own, and leave no task behind."""

    async def play() -> World:
        world = World(**words)
        await drive(world)
        if "disconnected" not in world.steps:
            await world.client._disconnect()
        return world

    return asyncio.run(play())


def test_it_is_armed_before_the_client_counts_as_connected():
    async def drive(world):
        await world.client._connect()
        assert world.steps == ["connected", "sent"]
        assert world.sent == [("BTCUSDT", 1000)]
        assert world.actions == ["armed"]
        assert not world.site.holds

    played(drive)


def test_a_venue_that_refuses_holds_new_risk_until_it_is_armed():
    async def drive(world):
        world.answer = refused
        await world.client._connect()
        assert "BTCUSDT" in world.site.held()["dead_man"]
        world.answer = None
        await world.until(lambda: not world.site.holds)
        assert world.actions == ["failed", "armed"]

    played(drive)


def test_a_line_that_is_cut_is_told_as_lost_and_as_regained():
    async def drive(world):
        await world.client._connect()
        world.answer = refused
        await world.until(lambda: "lost" in world.actions)
        assert world.site.holds
        world.answer = None
        await world.until(lambda: "regained" in world.actions)
        assert not world.site.holds
        assert world.actions == ["armed", "failed", "lost", "regained"]

    played(drive)


def test_a_request_that_hangs_does_not_keep_the_next_ones():
    async def drive(world):
        await world.client._connect()
        hanging = asyncio.Event()
        world.answer = hanging.wait
        await world.until(lambda: len(world.sent) > 3)
        hanging.set()

    played(drive)


def test_what_has_an_order_is_renewed_too():
    async def drive(world):
        await world.client._connect()
        world.orders = [SimpleNamespace(instrument_id=InstrumentId.from_str(ETH))]
        await world.until(lambda: ("ETHUSDT", 1000) in world.sent)
        await world.until(lambda: ("armed", ("ETHUSDT",)) in world.told)

    played(drive)


def test_a_node_that_stops_well_ends_it_last_of_all():
    async def drive(world):
        await world.client._connect()
        await world.client._disconnect()
        assert world.steps[-2:] == ["ended", "disconnected"]
        assert world.sent[-1] == ("BTCUSDT", 0)
        assert world.actions[-1] == "ended"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    played(drive)


def test_no_renewal_is_on_its_way_when_it_is_ended():
    async def drive(world):
        await world.client._connect()
        arrived: list[str] = []

        async def slowly() -> None:
            name = "renewal" if world.sent[-1][1] else "end"
            await asyncio.sleep(0.2 if name == "renewal" else 0)
            arrived.append(name)

        world.answer = slowly
        await world.until(lambda: len(world.sent) > 1)
        await world.client._disconnect()
        assert arrived[-1] == "end"

    played(drive)


@pytest.mark.parametrize("trouble", ["session", "shutdown", "not flat"])
def test_a_node_that_cannot_be_trusted_leaves_it_running(trouble):
    async def drive(world):
        await world.client._connect()
        if trouble == "session":
            world.site.trouble = lambda: "an exception was lost"
        elif trouble == "shutdown":
            world.shut_down(SimpleNamespace(reason="a handler\nraised"))
        await world.client._disconnect()
        assert ("BTCUSDT", 0) not in world.sent
        assert world.actions[-1] == "left_running"
        assert "\n" not in world.details[-1]

    played(drive, left=lambda: "not flat" if trouble == "not flat" else None)


def test_an_end_that_the_venue_refuses_is_tried_again(monkeypatch):
    async def drive(world):
        await world.client._connect()
        world.answer = refused
        ending = asyncio.ensure_future(world.client._disconnect())
        await world.until(lambda: world.sent.count(("BTCUSDT", 0)) > 1)
        world.answer = None
        await ending
        assert world.actions[-1] == "ended"

    played(drive)


def test_an_end_that_never_comes_is_told(monkeypatch):
    monkeypatch.setattr(dead_man, "END_SECONDS", 0.3)

    async def drive(world):
        await world.client._connect()
        world.answer = refused
        await world.client._disconnect()
        assert world.actions[-1] == "left_running"
        assert "cut" in world.details[-1]
        assert world.steps[-1] == "disconnected"

    played(drive)


def test_a_journal_that_cannot_be_written_ends_no_renewal():
    async def drive(world):
        world.site.tell = lambda _event, _facts: (_ for _ in ()).throw(OSError("full"))
        await world.client._connect()
        await world.until(lambda: len(world.sent) > 2)
        assert "full" in world.site.held()["dead_man_untold"]

    played(drive)


@pytest.mark.parametrize("account", [BinanceAccountType.SPOT, BinanceAccountType.COIN_FUTURES])
def test_an_account_without_one_is_refused(account):
    async def drive(world):
        world.client._binance_account_type = account
        with pytest.raises(EngineError, match="USD-M futures only"):
            DeadMan(SECONDS, (BTC,)).on_exec_client(world.client, world.site)

    played(drive)


@pytest.mark.parametrize("name", ["_connect", "_http_client", "_recv_window"])
def test_an_adapter_without_its_names_is_refused(name):
    async def drive(world):
        client = SimpleNamespace(**{key: value for key, value in vars(world.client).items() if key != name})
        with pytest.raises(EngineError, match=name):
            DeadMan(SECONDS, (BTC,)).on_exec_client(client, world.site)

    played(drive)


def test_two_accounts_are_refused():
    async def drive(world):
        with pytest.raises(EngineError, match="two accounts"):
            world.guard.on_exec_client(world.client, world.site)

    played(drive)
