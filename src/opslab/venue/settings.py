"""Settings of a futures account: leverage, margin type, position mode.

Source: developers.binance.com, USD-M futures, "Change Initial Leverage", "Change Margin Type", "Change Position Mode"
and "Error Code".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.margins import asset_view
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from opslab.venue.futures_account import FuturesAccount
    from opslab.venue.ledger import Ledger
    from opslab.venue.pairs import Pair

MARGIN_TYPES = ("CROSSED", "ISOLATED")


class Settings:
    """Changes settings.

    Args:
        ledger: is told of every change.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def set_leverage(self, account: FuturesAccount, pair: Pair, leverage: int) -> None:
        """Set the leverage of a symbol; setting what it is already changes nothing.

        Raises:
            Refusal: -4028 not between 1 and the listing's highest, -2028 too little margin for it.
        """
        if not 1 <= leverage <= pair.listing.max_leverage:
            raise Refusal(-4028, f"Leverage {leverage} is not valid")
        before = account.leverage[pair.symbol]
        if leverage == before:
            return
        account.leverage[pair.symbol] = leverage
        view = asset_view(account, pair.listing.settlement)
        if leverage < before and view.initial_margin > view.margin_balance:
            account.leverage[pair.symbol] = before
            raise Refusal(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
        self._ledger.setting_changed(account.name, "leverage", pair.symbol, str(leverage))

    def set_margin_type(self, account: FuturesAccount, pair: Pair, margin_type: str) -> None:
        """Set the margin type of a symbol.

        Raises:
            Refusal: -1102 no margin type, -4046 it is that already, -4047 there are open orders, -4048 a position.
        """
        if margin_type not in MARGIN_TYPES:
            raise Refusal(-1102, "Mandatory parameter 'marginType' was not sent, was empty/null, or malformed.")
        if account.margin_types[pair.symbol] == margin_type:
            raise Refusal(-4046, "No need to change margin type.")
        if account.open.get(pair.symbol) or account.open_algos.get(pair.symbol):
            raise Refusal(-4047, "Margin type cannot be changed if there exists open orders.")
        if account.name in pair.holders:
            raise Refusal(-4048, "Margin type cannot be changed if there exists position.")
        account.margin_types[pair.symbol] = margin_type
        self._ledger.setting_changed(account.name, "margin_type", pair.symbol, margin_type)

    def set_hedge_mode(self, account: FuturesAccount, *, on: bool) -> None:
        """Switch between one-way and hedge mode.

        Raises:
            Refusal: -4059 it is that already, -4067 there are open orders, -4068 a position.
        """
        if account.is_hedge_mode is on:
            raise Refusal(-4059, "No need to change position side.")
        if any(account.open.values()) or any(account.open_algos.values()):
            raise Refusal(-4067, "Position side cannot be changed if there exists open orders.")
        if any(position.amount for position in account.positions.values()):
            raise Refusal(-4068, "Position side cannot be changed if there exists position.")
        account.is_hedge_mode = on
        self._ledger.setting_changed(account.name, "hedge_mode", "", "true" if on else "false")
