from __future__ import annotations

import asyncio
import io
from typing import Any

import aiohttp
import pytest
from tests.venue.running import running

from opslab.errors import VenueError
from opslab.venue.commands import read_command
from opslab.venue.orders import Market


def test_the_books_are_shown_with_their_digest():
    async def scene() -> None:
        async with running() as at:
            placed = await at.buy()
            status, ledger = await at.control("GET", "ledger")
            assert status == 200
            assert placed["clientOrderId"] in str(ledger)
            assert (await at.control("GET", "digest"))[1] == {"digest": at.venue.exchange.digest()}
            assert at.venue.accounts[0].api_secret not in str(ledger)

    asyncio.run(scene())


def test_the_endpoint_is_shown_without_the_token():
    async def scene() -> None:
        async with running() as at:
            status, facts = await at.control("GET", "endpoint")
            assert (status, facts) == (200, at.venue.endpoint.facts())
            assert at.venue.endpoint.token not in str(facts)
            assert at.venue.endpoint.token not in repr(at.venue.endpoint)

    asyncio.run(scene())


@pytest.mark.parametrize("token", ["", "wrong", "\u00e4"])
@pytest.mark.parametrize(("method", "name"), [("GET", "ledger"), ("POST", "exchange"), ("GET", "nothing")])
def test_without_the_token_nothing_is_shown_or_changed(token: str, method: str, name: str):
    async def scene() -> None:
        async with running() as at:
            before = at.venue.exchange.digest()
            body = {"do": "credit", "account": "main", "asset": "USDT", "amount": "5"} if method == "POST" else None
            assert (await at.control(method, name, body, token))[0] == 401
            assert at.venue.exchange.digest() == before

    asyncio.run(scene())


def test_the_wire_log_is_shown_from_a_record_on():
    async def scene() -> None:
        async with running() as at:
            await at.show("/ping")
            last = at.venue.wire.records()[-1].seq
            await at.show("/time")
            _, shown = await at.control("GET", f"wire?since={last}")
            assert [record["kind"] for record in shown["records"]] == ["request", "reply"]
            assert shown["records"][0]["facts"]["path"] == "/fapi/v1/time"

    asyncio.run(scene())


@pytest.mark.parametrize("since", ["-1", "x", "1" * 30, "\u0663"])
def test_a_record_number_that_is_none_is_refused(since: str):
    async def scene() -> None:
        async with running() as at:
            status, answer = await at.control("GET", f"wire?since={since}")
            assert (status, "since" in answer["error"]) == (400, True)

    asyncio.run(scene())


def test_the_exchange_is_commanded():
    async def scene() -> None:
        async with running() as at:
            placed = await at.buy()
            for body in (
                {"do": "fill", "account": "main", "order_id": placed["orderId"], "quantity": "0.004"},
                {"do": "fund", "symbol": "BTCUSDT", "rate": "0.0001"},
                {"do": "credit", "account": "main", "asset": "USDT", "amount": "-5"},
                {"do": "adl", "account": "main", "symbol": "BTCUSDT", "quantity": "0.001"},
                {"do": "liquidate", "account": "main", "symbol": "BTCUSDT"},
                {"do": "set_status", "symbol": "BTCUSDT", "status": "BREAK"},
            ):
                status, answer = await at.control("POST", "exchange", body)
                assert (status, set(answer)) == (200, {"digest"}), (body, answer)
            assert at.venue.exchange.positions("main") == []
            assert (await at.buy())["code"] < 0

    asyncio.run(scene())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        io.BytesIO(b"x" * (2 << 20)),
        {},
        {"do": "explode"},
        {"do": "fill"},
        {"do": "fill", "account": "main", "order_id": "one"},
        {"do": "fill", "account": "main", "order_id": 99},
        {"do": "fill", "account": "nobody", "order_id": 1},
        {"do": "credit", "account": "nobody", "asset": "USDT", "amount": "5"},
        {"do": "credit", "account": "main", "asset": "USDT", "amount": "NaN"},
        {"do": "credit", "account": "main", "asset": "USDT", "amount": "1e999999999"},
        {"do": "fund", "symbol": "NOPE", "rate": "0"},
        {"do": "fund", "symbol": "BTCUSDT", "rate": "Infinity"},
        {"do": "liquidate", "account": "main", "symbol": "BTCUSDT", "colour": "red"},
        {"do": "set_status", "symbol": "BTCUSDT", "status": "SLEEPING"},
    ],
)
def test_a_command_that_is_none_is_refused_in_one_line_and_changes_nothing(body: Any):
    async def scene() -> None:
        async with running() as at:
            before = at.venue.exchange.digest()
            status, answer = await at.control("POST", "exchange", body)
            assert (status, "\n" in answer["error"]) == (400, False), answer
            assert at.venue.exchange.digest() == before

    asyncio.run(scene())


def test_the_tape_is_held_stepped_and_resumed():
    async def scene() -> None:
        async with running(is_held=True) as at:
            assert (await at.control("POST", "tape", {"do": "hold"}))[1]["position"] == 0
            assert (await at.control("POST", "tape", {"do": "step", "count": 1}))[1]["is_done"] is True
            assert (await at.control("POST", "tape", {"do": "resume"}))[0] == 200
            for body in (
                {"do": "rewind"},
                {"do": "step", "count": 0},
                {"do": "step", "count": True},
                {"do": "step", "many": 1},
            ):
                assert (await at.control("POST", "tape", body))[0] == 400
        async with running(tape=None) as at:
            assert "no tape" in (await at.control("POST", "tape", {"do": "hold"}))[1]["error"]

    asyncio.run(scene())


def test_the_clock_is_moved_and_signed_requests_are_refused_as_too_old():
    async def scene() -> None:
        async with running() as at:
            status, answer = await at.control("POST", "clock", {"offset_ms": 10_000})
            assert (status, answer["offset_ms"]) == (200, 10_000)
            assert (await at.buy())["code"] == -1021
            await at.control("POST", "clock", {"offset_ms": 0})
            assert (await at.buy())["status"] == "NEW"
            for offset in ("1", 1.5, True, None, 10**18):
                assert (await at.control("POST", "clock", {"offset_ms": offset}))[0] == 400

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("method", "name", "status"),
    [("POST", "ledger", 405), ("GET", "heal", 405), ("DELETE", "wire", 405), ("GET", "x/y", 404), ("GET", "", 404)],
)
def test_what_is_not_there_and_wrong_methods(method: str, name: str, status: int):
    async def scene() -> None:
        async with running() as at:
            assert (await at.control(method, name))[0] == status

    asyncio.run(scene())


def test_a_fault_is_injected_shown_and_healed():
    async def scene() -> None:
        async with running() as at:
            _, shown = await at.control("GET", "faults")
            assert (len(shown["catalogue"]) > 10, shown["injected"]) == (True, [])
            status, injected = await at.control("POST", "faults", {"fault": "overload", "route": "POST /fapi/v1/order"})
            assert status == 200, injected
            assert (await at.buy())["code"] < 0
            _, shown = await at.control("GET", "faults")
            assert [(one["id"], one["fired"]) for one in shown["injected"]] == [(injected["id"], 1)]
            status, healed = await at.control("POST", "heal", {"id": injected["id"]})
            assert (status, len(healed["healed"])) == (200, 1)
            assert (await at.buy())["status"] == "NEW"
            assert (await at.control("POST", "heal", {"id": injected["id"]}))[0] == 400
            assert (await at.control("POST", "heal", {}))[0] == 200

    asyncio.run(scene())


@pytest.mark.parametrize(
    "body", [{}, {"fault": "nothing-like-that"}, {"fault": 7}, {"fault": "overload", "colour": "red"}]
)
def test_a_fault_that_is_none_is_refused(body: Any):
    async def scene() -> None:
        async with running() as at:
            status, answer = await at.control("POST", "faults", body)
            assert (status, "error" in answer) == (400, True)
            assert at.venue.gate.injections == ()

    asyncio.run(scene())


def test_a_request_that_hangs_is_reset_when_the_fault_is_healed():
    async def scene() -> None:
        async with running(Market.SPOT) as at:
            _, injected = await at.control("POST", "faults", {"fault": "hang_requests", "route": "POST *"})
            asking = asyncio.create_task(at.buy())  # no GET: clients ask those again by themselves
            await at.record("fault", lambda record: "fired" in str(record.facts))
            await at.control("POST", "heal", {"id": injected["id"]})
            with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
                await asking

    asyncio.run(scene())


@pytest.mark.parametrize("rate", ["1.1", "-1.0000001", "1000000000000", "NaN"])
def test_a_funding_rate_is_at_most_the_whole_notional(rate: str):
    with pytest.raises(VenueError, match="rate: "):
        read_command({"do": "fund", "symbol": "BTCUSDT", "rate": rate})
