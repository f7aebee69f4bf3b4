"""What may be asked of the exchange from outside the API: the bodies of ``POST /ctl/exchange``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from opslab.errors import VenueError
from opslab.venue.faults.telling import told

if TYPE_CHECKING:
    from opslab.venue.exchange import Exchange

_MOST = 10**15
_Positive = Annotated[Decimal, Field(gt=0, le=_MOST, decimal_places=16, allow_inf_nan=False)]
_Rate = Annotated[Decimal, Field(ge=-1, le=1, decimal_places=16, allow_inf_nan=False)]
_Finite = Annotated[Decimal, Field(ge=-_MOST, le=_MOST, decimal_places=16, allow_inf_nan=False)]


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FillOrder(_Command):
    """Somebody trades with a resting order now."""

    do: Literal["fill"]
    account: str
    order_id: int
    quantity: _Positive | None = None
    price: _Positive | None = None


class Liquidate(_Command):
    """The liquidation engine closes a position."""

    do: Literal["liquidate"]
    account: str
    symbol: str


class CallMargin(_Command):
    """An account is told that its margin runs out."""

    do: Literal["margin_call"]
    account: str
    symbol: str


class Deleverage(_Command):
    """Auto-deleveraging makes a position smaller by ``quantity`` base units."""

    do: Literal["adl"]
    account: str
    symbol: str
    quantity: _Positive


class Fund(_Command):
    """Funding is settled now at ``rate``, at most the whole notional."""

    do: Literal["fund"]
    symbol: str
    rate: _Rate


class Credit(_Command):
    """Money comes, or goes with a negative amount."""

    do: Literal["credit"]
    account: str
    asset: str
    amount: _Finite


class SetStatus(_Command):
    """A symbol's status changes, such as to ``BREAK``."""

    do: Literal["set_status"]
    symbol: str
    status: str


type Command = FillOrder | CallMargin | Liquidate | Deleverage | Fund | Credit | SetStatus
_READER: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="do")])


def read_command(data: Any) -> Command:
    """Return the command that JSON data describe.

    Raises:
        VenueError: they describe none.
    """
    try:
        return _READER.validate_python(data)
    except ValidationError as error:
        raise VenueError(told(error), where="exchange command", fix="see the venue guide") from error


def carry_out(command: Command, exchange: Exchange) -> None:
    """Do it.

    Raises:
        Refusal: the exchange refuses: an unknown account, order or symbol, for example.
    """
    match command:
        case FillOrder():
            exchange.fill(command.account, command.order_id, command.quantity, command.price)
        case Liquidate():
            exchange.liquidate(command.account, command.symbol)
        case CallMargin():
            exchange.margin_call(command.account, command.symbol)
        case Deleverage():
            exchange.adl(command.account, command.symbol, command.quantity)
        case Fund():
            exchange.fund(command.symbol, command.rate)
        case Credit():
            exchange.credit(command.account, command.asset, command.amount)
        case SetStatus():
            exchange.set_status(command.symbol, command.status)
