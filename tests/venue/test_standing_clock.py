"""A served venue whose clock stands still: the same tape and commands give the same books, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.venue.client import ask

from opslab.errors import VenueError
from opslab.venue.clock import StandingClock, VenueClock
from opslab.venue.http.signature import sign
from opslab.venue.orders import Market
from opslab.venue.process import VenueProcess
from opslab.venue.serve import Plan, read_plan

START_MS = 1_700_000_000_000


class Client:
    """Signs with the venue's own time, as it stands."""

    def __init__(self, venue: VenueProcess) -> None:
        self.venue, self.url = venue, venue.endpoint.http

    def time(self) -> int:
        return int(ask(self.url, "GET", "/fapi/v1/time")[1]["serverTime"])

    def send(self, method: str, path: str, **params: Any) -> tuple[int, Any]:
        query = "&".join(f"{name}={value}" for name, value in {**params, "timestamp": self.time()}.items())
        signed = f"{path}?{query}&signature={sign(self.venue.api_secret, query.encode())}"
        return ask(self.url, method, signed, {"X-MBX-APIKEY": self.venue.api_key})


def played(**settings: Any) -> tuple[str, list[Any], list[Any]]:
    """Trade by hand on a venue of its own; returns the ledger's digest, what a client saw, and its times."""
    plan = Plan(market=Market.FUTURES, is_held=True, history=50, seed=7, clock_start=START_MS, **settings)
    with VenueProcess(plan) as venue:
        client, control = Client(venue), venue.control
        order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010"}
        seen = [client.time()]
        control.post("tape", do="step", count=400)
        seen += [client.send("POST", "/fapi/v1/order", **order, type="MARKET")[1]["status"]]
        control.post("clock", offset_ms=60_000)
        control.post("tape", do="step", count=400)
        price = ask(client.url, "GET", "/fapi/v1/ticker/bookTicker?symbol=BTCUSDT")[1]["bidPrice"]
        limit = {**order, "type": "LIMIT", "price": price, "timeInForce": "GTC"}
        seen += [client.send("POST", "/fapi/v1/order", **limit)[1]]
        seen += [client.send("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime="500")[1]]
        control.post("clock", offset_ms=61_000)
        control.post("tape", do="step", count=400)
        seen += [client.send("GET", "/fapi/v1/allOrders", symbol="BTCUSDT")[1]]
        seen += [ask(client.url, "GET", "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=3")[1]]
        return control.get("digest")["digest"], seen, [client.time()]


def test_two_runs_with_the_same_commands_are_the_same_to_the_last_byte():
    first, second = played(), played()
    assert first == second
    digest, seen, times = first
    assert (seen[0], times) == (START_MS, [START_MS + 61_000])
    assert [order["status"] for order in seen[4]] == ["FILLED", "CANCELED"]
    assert seen[4][1]["updateTime"] == START_MS + 61_000
    assert len(digest) == 64


@pytest.mark.parametrize(
    "text", [START_MS, f"0{START_MS}", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20.000Z"]
)
def test_a_start_is_a_time_with_a_zone_or_milliseconds(text: Any):
    plan = read_plan(json.dumps({"market": "spot", "clock_start": text}))
    assert plan.clock is not None
    assert VenueClock(plan.clock).now_ms() == START_MS
    assert read_plan(plan.model_dump_json()) == plan


@pytest.mark.parametrize(
    "text", ["", "now", "2023-11-14", "2023-11-14T22:13:20", "-5", -1, 5, 10**20, "9" * 50, 1.5, True, [], "1e12"]
)
def test_a_start_that_is_no_time_is_told_in_one_line(text: Any):
    with pytest.raises(VenueError, match="clock_start") as told:
        read_plan(json.dumps({"market": "spot", "clock_start": text}))
    assert len(str(told.value).splitlines()) == 1


def test_a_standing_clock_moves_by_its_offset_only():
    clock = VenueClock(StandingClock(START_MS), -5)
    assert [clock.now_ms() for _ in range(3)] == [START_MS - 5] * 3
    clock.offset_ms = 123
    assert clock.now_ms() == START_MS + 123
    assert clock.monotonic() <= clock.monotonic()
