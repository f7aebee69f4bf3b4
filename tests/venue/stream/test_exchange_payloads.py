"""What the real exchange says, as payloads that the adapter reads: every ledger event and every public change."""

from __future__ import annotations

from decimal import Decimal

import pytest
from nautilus_trader.adapters.binance.common.schemas.market import (
    BinanceAggregatedTradeData,
    BinanceCandlestickData,
    BinanceOrderBookData,
    BinanceQuoteData,
    BinanceTickerData,
)
from nautilus_trader.adapters.binance.futures.schemas import market as futures_schemas
from nautilus_trader.adapters.binance.futures.schemas import user as futures_user
from nautilus_trader.adapters.binance.spot.schemas import market as spot_schemas
from nautilus_trader.adapters.binance.spot.schemas import user as spot_user
from tests.venue.stream.payload_cases import NOW, d, decoded, listing

from opslab.venue.exchange import Exchange
from opslab.venue.market import BookDelta, BookSnapshot, Kline, MarkPrice, Quote, TapeTrade
from opslab.venue.orders import AccountSetup, Market, NewOrder, OrderType, Side, TimeInForce
from opslab.venue.refusal import Refusal
from opslab.venue.stream import futures_events, futures_market, spot_events, spot_market

USER = {
    "executionReport": spot_user.BinanceSpotOrderUpdateData,
    "outboundAccountPosition": spot_user.BinanceSpotAccountUpdateMsg,
    "balanceUpdate": spot_user.BinanceSpotUserMsgData,
    "ORDER_TRADE_UPDATE": futures_user.BinanceFuturesOrderUpdateMsg,
    "TRADE_LITE": futures_user.BinanceFuturesTradeLiteMsg,
    "ACCOUNT_UPDATE": futures_user.BinanceFuturesAccountUpdateMsg,
    "ALGO_UPDATE": futures_user.BinanceFuturesAlgoUpdateMsg,
    "ACCOUNT_CONFIG_UPDATE": futures_user.BinanceFuturesUserMsgData,
}
SPOT_STREAMS = {
    "btcusdt@trade": spot_schemas.BinanceSpotTradeData,
    "btcusdt@aggTrade": BinanceAggregatedTradeData,
    "btcusdt@bookTicker": BinanceQuoteData,
    "btcusdt@depth@100ms": BinanceOrderBookData,
    "btcusdt@depth5@100ms": spot_schemas.BinanceSpotOrderBookPartialDepthData,
    "btcusdt@kline_1m": BinanceCandlestickData,
    "btcusdt@kline_1h": BinanceCandlestickData,
    "btcusdt@ticker": BinanceTickerData,
}
FUTURES_STREAMS = SPOT_STREAMS | {
    "btcusdt@trade": futures_schemas.BinanceFuturesTradeData,
    "btcusdt@depth5@100ms": BinanceOrderBookData,
    "btcusdt@markPrice@1s": futures_schemas.BinanceFuturesMarkPriceData,
}


class Heard:
    """An exchange whose every word is turned into payloads and read back at once, while it speaks."""

    def __init__(self, market: Market) -> None:
        is_spot = market is Market.SPOT
        self.now = NOW
        balances = {"USDT": d("100000"), "BTC": d("2")} if is_spot else {"USDT": d("1000")}
        accounts = [AccountSetup(name, name * 9, "s", dict(balances)) for name in ("main", "other")]
        self.exchange = Exchange(market, [listing(spot=is_spot)], accounts, lambda: self.now)
        self.user: list[dict] = []
        self.streams: dict[str, list[dict]] = {name: [] for name in (SPOT_STREAMS if is_spot else FUTURES_STREAMS)}
        events = spot_events if is_spot else futures_events
        market_payload = spot_market.stream_payload if is_spot else futures_market.stream_payload
        kinds = SPOT_STREAMS if is_spot else FUTURES_STREAMS

        def ledger(event) -> None:
            for payload in events.payloads(event, self.exchange):
                decoded(payload, USER[payload["e"]])
                self.user.append(payload)

        def public(published) -> None:
            for name, kind in kinds.items():
                payload = market_payload(name, published, self.exchange, self.now)
                if payload is not None:
                    decoded(payload, kind)
                    self.streams[name].append(payload)

        self.exchange.on_ledger(ledger)
        self.exchange.on_market(public)
        self.play()

    def play(self) -> None:
        bids = tuple((d("59999.90") - n, d("1")) for n in range(8))
        asks = tuple((d("60000.10") + n, d("1")) for n in range(8))
        apply = self.exchange.apply
        apply(BookSnapshot("BTCUSDT", self.now, bids, asks))
        apply(TapeTrade("BTCUSDT", self.now, d("60000"), d("0.1"), buyer_is_maker=False))
        apply(BookDelta("BTCUSDT", self.now, ((d("59999.90"), d("0")),), ((d("60000.10"), d("3")),)))
        apply(Quote("BTCUSDT", self.now, d("59999.50"), d("2"), d("60000.10"), d("3")))
        opened = self.now - self.now % 60_000
        for closed in (False, True):
            apply(
                Kline(
                    "BTCUSDT",
                    opened,
                    opened + 59_999,
                    "1m",
                    *map(Decimal, (60000, 60001, 59999, 60000, 3, 180000)),
                    4,
                    closed,
                )
            )
        if self.exchange.market is Market.FUTURES:
            apply(MarkPrice("BTCUSDT", self.now, d("60000"), d("60000"), d("0.0001"), self.now + 1000))

    def place(self, side: Side, kind: OrderType, quantity: str = "0.010", account: str = "main", **more):
        if kind is OrderType.LIMIT:
            more.setdefault("time_in_force", TimeInForce.GTC)
        command = NewOrder("BTCUSDT", side, kind, d(quantity), **more)
        conditional = kind not in (OrderType.LIMIT, OrderType.MARKET) and self.exchange.market is Market.FUTURES
        return (self.exchange.submit_algo if conditional else self.exchange.submit)(account, command)

    def facts(self, kind: str) -> list[dict]:
        return [
            payload.get("o", payload) if kind != "executionReport" else payload
            for payload in self.user
            if payload["e"] == kind
        ]


def test_every_public_change_of_spot_reads_well():
    heard = Heard(Market.SPOT)

    assert {name for name, sent in heard.streams.items() if not sent} == set()


def test_every_public_change_of_futures_reads_well():
    heard = Heard(Market.FUTURES)

    assert {name for name, sent in heard.streams.items() if not sent} == set()


@pytest.mark.parametrize("market", list(Market))
def test_depth_on_the_stream_leads_from_one_book_to_the_next(market):
    """A client that applies what the stream says to an early snapshot has the book that a later snapshot shows."""
    heard = Heard(market)
    before = heard.exchange.depth("BTCUSDT", 1000)
    heard.streams["btcusdt@depth@100ms"].clear()
    heard.place(Side.BUY, OrderType.LIMIT, price=d("59999.60"))
    heard.place(Side.BUY, OrderType.MARKET, "0.020")
    heard.exchange.apply(Quote("BTCUSDT", heard.now, d("59998.00"), d("5"), d("60000.20"), d("1")))

    sides = {"b": dict(before.bids), "a": dict(before.asks)}
    last = before.last_update_id
    for payload in heard.streams["btcusdt@depth@100ms"]:
        assert payload["U"] == last + 1
        assert payload.get("pu", last) == last
        last = payload["u"]
        for name, levels in sides.items():
            for price, size in payload[name]:
                levels.pop(Decimal(price), None)
                if Decimal(size):
                    levels[Decimal(price)] = Decimal(size)
    after = heard.exchange.depth("BTCUSDT", 1000)
    assert (sides["b"], sides["a"], last) == (dict(after.bids), dict(after.asks), after.last_update_id)


def test_every_change_of_a_spot_ledger_reads_well():
    heard = Heard(Market.SPOT)
    resting = heard.place(Side.BUY, OrderType.LIMIT, price=d("59999.60"))
    heard.place(Side.SELL, OrderType.MARKET, "0.004", account="other")
    heard.exchange.cancel("main", "BTCUSDT", order_id=resting.order_id)
    heard.place(Side.BUY, OrderType.LIMIT, price=d("59000"), time_in_force=TimeInForce.IOC)
    heard.place(
        Side.BUY, OrderType.STOP_LOSS_LIMIT, stop_price=d("60100"), price=d("60200"), time_in_force=TimeInForce.GTC
    )
    heard.exchange.apply(TapeTrade("BTCUSDT", heard.now, d("60150"), d("0.1"), buyer_is_maker=False))
    heard.exchange.credit("main", "USDT", d("5"))

    reports = heard.facts("executionReport")
    assert {report["x"] for report in reports} >= {"NEW", "TRADE", "CANCELED", "EXPIRED"}
    assert {payload["e"] for payload in heard.user} == {"executionReport", "outboundAccountPosition", "balanceUpdate"}


def test_what_a_spot_account_was_told_last_is_what_it_has():
    heard = Heard(Market.SPOT)
    heard.place(Side.BUY, OrderType.LIMIT, price=d("59000"))
    heard.place(Side.BUY, OrderType.MARKET)

    told = {}
    for payload in heard.facts("outboundAccountPosition"):
        told |= {each["a"]: (Decimal(each["f"]), Decimal(each["l"])) for each in payload["B"]}

    view = heard.exchange.account("main")
    assert told == {each.asset: (each.free, each.locked) for each in view.assets if each.asset in told}
    assert set(told) == {"USDT", "BTC"}


def test_every_change_of_a_futures_ledger_reads_well():
    heard = Heard(Market.FUTURES)
    heard.exchange.set_leverage("main", "BTCUSDT", 10)
    heard.exchange.set_margin_type("main", "BTCUSDT", "ISOLATED")
    resting = heard.place(Side.BUY, OrderType.LIMIT, price=d("59000"))
    heard.exchange.amend(
        "main",
        "BTCUSDT",
        order_id=resting.order_id,
        client_order_id=None,
        side=Side.BUY,
        quantity=d("0.012"),
        price=d("59001"),
    )
    heard.exchange.cancel("main", "BTCUSDT", order_id=resting.order_id)
    heard.place(Side.BUY, OrderType.MARKET, "0.100")
    heard.place(Side.SELL, OrderType.STOP_MARKET, stop_price=d("59500"), reduce_only=True)
    waiting = heard.place(
        Side.SELL,
        OrderType.TAKE_PROFIT,
        "0.020",
        stop_price=d("61000"),
        price=d("61000"),
        time_in_force=TimeInForce.GTC,
    )
    heard.exchange.cancel_algo("main", algo_id=waiting.algo_id)
    heard.exchange.apply(TapeTrade("BTCUSDT", heard.now, d("59400"), d("0.1"), buyer_is_maker=True))
    heard.exchange.fund("BTCUSDT", d("0.0001"))
    heard.exchange.adl("main", "BTCUSDT", d("0.010"))
    heard.exchange.liquidate("main", "BTCUSDT")

    executions = {facts["x"] for facts in heard.facts("ORDER_TRADE_UPDATE")}
    assert executions >= {"NEW", "TRADE", "CANCELED", "AMENDMENT", "CALCULATED"}
    assert {facts["X"] for facts in heard.facts("ALGO_UPDATE")} >= {"NEW", "CANCELED", "TRIGGERED", "FINISHED"}
    assert {payload["a"]["m"] for payload in heard.user if "a" in payload} >= {
        "ORDER",
        "FUNDING_FEE",
        "MARGIN_TYPE_CHANGE",
    }
    assert any(facts["o"] == "LIQUIDATION" for facts in heard.facts("ORDER_TRADE_UPDATE"))


def test_what_a_futures_account_was_told_last_is_what_it_has():
    heard = Heard(Market.FUTURES)
    heard.place(Side.BUY, OrderType.MARKET, "0.010")
    heard.place(Side.SELL, OrderType.MARKET, "0.004")

    update = [payload for payload in heard.user if payload["e"] == "ACCOUNT_UPDATE"][-1]["a"]

    (held,) = heard.exchange.positions("main")
    assert (Decimal(update["P"][0]["pa"]), Decimal(update["P"][0]["ep"])) == (held.amount, held.entry_price)
    assert abs(Decimal(update["B"][0]["wb"]) - heard.exchange.account("main").asset("USDT").wallet) < Decimal("1e-8")


@pytest.mark.parametrize("market", list(Market))
def test_a_refused_order_is_not_told(market):
    heard = Heard(market)

    with pytest.raises(Refusal):
        heard.place(Side.BUY, OrderType.LIMIT, "1000", price=d("59000"))

    assert [payload for payload in heard.user if payload["e"] in ("executionReport", "ORDER_TRADE_UPDATE")] == []
