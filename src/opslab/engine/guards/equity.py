"""What an account is worth by the venue's own answers: balances, and unrealised profit at the venue's prices."""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Any

from nautilus_trader.model.instruments import CurrencyPair

from opslab.engine.guards.ticking import require_names
from opslab.errors import EngineError, one_line


class Equity:
    """Asks a venue what an account is worth.

    On futures it is what the venue calls the margin balance. On spot it is the quote currency of the instruments that
    the node knows, and their base currencies at the venue's best bid; what is not among them is left out.

    Args:
        client: an execution client of the adapter; its own API is asked.
        cache: the node's cache, for the instruments.
        who: who asks, for messages.
        seconds: the longest to wait for an answer.

    Raises:
        EngineError: the adapter cannot be asked.
    """

    def __init__(self, client: Any, cache: Any, who: str, seconds: float) -> None:
        require_names(client, ("_http_account", "_http_market"), who)
        self._account, self._market = client._http_account, client._http_market  # noqa: SLF001 - the adapter's own API
        self._is_futures = hasattr(self._account, "query_futures_account_info")
        if not self._is_futures:
            require_names(self._account, ("query_spot_account_info",), who)
            require_names(self._market, ("query_ticker_book",), who)
        self._cache, self._seconds = cache, seconds
        self._window = str(getattr(client, "_recv_window", 5_000))

    async def ask(self) -> Decimal:
        """Return the account's worth in quote units.

        Raises:
            EngineError: the venue does not answer, or with something else.
        """
        try:
            return await asyncio.wait_for(self._futures() if self._is_futures else self._spot(), self._seconds)
        except (ArithmeticError, InvalidOperation, TypeError, ValueError) as error:
            raise EngineError(f"the venue's balances cannot be read: {one_line(error)}") from error
        except TimeoutError as error:
            raise EngineError(f"the venue did not tell its balances within {self._seconds:g} s") from error
        except Exception as error:
            raise EngineError(f"the venue does not tell its balances: {one_line(error)}") from error

    async def _futures(self) -> Decimal:
        found = await self._account.query_futures_account_info(recv_window=self._window)
        if found.totalWalletBalance is not None and not Decimal(found.totalWalletBalance):
            return Decimal(0)  # profit on a wallet that the venue cannot tell is no equity
        if found.totalMarginBalance is not None:
            return Decimal(found.totalMarginBalance)
        return sum((Decimal(row.marginBalance) for row in found.assets), Decimal(0))

    async def _spot(self) -> Decimal:
        found = await self._account.query_spot_account_info(recv_window=self._window)
        held = {row.asset: Decimal(row.free) + Decimal(row.locked) for row in found.balances}
        pairs = [one for one in self._cache.instruments() if isinstance(one, CurrencyPair)]
        if not pairs:
            raise EngineError("the node knows no instrument to value the account with")
        quote = pairs[0].quote_currency.code
        if not any(held.values()):
            return Decimal(0)
        worth = held.get(quote, Decimal(0))
        for pair in pairs:
            amount = held.pop(pair.base_currency.code, Decimal(0))
            if amount and pair.quote_currency.code == quote:
                (book,) = await self._market.query_ticker_book(symbol=pair.id.symbol.value)
                worth += amount * Decimal(book.bidPrice)
        return worth
