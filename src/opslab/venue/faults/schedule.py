"""When a fault is in force, as data, so that YAML files and ``/ctl/`` can say it too.

    {after: fill}                                       from the first fill on
    {after: {event: fill, count: 2}, for: 2s}           for two seconds from the second fill
    {after: {request: "POST /fapi/v1/order"}, times: 1} the first order only
    {after: 500ms}                                      half a second after it was injected
    {probability: 0.1}                                  at once, one in ten of what it touches
    {for: 5s, again: 5s}                                five seconds on, five seconds off, until it is healed

What completes a count is touched itself: the second fill's report is the first one that ``drop`` swallows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from opslab.errors import DrillError
from opslab.venue.events import AccountChanged, AlgoChanged, Execution, MarginCalled, OrderChanged, SettingChanged
from opslab.venue.faults.durations import Seconds, seconds_of
from opslab.venue.faults.telling import told
from opslab.venue.orders import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.venue.events import LedgerEvent

Pattern = Annotated[str, Field(min_length=1, max_length=200)]

_TRIGGERS = ("event", "request", "message", "seconds")
_OF_EXECUTION = {
    Execution.NEW: "order_accepted",
    Execution.TRADE: "fill",
    Execution.CANCELED: "order_canceled",
    Execution.EXPIRED: "order_expired",
    Execution.AMENDMENT: "order_amended",
    Execution.CALCULATED: "liquidation",
    Execution.TRADE_PREVENTION: "self_trade_prevented",
    Execution.REJECTED: "order_rejected",
}
EVENTS = (
    "order",
    *_OF_EXECUTION.values(),
    "order_filled",
    "partial_fill",
    "algo",
    *(f"algo_{status}" for status in ("new", "canceled", "triggering", "triggered", "finished", "rejected", "expired")),
    "account",
    "funding",
    "setting",
    "margin_call",
)
"""Names of ledger events that a schedule may wait for."""


def event_names(event: LedgerEvent) -> tuple[str, ...]:
    """Return what a ledger event is called in schedules; a last fill is a ``fill`` and an ``order_filled``."""
    match event:
        case OrderChanged():
            names = ["order", _OF_EXECUTION[event.execution]]
            if event.execution is Execution.CALCULATED:
                names.append("fill")
            if event.fill is not None:
                names.append("order_filled" if event.order.status is OrderStatus.FILLED else "partial_fill")
            return tuple(names)
        case AlgoChanged():
            return ("algo", f"algo_{event.algo.status.lower()}")
        case AccountChanged():
            return ("account", "funding") if event.reason == "FUNDING_FEE" else ("account",)
        case SettingChanged():
            return ("setting",)
        case MarginCalled():
            return ("margin_call",)


class Trigger(BaseModel):
    """What a fault waits for; exactly one of ``event``, ``request``, ``message`` and ``seconds``.

    Attributes:
        event: a ledger event's name, one of ``EVENTS``.
        request: a route, such as ``POST /fapi/v1/order``.
        message: a stream or user event, such as ``*@depth*`` or ``ORDER_TRADE_UPDATE``.
        seconds: time since the injection.
        count: the how many-th one.
        account: only that account's.
        symbol: only that symbol's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    event: str | None = None
    request: Pattern | None = None
    message: Pattern | None = None
    seconds: Seconds | None = None
    count: Annotated[int, Field(ge=1, le=10**9)] = 1
    account: Pattern | None = None
    symbol: Pattern | None = None

    @property
    def kind(self) -> str:
        """Which one is given: ``event``, ``request``, ``message`` or ``seconds``."""
        return next(name for name in _TRIGGERS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in _TRIGGERS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("needs exactly one of event, request, message and seconds")
        if self.event is not None and self.event not in EVENTS:
            raise ValueError(f"event {self.event!r:.40} is unknown (there are: {', '.join(EVENTS)})")
        if self.seconds is not None and (self.count, self.account, self.symbol) != (1, None, None):
            raise ValueError("count, account and symbol do not go with seconds")
        return self


class Schedule(BaseModel):
    """When a fault is in force; without anything: from its injection until it is healed.

    Attributes:
        after: what it waits for; in short form an event's name, a route, or a duration.
        lasting: seconds until it is healed by itself, from when it came in force; ``for`` in files.
        again: seconds of rest after that, instead of being healed, until it comes in force again; and so on.
        times: how often it may take effect; afterwards it only keeps what it has kept back.
        probability: how likely it takes effect on each thing that it touches, drawn from the venue's seed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    after: Trigger | None = None
    lasting: Annotated[Seconds, Field(gt=0)] | None = Field(default=None, alias="for")
    again: Annotated[Seconds, Field(gt=0)] | None = None
    times: Annotated[int, Field(ge=1, le=10**9)] | None = None
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _rests(self) -> Self:
        if self.again is not None and self.lasting is None:
            raise ValueError("again needs for: how long it is in force each time")
        return self

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        after = data.get("after") if isinstance(data, dict) else None
        if isinstance(after, bool) or not isinstance(after, (str, int, float)):
            return data
        return {**data, "after": _trigger(after)}


AT_ONCE = Schedule()
SCHEDULE_KEYS = frozenset({"after", "for", "again", "times", "probability"})


def schedule_of(data: Mapping[str, Any]) -> Schedule:
    """Return the schedule that plain data describe.

    Raises:
        DrillError: an unknown key, or a value that cannot be used.
    """
    try:
        return Schedule.model_validate(dict(data))
    except ValidationError as error:
        raise DrillError(
            told(error), where="schedule", fix=f"it takes {', '.join(sorted(SCHEDULE_KEYS))}; see the venue guide"
        ) from error


def _trigger(text: str | float) -> dict[str, Any]:
    """Return what a short ``after`` means."""
    if isinstance(text, str):
        if text in EVENTS:
            return {"event": text}
        if " " in text.strip() and text.split()[0].replace("*", "A").isupper():
            return {"request": text}
        if "@" in text or text.isupper():
            return {"message": text}
        if not text[:1].isdigit():
            return {"event": text}
    return {"seconds": seconds_of(text)}
