"""curl alone trades on the venue, and what it saw can be traced in the wire log."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from opslab.venue.orders import Market
from opslab.venue.process import VenueProcess
from opslab.venue.serve import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

CURL = shutil.which("curl")
PREFIX = {Market.FUTURES: "/fapi/v1", Market.SPOT: "/api/v3"}
PLACES = {  # what the markets call differently
    Market.FUTURES: {"account": "/fapi/v2/account", "trades": "/fapi/v1/userTrades", "all": "/fapi/v1/allOpenOrders"},
    Market.SPOT: {"account": "/api/v3/account", "trades": "/api/v3/myTrades", "all": "/api/v3/openOrders"},
}
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}

pytestmark = pytest.mark.skipif(CURL is None, reason="this machine has no curl")


class Curl:
    """curl, on a venue whose tape is held."""

    def __init__(self, venue: VenueProcess, market: Market) -> None:
        self.venue, self.market, self.seen = venue, market, []

    def ask(self, *words: str) -> Any:
        """Return the JSON that curl prints; what it saw is kept for the wire log."""
        ran = subprocess.run(
            [str(CURL), "-s", "--noproxy", "*", "--max-time", "10", *words], capture_output=True, check=True, timeout=20
        )
        answer = json.loads(ran.stdout)
        self.seen.append(answer)
        return answer

    def show(self, path: str, **params: str) -> Any:
        return self.ask(f"{self.venue.endpoint.http}{PREFIX[self.market]}{path}?{urlencode(params)}")

    def signed(self, method: str, path: str, **params: str) -> Any:
        """Ask with a signature; orders go as a form, other questions in the query string."""
        query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
        query += f"&signature={hmac.new(self.venue.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()}"
        url = self.venue.endpoint.http + (path if path.count("/") > 1 else PREFIX[self.market] + path)
        sent = ["-d", query, url] if method == "POST" else [f"{url}?{query}"]
        return self.ask("-X", method, "-H", f"X-MBX-APIKEY: {self.venue.api_key}", *sent)


@pytest.fixture(params=list(Market), ids=str)
def curl(request: pytest.FixtureRequest) -> Iterator[Curl]:
    with VenueProcess(Plan(market=request.param, is_held=True, history=60)) as venue:
        venue.control.post("tape", do="step", count=200)
        yield Curl(venue, request.param)


def test_curl_reads_the_market(curl: Curl):
    assert "BTCUSDT" in {one["symbol"] for one in curl.show("/exchangeInfo")["symbols"]}
    best, book = curl.show("/ticker/bookTicker", symbol="BTCUSDT"), curl.show("/depth", symbol="BTCUSDT", limit="5")
    assert [best["bidPrice"], best["askPrice"]] == [book["bids"][0][0], book["asks"][0][0]]
    assert len(curl.show("/klines", symbol="BTCUSDT", interval="1m", limit="5")) == 5
    assert curl.show("/trades", symbol="BTCUSDT", limit="5")
    assert float(curl.show("/ticker/24hr", symbol="BTCUSDT")["lastPrice"]) > 0


def test_curl_trades_and_every_answer_is_in_the_wire_log(curl: Curl):
    places, symbol = PLACES[curl.market], {"symbol": "BTCUSDT"}
    curl.signed("GET", places["account"])
    bid = float(curl.show("/ticker/bookTicker", **symbol)["bidPrice"])
    made = curl.signed("POST", "/order", **ORDER, price=f"{bid * 0.98:.1f}", newClientOrderId="mine")
    known = {**symbol, "orderId": str(made["orderId"])}
    assert curl.signed("GET", "/order", **known)["status"] == "NEW"
    if curl.market is Market.FUTURES:
        amended = curl.signed("PUT", "/order", **known, side="BUY", quantity="0.02", price=f"{bid * 0.97:.1f}")
        assert float(amended["origQty"]) == 0.02
    assert [one["orderId"] for one in curl.signed("GET", "/openOrders", **symbol)] == [made["orderId"]]
    assert curl.signed("DELETE", "/order", **known)["status"] == "CANCELED"
    assert curl.signed("DELETE", "/order", **known)["code"] == -2011
    curl.signed("POST", "/order", **ORDER, price=f"{bid * 0.98:.1f}")
    curl.signed("DELETE", places["all"], **symbol)
    assert curl.signed("GET", "/openOrders", **symbol) == []
    taken = curl.signed("POST", "/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    mine = [one for one in curl.signed("GET", places["trades"], **symbol) if one["orderId"] == taken["orderId"]]
    assert sum(float(one["qty"]) for one in mine) == pytest.approx(0.01)
    if curl.market is Market.FUTURES:
        held = [one for one in curl.signed("GET", "/fapi/v3/positionRisk") if float(one["positionAmt"])]
        assert [float(one["positionAmt"]) for one in held] == [0.01]
    records = curl.venue.control.get("wire?since=0")["records"]
    assert [one["facts"]["body"] for one in records if one["kind"] == "reply"] == curl.seen
