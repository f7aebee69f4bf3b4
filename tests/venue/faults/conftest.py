"""What the tests of faults share: a clock of their own, a venue that notes what is done to it, and a gate."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from opslab.venue.events import AccountChanged, Execution, OrderChanged
from opslab.venue.faults.gate import FaultGate
from opslab.venue.orders import Fill, NewOrder, Order, OrderStatus, OrderType, PositionSide, Side
from opslab.venue.refusal import Refusal
from opslab.venue.wire import Message, Reply, Request, Socket, WireLog

START_MS = 1_700_000_000_000
MARKET = Socket(1, "market", "/stream")
USER = Socket(2, "user", "/ws", account="main")
OTHER = Socket(3, "user", "/ws", account="other")


class Clock:
    """Timers that the test moves on."""

    def __init__(self):
        self.now, self._timers, self._count = 100.0, [], 0

    def time(self):
        return self.now

    def call_later(self, delay, callback):
        self._count += 1
        timer = Timer(self, self.now + delay, -self._count, callback)  # equal times: the newest first, as a heap may
        heapq.heappush(self._timers, (timer.due, timer.order, timer))
        return timer

    def pass_by(self, seconds):
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            if not timer.is_cancelled:
                timer.callback()
        self.now = end

    @property
    def waiting(self):
        return [timer for *_, timer in self._timers if not timer.is_cancelled]


@dataclass(eq=False)
class Timer:
    clock: Clock
    due: float
    order: int
    callback: Any
    is_cancelled: bool = False

    def cancel(self):
        self.is_cancelled = True


@dataclass
class Exchange:
    """Notes the commands; ``refuses`` those named."""

    given: list = field(default_factory=list)
    refuses: set = field(default_factory=set)

    def status(self, symbol):
        return self._latest("set_status", symbol, "TRADING")

    def is_hedge_mode(self, account):
        return self._latest("set_hedge_mode", account, False)

    def leverage(self, account, symbol):
        return self._latest("set_leverage", account, 20)

    def _latest(self, command, whose, first):
        return next((one[-1] for one in reversed(self.given) if one[:2] == (command, whose)), first)

    def __getattr__(self, name):
        def command(*args):
            if name in self.refuses:
                raise Refusal(-2024, "Position is not sufficient.")
            self.given.append((name, *args))

        return command


class Venue:
    """Levers over a few sockets."""

    def __init__(self, clock):
        self.clock, self.exchange = clock, Exchange()
        self.open = [MARKET, USER, OTHER]
        self.sent, self.closed, self.frozen, self.pinged, self.expired = [], [], [], [], []
        self.offset_ms = 0

    def now_ms(self):
        return START_MS + int((self.clock.now - 100) * 1000) + self.offset_ms

    def send(self, message):
        self.sent.append(message)

    def sockets(self):
        return list(self.open)

    def _wanted(self, wanted):
        return [socket for socket in self.open if wanted(socket)]

    def close_sockets(self, wanted, code, reason=""):
        touched = self._wanted(wanted)
        self.closed += [(socket.number, code) for socket in touched]
        self.open = [socket for socket in self.open if socket not in touched]
        return touched

    def freeze_sockets(self, wanted):
        self.frozen += self._wanted(wanted)
        return self._wanted(wanted)

    def ping_sockets(self, wanted, payload):
        self.pinged += [(socket.number, payload) for socket in self._wanted(wanted)]
        return self._wanted(wanted)

    def expire_listen_key(self, account, *, silent):
        self.expired.append((account, silent))
        return ["main"] if account in (None, "main") else []

    def set_clock_offset(self, offset_ms):
        before, self.offset_ms = self.offset_ms, offset_ms
        return before


class Stand:
    """A gate with its surroundings."""

    def __init__(self, seed=0):
        self.clock = Clock()
        self.venue = Venue(self.clock)
        self.log = WireLog(self.venue.now_ms)
        self.gate = FaultGate(self.log, self.venue, seed=seed, timers=self.clock)

    def journal(self, *phases):
        return [r.facts for r in self.log.records() if not phases or r.facts["phase"] in phases]

    def leaves(self, message):
        return [outgoing.message for outgoing in self.gate.leaving(message)]


@pytest.fixture
def stand():
    return Stand()


def ask(path="/fapi/v1/order", method="POST", number=1, account="main", **params):
    return Request(number, method, path, {"symbol": "BTCUSDT", **params}, account, "127.0.0.1:5000")


OK = Reply(200, {"orderId": 7})


def report(number=1, execution="TRADE", socket=USER, symbol="BTCUSDT"):
    data = {
        "e": "ORDER_TRADE_UPDATE",
        "E": number,
        "T": number,
        "o": {"s": symbol, "x": execution, "i": 7, "t": number},
    }
    return Message(socket, "ORDER_TRADE_UPDATE", data)


def quote(number=1, socket=MARKET, symbol="btcusdt"):
    data = {
        "e": "bookTicker",
        "u": number,
        "s": symbol.upper(),
        "b": "99.90",
        "B": "1.0",
        "a": "100.10",
        "A": "2.0",
        "E": 1_000,
        "T": 1_000,
    }
    return Message(socket, f"{symbol}@bookTicker", data)


def diff(first, last, before):
    return Message(MARKET, "btcusdt@depth@0ms", {"U": first, "u": last, "pu": before, "b": [["1.0", "2"]], "a": []})


def filled(seq=1, account="main", symbol="BTCUSDT", status=OrderStatus.PARTIALLY_FILLED, execution=Execution.TRADE):
    command = NewOrder(symbol, Side.BUY, OrderType.LIMIT, Decimal(1), Decimal(100))
    order = Order(7, account, command, "c", status, Decimal(1), Decimal(100), 0, 0, OrderType.LIMIT)
    fill = None
    if execution in (Execution.TRADE, Execution.CALCULATED):
        fill = Fill(
            1,
            7,
            "c",
            account,
            symbol,
            Side.BUY,
            Decimal(100),
            Decimal(1),
            Decimal(0),
            "USDT",
            Decimal(0),
            True,
            PositionSide.BOTH,
            0,
        )
    return OrderChanged(seq, 0, execution, order, fill)


def funding(account="main"):
    return AccountChanged(1, 0, account, "FUNDING_FEE", (), ())
