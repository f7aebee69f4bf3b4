"""Which streams the hub asks about a change, and that faults are asked about each message."""

from __future__ import annotations

import asyncio

import pytest
from tests.venue.running import running
from tests.venue.small import START_MS, book
from tests.venue.stream import payload_cases as cases
from tests.venue.stream.payload_cases import NOW, d

from opslab.venue.market import BookSnapshot, Quote
from opslab.venue.orders import Market
from opslab.venue.stream import futures_market, spot_market
from opslab.venue.stream.hub import MOVED
from opslab.venue.stream.names import stream_name
from opslab.venue.tape.tape import Tape

NAMES = [
    "trade",
    "aggTrade",
    "bookTicker",
    "depth",
    "depth5",
    "kline_1m",
    "ticker",
    "miniTicker",
    "avgPrice",
    "markPrice",
]
QUOTE = Quote("BTCUSDT", NOW, d("60000"), d("1"), d("60001"), d("2"))
EVENTS = [QUOTE, cases.trade(), cases.delta(), cases.candle(0), cases.mark()]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("market", [spot_market, futures_market], ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_stream_that_a_change_moves_is_asked(market, name, event):
    shown = cases.showing(spot=market is spot_market)
    payload = market.stream_payload(f"btcusdt@{name}", cases.published(event), shown, NOW)

    assert payload is None or stream_name(f"btcusdt@{name}").kind in MOVED[type(event)]


def test_each_kind_of_stream_is_moved_by_one_kind_of_change():
    kinds = [kind for moved in MOVED.values() for kind in moved]

    assert sorted(kinds) == sorted(spot_market.KINDS | futures_market.KINDS)


@pytest.mark.parametrize("market", list(Market))
def test_a_market_stream_is_muted_on_a_whole_venue_until_it_is_healed(market):
    def moved(step: int) -> BookSnapshot:
        still = book()
        bids = ((still.bids[0][0], still.bids[0][1] + step), *still.bids[1:])
        return BookSnapshot("BTCUSDT", START_MS, bids, still.asks)

    tape = Tape(lambda: iter([(START_MS, moved(step)) for step in range(4)]), START_MS, 0, ("BTCUSDT",))

    async def scene():
        async with running(market, tape=tape, is_held=True) as at:
            at.venue.player.step()
            ws = await at.listen(f"{at.venue.endpoint.ws}/ws/btcusdt@bookTicker")
            heard = []
            at.venue.player.step()
            heard.append((await ws.receive_json(timeout=10))["B"])
            mute = at.venue.inject({"fault": "mute_stream", "stream": "*@bookTicker"})
            at.venue.player.step()
            at.venue.gate.heal(mute)
            at.venue.player.step()
            heard.append((await ws.receive_json(timeout=10))["B"])
            return heard

    first, second = asyncio.run(scene())
    assert (float(first), float(second)) == (2.0, 4.0)
