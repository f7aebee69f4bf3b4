"""The course of a flatten: look, decide, act, look again, until the venue's answers prove that nothing is left.

It does no input or output of its own: ``course`` yields requests and pauses and is sent what came of them (``turns``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from opslab.errors import OpsLabError
from opslab.safety.flatten import decide
from opslab.safety.flatten.closing import Closer
from opslab.safety.flatten.log import IntentLog, Remembered
from opslab.safety.flatten.looking import Look, Looker
from opslab.safety.flatten.talk import No, Nobody, Talk, Ticking
from opslab.safety.flatten.turns import Pause

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from opslab.safety.calm import Calm
    from opslab.safety.flatten.account import Account
    from opslab.safety.flatten.decide import Cancel, Close
    from opslab.safety.flatten.remains import Remains
    from opslab.safety.flatten.turns import Turns

REQUEST_SECONDS = 3.0
"""The longest to wait for one answer."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 3.0
_LAST_LOOK = 0.5
"""So many seconds before the end nothing is begun any more, but a last look."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,24}", re.ASCII)
_GONE = (-2011, -2013)
_TOO_SMALL, _PRECISION, _LOT, _NOTIONAL = -1013, -1111, "LOT_SIZE", "NOTIONAL"

type StepKind = Literal["looked", "cancelling", "closing", "refused", "unknown", "waiting", "unrecorded"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a flatten did or learnt.

    Attributes:
        kind: what.
        text: one line for people.
        at_ms: milliseconds since the flatten began.
    """

    kind: StepKind
    text: str
    at_ms: float


@dataclass(frozen=True)
class Flattened:
    """What became of a flatten.

    Attributes:
        is_flat: whether the venue's answers prove that nothing is left.
        cancelled: orders that were seen and are gone.
        closed: positions that were seen and are gone; of spot, base assets.
        rounds: how often the venue was asked what is left.
        left: what remains.
        contain_ms: from the beginning until no order was open; None: not reached.
        flat_ms: from the beginning until nothing was left; None: not reached.
        why: the venue's last refusal, by symbol.
        unrecorded: why what was sent could not be written down before; None: it was.
        saw_orders: ids of all orders that were seen: the client's, the venue's number of one without.
        saw_positions: names of all positions that were seen; of spot, base assets.
    """

    is_flat: bool
    cancelled: int
    closed: int
    rounds: int
    left: Remains
    contain_ms: float | None = None
    flat_ms: float | None = None
    why: Mapping[str, str] = field(default_factory=dict)
    unrecorded: str | None = None
    saw_orders: tuple[str, ...] = ()
    saw_positions: tuple[str, ...] = ()


def course(
    account: Account,
    flatten_id: str,
    seconds: float,
    clocks: Ticking,
    *,
    log: IntentLog | None = None,
    on_step: Callable[[Step], None] = lambda _step: None,
    request_seconds: float = REQUEST_SECONDS,
    calm: Calm | None = None,
) -> Turns[Flattened]:
    """Return the course of one flatten.

    Args:
        account: what is emptied.
        flatten_id: what the ids of its orders begin with; no other flatten of the account without its log has it.
        seconds: the longest that it may take.
        clocks: what time it is.
        log: where intents are written down; None: in memory.
        on_step: hears each step; what it raises ends the flatten.
        request_seconds: the longest to wait for one answer.
        calm: until when nothing may be sent; see ``Talk``.

    Raises:
        OpsLabError: ``flatten_id`` or ``seconds`` cannot be used.
        KeysRefusedError: while it runs: the venue refuses the keys.
    """
    if not _ID.fullmatch(flatten_id):
        raise OpsLabError("flatten_id is not 1 to 24 letters, digits, '-' or '_'", fix="choose another one")
    if not 0 < seconds <= _MOST_SECONDS:
        raise OpsLabError(f"a flatten takes more than 0 and at most {_MOST_SECONDS:g} seconds", fix="choose others")
    talk = Talk(account, seconds, clocks, request_seconds, calm)
    return _Flatten(talk, log or Remembered(), flatten_id, on_step).run(min(_LAST_LOOK, seconds / 5))


def one_look(
    account: Account,
    seconds: float,
    clocks: Ticking,
    *,
    request_seconds: float = REQUEST_SECONDS,
    calm: Calm | None = None,
) -> Turns[Remains]:
    """Return the course of one look, which changes nothing; ``calm`` and raises as ``course``."""
    talk = Talk(account, seconds, clocks, request_seconds, calm)
    looker = Looker(talk)
    seen = yield from looker.look()
    return decide.remains(account, seen, looker.lots)


_MOST_SECONDS = 86_400.0


class _Flatten:
    """The state of one course."""

    def __init__(self, talk: Talk, log: IntentLog, flatten_id: str, on_step: Callable[[Step], None]) -> None:
        self._talk, self._on_step = talk, on_step
        self._looker = Looker(talk)
        self._closer = Closer(talk, log, flatten_id, self._close_refused, self._not_recorded)
        self._look, self._last = Look(), Look()
        self._why: dict[str, str] = {}
        self._unrecorded: str | None = None
        self._cancels: dict[tuple[str, bool], int] = {}
        self._too_small: dict[str, Decimal] = {}
        self._orders_seen: dict[tuple[str, int, bool], str] = {}
        self._held_seen: set[str] = set()
        self._symbols: set[str] = set()
        self._contain_ms: float | None = None
        self._rounds = 0

    def run(self, last_look: float) -> Turns[Flattened]:
        """Flatten; ``last_look`` is how many seconds before the end nothing new is begun."""
        pause, before = 0.0, None
        while True:
            yield from self._closer.ask_fates()
            yield from self._see()
            left = self._remains()
            is_over = left.is_flat or left.is_past_mending or self._talk.shut_out is not None
            if is_over or self._talk.left <= last_look:
                result = self._result(left)
                self._closer.save()
                return replace(result, unrecorded=self._unrecorded)
            is_done = yield from self._act()
            is_stuck = left == before
            before = left
            pause = min(max(pause * 2, _SHORTEST_PAUSE), _LONGEST_PAUSE) if is_stuck or not is_done else 0.0
            if wait := _LONGEST_PAUSE if self._talk.is_tight else pause:
                wait = max(min(wait, self._talk.left - last_look), 0.0)
                self._tell("waiting", f"{wait:.2f} s")
                yield Pause(wait)

    def _see(self) -> Turns[None]:
        self._rounds += 1
        self._look = look = yield from self._looker.look()
        kept = {name: getattr(self._last, name) for name in _KINDS if getattr(look, name) is None}
        self._last = replace(look, **kept)
        for order in look.all_orders:
            number = order.client_order_id or str(order.order_id)
            self._orders_seen[order.symbol, order.order_id, order.is_algo] = number
            self._symbols.add(order.symbol)
        self._symbols |= {item.symbol for item in look.holdings or ()}
        if not look.has_no_order:
            self._contain_ms = None
        elif self._contain_ms is None:
            self._contain_ms = self._talk.elapsed_ms
        self._tell("looked", self._remains().told())

    def _remains(self) -> Remains:
        """Return what is left: what was seen last of each kind, and everything that is not known now."""
        account = self._talk.account
        left = decide.remains(account, self._last, self._looker.lots, self._tried())
        self._held_seen |= set(left.positions)
        doubts = [f"what became of close {intent.client_order_id}" for intent in self._closer.doubtful]
        doubts += [f"what others sent: {self._closer.unread}"] if self._closer.unread else []
        shut = [self._talk.shut_out] if self._talk.shut_out else []
        return replace(left, unknown=(*left.unknown, *doubts, *shut))

    def _act(self) -> Turns[bool]:
        """Cancel and close what is to be, and return whether the venue did all of it."""
        account, tried = self._talk.account, self._tried()
        is_done = not self._look.unknown
        for cancel in decide.cancels(account, self._look, tried):
            is_cancelled = yield from self._cancel(cancel)
            is_done = is_done and is_cancelled
        if account.market == "futures" and self._look.holdings:
            yield from self._looker.learn()
        wanted = decide.closes(account, self._look, self._looker.lots, tried)
        for close in wanted:
            self._tell("closing", f"{close.symbol} {close.side} {close.quantity:f}")
        are_closed = yield from self._closer.send(wanted)
        return is_done and are_closed

    def _cancel(self, cancel: Cancel) -> Turns[bool]:
        path, params, symbol = _request_of(cancel, self._talk)
        what = f"{symbol} {path.rpartition('/')[2]}"
        self._tell("cancelling", what)
        if isinstance(cancel, decide.CancelAll):
            key = (cancel.symbol, cancel.is_algo)
            self._cancels[key] = self._cancels.get(key, 0) + 1
        else:
            self._cancels[symbol, cancel.order.is_algo] = 0
        reply = yield from self._talk.ask("DELETE", path, {"symbol": symbol, **params})
        if isinstance(reply, Nobody):
            self._tell("unknown", f"{what}: {reply.reason}")
            return False
        if isinstance(reply, No) and reply.code not in _GONE:
            self._why[symbol] = reply.text
            self._tell("refused", f"{what}: {reply.text}")
            return False
        return True

    def _close_refused(self, close: Close, reply: No) -> None:
        self._why[close.symbol] = reply.text
        self._tell("refused", f"{close.symbol} {close.side} {close.quantity:f}: {reply.text}")
        balances, lots = self._look.balances, self._looker.lots.get(close.symbol)
        if balances is None or lots is None or close.key not in balances:
            return
        is_by_quantity = lots.floored(close.quantity) < max(lots.least, lots.step)
        is_by_filter = reply.code == _PRECISION or (reply.code == _TOO_SMALL and _LOT in reply.text)
        is_by_worth = reply.code == _TOO_SMALL and _NOTIONAL in reply.text
        if is_by_worth or (is_by_quantity and is_by_filter):
            self._too_small[close.key] = close.held

    def _not_recorded(self, why: str) -> None:
        if self._unrecorded is None:
            self._unrecorded = why
            self._tell("unrecorded", why)

    def _tried(self) -> decide.Tried:
        closer = self._closer
        return decide.Tried(self._cancels, closer.held, frozenset(self._symbols), self._too_small, closer.lagging)

    def _result(self, left: Remains) -> Flattened:
        open_now = {(order.symbol, order.order_id, order.is_algo) for order in left.orders}
        elapsed = self._talk.elapsed_ms
        return Flattened(
            is_flat=left.is_flat,
            cancelled=len(self._orders_seen.keys() - open_now),
            closed=len(self._held_seen - set(left.positions)),
            rounds=self._rounds,
            left=left,
            contain_ms=self._contain_ms,
            flat_ms=elapsed if left.is_flat else None,
            why={} if left.is_flat else dict(self._why),
            saw_orders=tuple(self._orders_seen.values()),
            saw_positions=tuple(sorted(self._held_seen)),
        )

    def _tell(self, kind: StepKind, text: str) -> None:
        self._on_step(Step(kind, text, self._talk.elapsed_ms))


_KINDS = ("orders", "algos", "holdings", "balances")


def _request_of(cancel: Cancel, talk: Talk) -> tuple[str, dict[str, str], str]:
    """Return path, parameters and symbol of a cancel."""
    if isinstance(cancel, decide.CancelAll):
        if talk.account.market == "spot":
            return f"{talk.prefix}/openOrders", {}, cancel.symbol
        name = "algoOpenOrders" if cancel.is_algo else "allOpenOrders"
        return f"{talk.prefix}/{name}", {}, cancel.symbol
    number = str(cancel.order.order_id)
    if cancel.order.is_algo:
        return f"{talk.prefix}/algoOrder", {"algoId": number}, cancel.order.symbol
    return f"{talk.prefix}/order", {"orderId": number}, cancel.order.symbol
