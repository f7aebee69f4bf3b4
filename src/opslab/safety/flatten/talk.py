"""Asks the venue one thing at a time, and tells what an answer means: yes, no, or nobody knows.

Source: developers.binance.com, "Error Code" of both markets, "General Info" (HTTP return codes, "LIMITS", "Timing
security"): 429 and 418 with ``Retry-After``, 5xx leaves the status of execution unknown, -1021 is a matter of clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opslab.errors import OpsLabError, one_line
from opslab.safety.calm import BANNED, ORDERS_CODE, Calm, named_seconds
from opslab.safety.flatten.reading import NonsenseError, mapping, parsed, server_ms
from opslab.safety.flatten.turns import Answer, Failed, Pause, Request, Told, Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab.safety.flatten.account import Account

QUERY_WINDOW_MS = 5_000
CLOSE_WINDOW_MS = 1_000
"""An order that is older is refused by the venue, so that none wanders in late."""

TOO_MANY_REQUESTS, TOO_MANY_ORDERS, WRONG_TIME = -1003, ORDERS_CODE, -1021
_OK, _TOO_MANY, _SERVER_ERRORS, _CLIENT_ERRORS = 200, 429, 500, 400
_KEY_CODES = frozenset({-2014, -2015, -2008, -1022, -1002})
_UNKNOWN_CODES = frozenset({-1000, -1001, -1006, -1007})
_OVERLOADED = -1008
_MOST_DIGITS = 10
_MOST_RESYNCS = 2
_USED_WEIGHT, _WEIGHT_A_MINUTE = "x-mbx-used-weight-1m", {"futures": 2400, "spot": 6000}
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Yes:
    """The venue did it; its answer is well-formed JSON."""

    value: Any


@dataclass(frozen=True, slots=True)
class No:
    """The venue refused, and did nothing.

    Attributes:
        code: Binance's error code.
        text: code and message, in a line.
        retry_seconds: when the venue said how long to stay away.
    """

    code: int
    text: str
    retry_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Nobody:
    """Nobody knows whether the venue did it.

    Attributes:
        reason: what came instead of an answer, in a line.
        is_sent: whether the venue may have had the request.
    """

    reason: str
    is_sent: bool = True


type Reply = Yes | No | Nobody


@dataclass(frozen=True, slots=True)
class Ticking:
    """The clocks of a course.

    Attributes:
        monotonic: seconds that only grow.
        wall_ms: the machine's Unix time in milliseconds.
    """

    monotonic: Callable[[], float]
    wall_ms: Callable[[], int]


class KeysRefusedError(OpsLabError):
    """The venue does not know the keys, or they may not do this."""


class Talk:
    """The conversation of one flatten.

    Args:
        account: whose it is.
        seconds: the longest that it may take.
        clocks: what time it is.
        request_seconds: the longest to wait for one answer.
        calm: until when nothing may be sent, by what the venue said before; it is told what the venue says now, and who
            has it waits: nothing more is asked then. None: it is waited for here, if it is over in time.

    Attributes:
        shut_out: why no request can leave any more within the time; None: they can.
        is_tight: whether more than half of the minute's request weight is used, by the venue's last word.
    """

    def __init__(
        self,
        account: Account,
        seconds: float,
        clocks: Ticking,
        request_seconds: float,
        calm: Calm | None = None,
    ) -> None:
        self.account = account
        self._calm, self._is_patient = calm if calm is not None else Calm(), calm is None
        self.shut_out: str | None = None
        self.is_tight = False
        self._clocks, self._request_seconds = clocks, request_seconds
        self._began = clocks.monotonic()
        self._ends = self._began + seconds
        self._offset_ms = 0
        self._is_proven = False

    @property
    def prefix(self) -> str:
        """The path that all trading endpoints of the market begin with."""
        return "/fapi/v1" if self.account.market == "futures" else "/api/v3"

    @property
    def left(self) -> float:
        """Seconds until the time is up."""
        return self._ends - self._clocks.monotonic()

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the beginning."""
        return (self._clocks.monotonic() - self._began) * 1000

    @property
    def may_order(self) -> bool:
        """Whether the venue takes new orders of this account, as far as it said."""
        return self._clocks.monotonic() >= self._calm.orders_until

    def venue_ms(self) -> int:
        """Return the venue's time, as far as it is known."""
        return self._clocks.wall_ms() + self._offset_ms

    def ask(
        self, method: str, path: str, params: Mapping[str, str] = _NOTHING, *, is_signed: bool = True
    ) -> Turns[Reply]:
        """Ask, wait when the venue demands it, and put the clock right if it must be.

        Raises:
            KeysRefusedError: the venue refuses the keys, and never took them before.
        """
        for resyncs in range(_MOST_RESYNCS + 1):
            reply = yield from self.ask_once(method, path, params, is_signed=is_signed)
            while isinstance(reply, No) and reply.code == TOO_MANY_REQUESTS and self.shut_out is None:
                reply = yield from self.ask_once(method, path, params, is_signed=is_signed)
            if not (isinstance(reply, No) and reply.code == WRONG_TIME) or resyncs == _MOST_RESYNCS:
                break
            yield from self.resync()
        return reply

    def ask_once(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] = _NOTHING,
        *,
        is_signed: bool = True,
        dead_ms: int | None = None,
    ) -> Turns[Reply]:
        """Ask a single time, after any wait that the venue demanded before; raises as ``ask``.

        Args:
            method: in capitals.
            path: of the endpoint.
            params: of the request.
            is_signed: whether the key goes along.
            dead_ms: the venue shall not take the request after this moment of its time; then it is not sent too late.
        """
        yield from self._be_calm()
        seconds, stamp = min(self._request_seconds, self.left), self.venue_ms()
        if self.shut_out is not None or seconds <= 0:
            return Nobody(self.shut_out or "the time is up", is_sent=False)
        window = QUERY_WINDOW_MS if dead_ms is None else CLOSE_WINDOW_MS
        if dead_ms is not None and stamp + window > dead_ms:
            return Nobody("it is too late for this request", is_sent=False)
        if is_signed:
            params = {**params, "recvWindow": str(window), "timestamp": str(stamp)}
        told = yield Request(method, path, tuple(params.items()), is_signed, seconds)
        reply = self._understood(told)
        if is_signed:
            self._judge_keys(reply)
        return reply

    def resync(self) -> Turns[int | None]:
        """Ask the venue for its time, keep to it, and return it; None when it does not tell."""
        reply = yield from self.ask_once("GET", f"{self.prefix}/time", is_signed=False)
        if not isinstance(reply, Yes):
            return None
        try:
            now = server_ms(reply.value)
        except NonsenseError:
            return None
        self._offset_ms = now - self._clocks.wall_ms()
        return now

    def _be_calm(self) -> Turns[None]:
        now = self._clocks.monotonic()
        wait = self._calm.left(now)
        if wait <= 0 or self.shut_out is not None:
            return
        if wait >= self.left or not self._is_patient:
            self.shut_out = self._calm.told(now, self._clocks.wall_ms())
            return
        yield Pause(wait)

    def _understood(self, told: Told) -> Reply:
        if not isinstance(told, Answer):
            failed = told if isinstance(told, Failed) else Failed("no answer")
            return Nobody(one_line(failed.reason, 120), is_sent=failed.is_sent)
        self._weigh(told)
        code, message = refusal(told.body)
        if told.status in (_TOO_MANY, BANNED) or (code == TOO_MANY_REQUESTS and told.status != _OK):
            return self._throttled(told, code, message)
        self._calm.relent()
        if told.status == _OK:
            try:
                return Yes(parsed(told.body))
            except NonsenseError as error:
                return Nobody(f"HTTP 200 with {error}")
        if code is None or told.status < _CLIENT_ERRORS:
            return Nobody(f"HTTP {told.status} without an error code")
        if code in _UNKNOWN_CODES or (told.status >= _SERVER_ERRORS and code != _OVERLOADED):
            return Nobody(f"HTTP {told.status}: {code} {message}")
        return No(code, f"{code} {message}")

    def _weigh(self, answer: Answer) -> None:
        used = answer.headers.get(_USED_WEIGHT, "")
        if used.isascii() and used.isdigit() and len(used) < _MOST_DIGITS:
            self.is_tight = int(used) * 2 > _WEIGHT_A_MINUTE[self.account.market]

    def _throttled(self, answer: Answer, code: int | None, message: str) -> No:
        named = named_seconds(answer.headers.get("retry-after", ""), message, self.venue_ms())
        seconds = self._calm.hear(self._clocks.monotonic(), answer.status, code, named)
        what = f"HTTP {answer.status}{f' {code}' if code is not None else ''}"
        return No(code if code == TOO_MANY_ORDERS else TOO_MANY_REQUESTS, f"{what} {message}", seconds)

    def _judge_keys(self, reply: Reply) -> None:
        if isinstance(reply, Yes):
            self._is_proven = True
        elif isinstance(reply, No) and reply.code in _KEY_CODES and not self._is_proven:
            raise KeysRefusedError(
                f"the venue refuses the keys: {reply.text}",
                where=self.account.http,
                fix="give those of the run's account; nothing was cancelled or closed",
            )


def refusal(content: bytes) -> tuple[int | None, str]:
    """Return code and message of an error's body; no code where there is none."""
    try:
        body = mapping(parsed(content))
    except NonsenseError:
        return None, ""
    code = body.get("code")
    is_code = isinstance(code, int) and not isinstance(code, bool) and code < 0
    return (code if is_code else None), one_line(body.get("msg", ""), 160)
