"""A fault as data: its name and settings, validated, so that YAML files and ``/ctl/`` can ask for it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from opslab.venue.faults.target import Target
from opslab.venue.writing import fault_in

if TYPE_CHECKING:
    from opslab.venue.faults.base import Fault

Text = Annotated[str, Field(min_length=1, max_length=200)]
Route = Annotated[str, Field(min_length=1, max_length=2000)]
Path = Annotated[str, Field(min_length=1, max_length=200)]
_FRAMING = frozenset({"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})


def _is_settable(name: str) -> str:
    if name.lower() in _FRAMING:
        raise ValueError(f"{name} belongs to the connection, and cannot be set")
    return name


def _has_body(status: int) -> int:
    if status in (204, 205, 304):
        raise ValueError(f"{status} has no body, and what is answered has one")
    return status


HeaderName = Annotated[
    str, Field(max_length=100, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"), AfterValidator(_is_settable)
]
"""A field name as RFC 9110, 5.6.2 has it; none that says where the message ends."""
Headers = dict[HeaderName, Annotated[str, Field(max_length=500, pattern=r"^[\x20-\x7e]*$")]]
Status = Annotated[int, Field(ge=200, le=599), AfterValidator(_has_body)]
"""A status of an answer with a body."""
Factor = Annotated[Decimal, Field(ge=-(10**12), le=10**12)]
"""What a number is multiplied by."""
When = Literal["before", "after"]
"""``before``: instead of what was asked for; ``after``: it has happened, and only the answer is touched."""
Kind = Annotated[str, Field(pattern=r"^(market|user|api)(\|(market|user|api))*$")]

ORDERS = "POST */order|POST */batchOrders|POST */algoOrder|POST */order/*|WS order.place|WS order.cancelReplace"
"""Routes that place orders."""
QUERIES = (
    "GET */order|GET */openOrder|GET */openOrders|GET */allOrders|GET */userTrades|GET */myTrades|GET */algoOrder|"
    "GET */openAlgoOrders|GET */allAlgoOrders|WS order.status|WS openOrders.status|WS allOrders|WS myTrades"
)
"""Routes that ask for orders and fills."""
ACCOUNTS = "GET */account|GET */balance|WS account.status"
"""Routes that ask for balances."""


class Recipe(BaseModel):
    """What every fault's settings share.

    Attributes:
        fault: the fault's name in the catalogue.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    fault: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _writable(cls, data: Any) -> Any:
        """Refuse settings that could not be written to a client, or into the wire log, as they stand."""
        if isinstance(data, dict):
            for key, value in data.items():
                if (why := fault_in(key) or fault_in(value)) is not None:
                    raise ValueError(f"{ascii(key)[1:-1]:.60} {why}")
        return data

    @property
    def label(self) -> str:
        """The fault's name with the settings that were given, in short."""
        given = self.model_dump(mode="json", exclude_unset=True, by_alias=True)
        text = " ".join([self.fault, *(f"{key}={value}" for key, value in given.items())])
        return text if len(text) <= 160 else f"{text[:159]}…"  # noqa: PLR2004 - one line of a report

    def target(self, **fields: Any) -> Target:
        """Return what it touches; ``fields`` that are None are left at anything."""
        return Target(**{key: value for key, value in fields.items() if value is not None})

    def make(self) -> Fault:
        """Return the fault."""
        raise NotImplementedError


class OfRequests(Recipe):
    """Settings of faults at the door of requests.

    Attributes:
        route: which requests, as in ``POST /fapi/v1/order`` or ``* /fapi/v1/*``; several with ``|``.
        account: only this account's.
        symbol: only this symbol's.
    """

    route: Route = "* *"
    account: Text | None = None
    symbol: Text | None = None

    @property
    def requests(self) -> Target:
        """What it touches."""
        return self.target(route=self.route, account=self.account, symbol=self.symbol)


class OfMessages(Recipe):
    """Settings of faults at the door of messages.

    Attributes:
        stream: which messages: a stream such as ``*@bookTicker``, or a user event such as ``ORDER_TRADE_UPDATE``.
        account: only this account's user events.
        symbol: only this symbol's.
        kind: only on sockets of this kind: ``market``, ``user`` or ``api``; several with ``|``.
        execution: only order reports of this execution type, such as ``TRADE``.
    """

    stream: Text = "*"
    account: Text | None = None
    symbol: Text | None = None
    kind: Kind | None = None
    execution: Text | None = None

    @property
    def messages(self) -> Target:
        """What it touches."""
        return self.target(
            stream=self.stream, account=self.account, symbol=self.symbol, kind=self.kind, execution=self.execution
        )


class OfSockets(Recipe):
    """Settings of faults at WebSockets.

    Attributes:
        kind: only sockets of this kind: ``market``, ``user`` or ``api``; several with ``|``.
        account: only this account's user streams.
    """

    kind: Kind | None = None
    account: Text | None = None

    @property
    def sockets(self) -> Target:
        """What it touches."""
        return self.target(kind=self.kind, account=self.account)
