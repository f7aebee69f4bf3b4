"""The catalogue's lies in replies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from opslab.venue.faults.durations import Seconds  # noqa: TC001 - pydantic reads it at run time
from opslab.venue.faults.edits import Edits, every
from opslab.venue.faults.lying import EditedReplies, LateWrites, StaleReplies
from opslab.venue.faults.recipe import ACCOUNTS, QUERIES, Factor, Headers, OfRequests, Path, Route, Text

if TYPE_CHECKING:
    from opslab.venue.faults.base import Fault

_MONEY = re.compile(r"balance$|^(free|locked|maxWithdrawAmount|crossUnPnl)$", re.IGNORECASE)


class EmptyQueries(OfRequests):
    """Answers queries for lists with an empty list, as if there were none."""

    fault: ClassVar[str] = "empty_queries"
    route: Route = f"{QUERIES}|GET */positionRisk"

    def make(self) -> Fault:
        """Return the fault."""
        return EditedReplies(self.label, self.requests, lambda body: [] if isinstance(body, list) and body else None)


class ZeroBalances(OfRequests):
    """Answers queries for balances with zero everywhere."""

    fault: ClassVar[str] = "zero_balances"
    route: Route = ACCOUNTS

    def make(self) -> Fault:
        """Return the fault."""
        return EditedReplies(self.label, self.requests, _without_money)


class LateWritesOf(OfRequests):
    """Answers queries as if the orders and fills of the last seconds were not there yet."""

    fault: ClassVar[str] = "late_writes"
    route: Route = QUERIES
    seconds: Annotated[Seconds, Field(gt=0)] = 2.0

    def make(self) -> Fault:
        """Return the fault."""
        return LateWrites(self.label, self.requests, self.seconds)


class StaleQueries(OfRequests):
    """Repeats to each query what it was answered first, whatever happened since."""

    fault: ClassVar[str] = "stale_replies"
    route: Route = "GET *"

    def make(self) -> Fault:
        """Return the fault."""
        return StaleReplies(self.label, self.requests)


class StaleSnapshot(OfRequests):
    """Answers depth snapshots with an older lastUpdateId, so that no diff follows on it."""

    fault: ClassVar[str] = "stale_snapshot"
    route: Route = "GET */depth|WS depth"
    behind: Annotated[int, Field(ge=1, le=10**12)] = 1_000_000

    def make(self) -> Fault:
        """Return the fault."""
        return EditedReplies(self.label, self.requests, self._older)

    def _older(self, body: Any) -> Any | None:
        number = body.get("lastUpdateId") if isinstance(body, dict) else None
        return {**body, "lastUpdateId": max(1, number - self.behind)} if isinstance(number, int) else None


class EditReplies(OfRequests):
    """Sets, removes or scales fields of replies, or sets headers: unknown values, missing fields, false weights."""

    fault: ClassVar[str] = "edit_replies"
    put: dict[Path, Any] = Field(default={}, alias="set")
    remove: tuple[Path, ...] = ()
    scale: dict[Path, Factor] = Field(default={})
    headers: Headers = Field(default={})

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.put or self.remove or self.scale or self.headers):
            raise ValueError("needs set, remove, scale or headers")
        return self

    def make(self) -> Fault:
        """Return the fault."""
        return EditedReplies(self.label, self.requests, Edits(self.put, self.remove, self.scale).applied, self.headers)


class EditExchangeInfo(OfRequests):
    """Changes what exchangeInfo says of a symbol: removes it, or sets its status, fields and filters."""

    fault: ClassVar[str] = "edit_exchange_info"
    route: Route = "GET */exchangeInfo|WS exchangeInfo"
    listed: Text
    remove: bool = False
    status: Text | None = None
    put: dict[Text, Any] = Field(default={}, alias="set")
    filters: dict[Text, dict[Text, Any]] = Field(default={})

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.remove or self.status or self.put or self.filters):
            raise ValueError("needs remove, status, set or filters")
        return self

    def make(self) -> Fault:
        """Return the fault."""
        return EditedReplies(self.label, self.requests, self._edited)

    def _edited(self, body: Any) -> Any | None:
        if not (isinstance(body, dict) and isinstance(body.get("symbols"), list)):
            return None
        symbols = [item if item.get("symbol") != self.listed else self._symbol(item) for item in body["symbols"]]
        return {**body, "symbols": [item for item in symbols if item is not None]}

    def _symbol(self, item: dict[str, Any]) -> dict[str, Any] | None:
        if self.remove:
            return None
        filters = [{**one, **self.filters.get(str(one.get("filterType")), {})} for one in item.get("filters", [])]
        status = {"status": self.status} if self.status else {}
        return {**item, **status, **self.put, "filters": filters}


def _without_money(body: Any) -> Any | None:
    return every(body, lambda key: _MONEY.search(key) is not None, "0.00000000")


RECIPES = (EmptyQueries, ZeroBalances, LateWritesOf, StaleQueries, StaleSnapshot, EditReplies, EditExchangeInfo)
