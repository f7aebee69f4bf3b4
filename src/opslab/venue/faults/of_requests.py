"""The catalogue's faults at the door of requests."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from opslab.venue.faults.answering import AtRequests, Ban, Throttle, refusal_of
from opslab.venue.faults.base import Answer, Fault, Hang, Reset, Wait
from opslab.venue.faults.durations import Seconds  # noqa: TC001 - pydantic reads it at run time
from opslab.venue.faults.recipe import ORDERS, Headers, OfRequests, Route, Status, When
from opslab.venue.wire import Reply

Code = Annotated[int, Field(ge=-99_999, le=-1)]
_HTML = "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"


class RejectRequests(OfRequests):
    """Refuses requests with an error code of Binance's, before or after they took effect."""

    fault: ClassVar[str] = "reject_requests"
    route: Route = ORDERS
    status: Status = 400
    code: Code = -1001
    msg: Annotated[str, Field(max_length=500)] | None = None
    headers: Headers = Field(default={})
    when: When = "before"

    def make(self) -> Fault:
        """Return the fault."""
        answer = Answer(refusal_of(self.status, self.code, self.msg, self.headers))
        return AtRequests(self.label, self.requests, lambda _: answer, after=self.when == "after")


class UnknownOutcome(OfRequests):
    """Answers 503 with -1007, execution status unknown; by default the order was placed."""

    fault: ClassVar[str] = "unknown_outcome"
    route: Route = ORDERS
    code: Literal[-1006, -1007] = -1007
    when: When = "after"

    def make(self) -> Fault:
        """Return the fault."""
        answer = Answer(refusal_of(503, self.code))
        return AtRequests(self.label, self.requests, lambda _: answer, after=self.when == "after")


class Overload(OfRequests):
    """Answers 503 with -1008, the server is overloaded; nothing was done."""

    fault: ClassVar[str] = "overload"

    def make(self) -> Fault:
        """Return the fault."""
        answer = Answer(refusal_of(503, -1008))
        return AtRequests(self.label, self.requests, lambda _: answer)


class ThrottleRequests(OfRequests):
    """Answers 429 with -1003 and Retry-After once a window's share of requests was let in."""

    fault: ClassVar[str] = "throttle"
    allowed: Annotated[int, Field(ge=0, le=10**6)] = 0
    window: Annotated[Seconds, Field(gt=0)] = 60.0

    def make(self) -> Fault:
        """Return the fault."""
        return Throttle(self.label, self.requests, self.allowed, self.window)


class BanRequests(OfRequests):
    """Answers every request 418 with -1003 and Retry-After, until a moment of the venue's time."""

    fault: ClassVar[str] = "ban"
    seconds: Annotated[Seconds, Field(gt=0)] = 120.0

    def make(self) -> Fault:
        """Return the fault."""
        return Ban(self.label, self.requests, self.seconds)


class HtmlPage(OfRequests):
    """Answers with an HTML page, as a firewall or proxy in between does."""

    fault: ClassVar[str] = "html_page"
    status: Status = 403
    body: Annotated[str, Field(max_length=100_000)] | None = None
    when: When = "before"

    def make(self) -> Fault:
        """Return the fault."""
        body = self.body if self.body is not None else _HTML.format(status=self.status)
        answer = Answer(Reply(self.status, body, {"Content-Type": "text/html"}))
        return AtRequests(self.label, self.requests, lambda _: answer, after=self.when == "after")


class EmptyBody(OfRequests):
    """Answers 200 with nothing in it, when what was asked for has happened."""

    fault: ClassVar[str] = "empty_body"
    when: When = "after"

    def make(self) -> Fault:
        """Return the fault."""
        answer = Answer(Reply(200, "", {"Content-Type": "application/json"}))
        return AtRequests(self.label, self.requests, lambda _: answer, after=self.when == "after")


class DelayRequests(OfRequests):
    """Lets requests wait before they take effect, or their replies after."""

    fault: ClassVar[str] = "delay_requests"
    seconds: Seconds
    when: When = "before"

    def make(self) -> Fault:
        """Return the fault."""
        wait = Wait(self.seconds)
        return AtRequests(self.label, self.requests, lambda _: wait, after=self.when == "after")


class HangRequests(OfRequests):
    """Never answers; the connections are reset when the fault is healed."""

    fault: ClassVar[str] = "hang_requests"
    when: When = "before"

    def make(self) -> Fault:
        """Return the fault."""
        return AtRequests(self.label, self.requests, lambda _: Hang(), after=self.when == "after")


class ResetRequests(OfRequests):
    """Resets the TCP connection instead of answering."""

    fault: ClassVar[str] = "reset_requests"
    when: When = "before"

    def make(self) -> Fault:
        """Return the fault."""
        return AtRequests(self.label, self.requests, lambda _: Reset(), after=self.when == "after")


class CancelOnly(OfRequests):
    """Refuses new and amended orders (futures -4140, spot -1013); cancels and queries pass."""

    fault: ClassVar[str] = "cancel_only"
    route: Route = f"{ORDERS}|PUT */order|PUT */batchOrders"

    def make(self) -> Fault:
        """Return the fault."""
        futures, spot = Answer(refusal_of(400, -4140)), Answer(refusal_of(400, -1013))
        return AtRequests(
            self.label, self.requests, lambda request: futures if request.path.startswith("/fapi/") else spot
        )


class RefuseListenKey(OfRequests):
    """Refuses to create or keep alive a listen key; 410 is what removed endpoints answer."""

    fault: ClassVar[str] = "refuse_listen_key"
    route: Route = "POST */listenKey|PUT */listenKey|POST */userDataStream|PUT */userDataStream"
    status: Status = 500
    code: Code = -1001

    def make(self) -> Fault:
        """Return the fault."""
        answer = Answer(refusal_of(self.status, self.code))
        return AtRequests(self.label, self.requests, lambda _: answer)


RECIPES = (
    RejectRequests,
    UnknownOutcome,
    Overload,
    ThrottleRequests,
    BanRequests,
    HtmlPage,
    EmptyBody,
    DelayRequests,
    HangRequests,
    ResetRequests,
    CancelOnly,
    RefuseListenKey,
)
