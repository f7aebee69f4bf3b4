from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tests.venue.running import Running, running
from tests.venue.small import START_MS, book

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.venue.wire import Request

from opslab.venue.faults.base import Hang, RequestEffect
from opslab.venue.faults.inert import Inert
from opslab.venue.market import BookDelta, MarketEvent
from opslab.venue.orders import Market
from opslab.venue.tape.tape import Tape


async def user_stream(at: Running) -> Any:
    key = (await at.ask("POST", "/listenKey"))["listenKey"]
    return await at.listen(f"{at.venue.endpoint.ws_stream}/ws?listenKey={key}")


async def until(ws: Any, kind: str) -> Any:
    while True:
        found = await ws.receive_json(timeout=10)
        if found.get("e") == kind:
            return found


def test_a_futures_client_hears_of_its_orders_what_the_ledger_holds():
    async def scene() -> None:
        async with running() as at:
            ws = await user_stream(at)
            placed = await at.buy()
            report = await until(ws, "ORDER_TRADE_UPDATE")
            assert (report["o"]["i"], report["o"]["X"]) == (placed["orderId"], "NEW")
            at.venue.exchange.fill("main", placed["orderId"])
            report = await until(ws, "ORDER_TRADE_UPDATE")
            fill = at.venue.exchange.fills("main")[0]
            assert (report["o"]["t"], Decimal(report["o"]["l"]), report["o"]["X"]) == (
                fill.trade_id,
                fill.quantity,
                "FILLED",
            )
            assert [record.facts for record in at.venue.wire.records() if record.kind == "error"] == []

    asyncio.run(scene())


def test_a_spot_client_hears_of_its_orders_over_the_websocket_api():
    async def scene() -> None:
        async with running(Market.SPOT) as at:
            ws = await at.listen(at.venue.endpoint.ws_api)
            pairs = [pair.partition("=") for pair in at.params(apiKey=at.venue.accounts[0].api_key).split("&")]
            params = {name: int(value) if name == "timestamp" else value for name, _, value in pairs}
            await ws.send_json({"id": 1, "method": "userDataStream.subscribe.signature", "params": params})
            answer = await ws.receive_json()
            number = answer["result"]["subscriptionId"]
            placed = await at.buy()
            message = await ws.receive_json()
            assert message["subscriptionId"] == number
            assert (message["event"]["e"], message["event"]["i"]) == ("executionReport", placed["orderId"])
            assert at.venue.accounts[0].api_key not in repr(at.venue.wire.records())
            out = await at.record("out", lambda record: record.facts["stream"] == "executionReport")
            assert out.facts["data"]["i"] == placed["orderId"]

    asyncio.run(scene())


async def logged_on(at: Running) -> Any:
    """Return a connection to the WebSocket API that listens to its account."""
    ws = await at.listen(at.venue.endpoint.ws_api)
    pairs = [pair.partition("=") for pair in at.params(apiKey=at.venue.accounts[0].api_key).split("&")]
    await ws.send_json({"id": 1, "method": "session.logon", "params": {name: value for name, _, value in pairs}})
    assert (await ws.receive_json())["status"] == 200
    await ws.send_json({"id": 2, "method": "userDataStream.subscribe"})
    assert (await ws.receive_json())["status"] == 200
    return ws


def test_an_api_connection_that_logged_on_is_its_accounts():
    async def scene() -> None:
        async with running(Market.SPOT) as at:
            ws = await logged_on(at)
            at.venue.inject({"fault": "close_sockets", "account": "main", "kind": "api", "code": 1011})
            assert (await ws.receive()).data == 1011

    asyncio.run(scene())


@pytest.mark.parametrize("silent", [True, False])
def test_user_streams_of_the_api_expire_with_a_word_or_silently(silent: bool):
    async def scene() -> None:
        async with running(Market.SPOT) as at:
            ws = await logged_on(at)
            at.venue.inject({"fault": "expire_listen_key", "account": "main", "silent": silent})
            await at.buy()
            await ws.send_json({"id": 3, "method": "ping"})
            first = await ws.receive_json()
            assert ("id" in first) is silent
            assert silent or first["event"]["e"] == "eventStreamTerminated"

    asyncio.run(scene())


def test_a_fault_that_waits_for_a_fill_touches_that_fills_own_report():
    async def scene() -> None:
        async with running() as at:
            ws = await user_stream(at)
            placed = await at.buy()
            await until(ws, "ORDER_TRADE_UPDATE")
            injected = at.venue.inject({"fault": "drop_user_stream", "after": {"event": "fill"}})
            at.venue.exchange.fill("main", placed["orderId"], Decimal("0.004"))
            at.venue.gate.heal(injected)
            at.venue.exchange.fill("main", placed["orderId"])
            report = await until(ws, "ORDER_TRADE_UPDATE")
            assert (report["o"]["x"], report["o"]["l"], report["o"]["z"]) == ("TRADE", "0.006", "0.010")

    asyncio.run(scene())


def test_stopping_heals_what_is_injected_and_resets_what_hangs():
    async def scene() -> None:
        async with running() as at:
            at.venue.inject({"fault": "hang_requests", "route": "POST *"})
            asking = asyncio.create_task(at.buy())
            await at.record("fault", lambda record: "fired" in str(record.facts))
            await at.venue.stop()
            with pytest.raises(aiohttp.ClientError):
                await asking
            assert at.venue.gate.injections == ()

    asyncio.run(scene())


def test_api_requests_that_a_fault_holds_do_not_hold_the_next_one():
    class HangTime(Inert):
        def before(self, request: Request) -> RequestEffect | None:
            return Hang() if request.path == "time" else None

    async def scene() -> None:
        async with running(Market.SPOT) as at:
            ws = await at.listen(at.venue.endpoint.ws_api)
            at.venue.gate.inject(HangTime("hang"))
            await ws.send_json({"id": 1, "method": "time"})
            await ws.send_json({"id": 2, "method": "ping"})
            assert (await ws.receive_json())["id"] == 2

    asyncio.run(scene())


@pytest.mark.parametrize("market", list(Market))
def test_a_book_made_of_snapshot_and_differences_is_the_books_own(market: Market):
    events: list[MarketEvent] = [book()]
    for step in range(1, 40):
        price, size = Decimal(60_000 - step % 7), Decimal(step % 4)
        events.append(BookDelta("BTCUSDT", START_MS, ((price, size),), ((Decimal(60_001 + step % 5), size + 1),)))
    tape = Tape(lambda: iter([(START_MS, event) for event in events]), START_MS, 0, ("BTCUSDT",))

    async def scene() -> None:
        async with running(market, tape=tape, is_held=True) as at:
            player = at.venue.player
            assert player is not None
            player.step(5)
            ws = await at.listen(f"{at.venue.endpoint.ws}/ws/btcusdt@depth@100ms")
            player.step(5)
            snapshot = await at.show("/depth?symbol=BTCUSDT&limit=1000")
            player.step(20)
            await at.buy("59990")
            last = (await at.show("/depth?symbol=BTCUSDT&limit=1000"))["lastUpdateId"]
            levels = {side: dict(snapshot[side]) for side in ("bids", "asks")}
            known, linked = snapshot["lastUpdateId"], False
            while known < last:
                update = await ws.receive_json(timeout=10)
                if update["u"] <= snapshot["lastUpdateId"]:
                    continue
                if linked and market is Market.FUTURES:
                    assert update["pu"] == known
                assert update["U"] <= known + 1
                known, linked = update["u"], True
                for side, name in (("bids", "b"), ("asks", "a")):
                    for price, size in update[name]:
                        levels[side][price] = size
                        if not Decimal(size):
                            del levels[side][price]
            final = await at.show("/depth?symbol=BTCUSDT&limit=1000")
            assert {side: dict(final[side]) for side in levels} == levels
            assert any(Decimal(price) == 59_990 for price in levels["bids"])

    asyncio.run(scene())


@pytest.mark.parametrize("way", ["fault", "command"])
def test_a_margin_call_reaches_the_account_with_its_positions(way: str):
    async def scene() -> None:
        async with running() as at:
            ws = await user_stream(at)
            await at.ask("POST", "/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
            who = {"account": "main", "symbol": "BTCUSDT"}
            body = {"fault": "margin_call", **who} if way == "fault" else {"do": "margin_call", **who}
            assert (await at.control("POST", "faults" if way == "fault" else "exchange", body))[0] == 200
            call = await until(ws, "MARGIN_CALL")
            assert [(one["s"], one["ps"], one["pa"]) for one in call["p"]] == [("BTCUSDT", "BOTH", "0.010")]

    asyncio.run(scene())


def test_a_listen_key_that_nobody_keeps_alive_runs_out_by_itself():
    async def scene() -> None:
        async with running(listen_key_minutes=0.01, tick_seconds=0.02) as at:
            ws = await user_stream(at)
            assert (await until(ws, "listenKeyExpired"))["e"] == "listenKeyExpired"
            assert (await at.ask("PUT", "/listenKey"))["code"] == -1125
            await at.buy()
            with pytest.raises(TimeoutError):
                await ws.receive(timeout=0.1)

    asyncio.run(scene())


def test_a_defect_of_a_payload_is_noted_and_the_books_stay_whole(monkeypatch: pytest.MonkeyPatch):
    async def scene() -> None:
        async with running() as at:
            await user_stream(at)
            monkeypatch.setattr(at.venue.hub._feed, "account_messages", lambda _: 1 // 0)
            placed = await at.buy()
            assert placed["status"] == "NEW"
            noted = await at.record("error")
            assert noted.facts["error"] == "ZeroDivisionError"

    asyncio.run(scene())


def test_a_tape_that_breaks_off_is_noted():
    def make() -> Any:
        yield START_MS, book()
        raise ValueError("torn")

    async def scene() -> None:
        tape = Tape(make, START_MS, 0, ("BTCUSDT",))
        async with running(tape=tape, tick_seconds=0.01) as at:
            noted = await at.record("error")
            assert (noted.facts["event"], noted.facts["message"]) == ("tape", "torn")

    asyncio.run(scene())


def test_stopping_leaves_no_task_and_a_second_stop_does_nothing(tmp_path: Path):
    async def scene() -> None:
        before = asyncio.all_tasks()
        async with running(wire_path=tmp_path / "wire.jsonl") as at:
            await user_stream(at)
            await at.listen(f"{at.venue.endpoint.ws}/ws/btcusdt@bookTicker")
            stopping = asyncio.create_task(at.venue.stop())
            await asyncio.gather(*(ws.receive() for ws in at.connected))
            await stopping
            await at.venue.stop()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    asyncio.run(scene())
    assert (tmp_path / "wire.jsonl").read_text().endswith("}\n")
