"""Asks the venue what became of one order, and lets the engine believe the answer."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance.common.constants import BINANCE_FUTURES_ALGO_ORDER_TYPES
from nautilus_trader.adapters.binance.http.error import BinanceError
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.reports import ExecutionMassStatus

from opslab.engine.guards.standing import reach
from opslab.errors import one_line
from opslab.safety.ambiguity import NO_SUCH_ORDER, Told

if TYPE_CHECKING:
    from opslab.contract.execution import Guard

_NAMES = (
    "_http_account.query_order",
    "_http_account.query_user_trades",
    "_get_cached_instrument_id",
    "_enum_parser",
    "_treat_expired_as_canceled",
    "_use_position_ids",
    "_send_mass_status_report",
    "create_task",
)


class Answer:
    """What the venue said of an order.

    Attributes:
        told: whether it is there.
        detail: one line.
        report: its state as the engine's own report, if it is there.
        fills: its fills as the engine's own reports; all of them.
    """

    def __init__(self, told: Told, detail: str, report: Any = None, fills: tuple[Any, ...] = ()) -> None:
        self.told, self.detail, self.report, self.fills = told, detail, report, fills


class Asking:
    """Asks for orders over REST, by their client order ids.

    Args:
        client: the execution client.
        guard: on whose behalf.

    Raises:
        EngineError: the adapter has not the names that are needed.
    """

    def __init__(self, client: Any, guard: Guard) -> None:
        for name in _NAMES:
            reach(client, name, guard)
        self._client, self._account = client, client._http_account  # noqa: SLF001 - the adapter's own questions

    async def ask(self, order: Any) -> Answer:
        """Return what the venue says of an order; whatever goes wrong, it said nothing."""
        try:
            return await self._asked(order)
        except BinanceError as error:
            told = Told.ABSENT if code_of(error) in NO_SUCH_ORDER else Told.NOTHING
            return Answer(told, one_line(error.message))
        except Exception as error:  # noqa: BLE001 - no answer is an answer too: nothing may be believed
            return Answer(Told.NOTHING, one_line(f"{type(error).__name__}: {error}"))

    def adopt(self, answer: Answer) -> bool:
        """Let the engine take an order's state and its fills from an answer; return whether it can.

        The answer must not be older than what the engine knows: look at the order right before.
        """
        if answer.report is None:
            return False
        client = self._client
        status = ExecutionMassStatus(
            client_id=client.id,
            account_id=client.account_id,
            venue=client.venue,
            report_id=UUID4(),
            ts_init=client._clock.timestamp_ns(),  # noqa: SLF001 - the adapter's own clock
        )
        status.add_order_reports(reports=[answer.report])
        status.add_fill_reports(reports=list(answer.fills))
        client._send_mass_status_report(status)  # noqa: SLF001 - as the adapter tells what it was told
        return True

    async def _asked(self, order: Any) -> Answer:
        client, symbol = self._client, order.instrument_id.symbol.value
        name = order.client_order_id.value
        if order.order_type in BINANCE_FUTURES_ALGO_ORDER_TYPES and hasattr(self._account, "query_algo_order"):
            algo = await self._account.query_algo_order(client_algo_id=name)
            if not algo.actualOrderId:
                report = client._parse_algo_order_report(algo, None, None)  # noqa: SLF001 - the adapter's own reading
                return Answer(Told.THERE, f"algo order, {algo.algoStatus}", report)
            found = await self._account.query_order(symbol=symbol, order_id=int(algo.actualOrderId))
        else:
            found = await self._account.query_order(symbol=symbol, orig_client_order_id=name)
        fills = await self._fills(found) if Decimal(found.executedQty or 0) else ()
        told = f"{getattr(found.status, 'value', found.status)}, {found.executedQty} filled"
        return Answer(Told.THERE, told, self._report(found), fills)

    def _report(self, found: Any) -> Any:
        client = self._client
        return found.parse_to_order_status_report(
            account_id=client.account_id,
            instrument_id=client._get_cached_instrument_id(found.symbol),  # noqa: SLF001 - the adapter's own reading
            report_id=UUID4(),
            enum_parser=client._enum_parser,  # noqa: SLF001 - the adapter's own reading
            treat_expired_as_canceled=client._treat_expired_as_canceled,  # noqa: SLF001 - as its settings say
            ts_init=client._clock.timestamp_ns(),  # noqa: SLF001 - the adapter's own clock
        )

    async def _fills(self, found: Any) -> tuple[Any, ...]:
        client = self._client
        trades = await self._account.query_user_trades(symbol=found.symbol, order_id=found.orderId)
        return tuple(
            trade.parse_to_fill_report(
                account_id=client.account_id,
                instrument_id=client._get_cached_instrument_id(found.symbol),  # noqa: SLF001 - the adapter's own reading
                report_id=UUID4(),
                ts_init=client._clock.timestamp_ns(),  # noqa: SLF001 - the adapter's own clock
                use_position_ids=client._use_position_ids,  # noqa: SLF001 - as its settings say
            )
            for trade in sorted(trades, key=lambda one: one.id)
        )


def code_of(error: BaseException) -> int | None:
    """Return Binance's code in an error of the adapter, if it bears one; also one that the adapter does not know."""
    message = getattr(error, "message", None)
    code = message.get("code") if isinstance(message, dict) else None
    try:
        return int(code) if code is not None else None
    except (TypeError, ValueError):
        return None
