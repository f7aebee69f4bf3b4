"""Who a request is from, and whether it may still be acted upon.

Source: "SIGNED endpoint security" and "Timing security" in Binance's API documents.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.http.params import illegal, mandatory
from opslab.venue.http.signature import is_valid
from opslab.venue.orders import Market
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opslab.venue.http.params import Params
    from opslab.venue.orders import AccountSetup

_DEFAULT_WINDOW_MS = Decimal(5_000)
_LONGEST_WINDOW_MS = Decimal(60_000)
_AHEAD_MS = 1_000
_WINDOW = r"^([0-9]{1,6})(\.[0-9]{1,3})?$"
_STAMP = r"^[0-9]{1,20}$"
_WINDOW_RE, _STAMP_RE = re.compile(_WINDOW, re.ASCII), re.compile(_STAMP, re.ASCII)
_MICROSECONDS_FROM = 10**15
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


class Keyring:
    """Knows the accounts by their keys.

    Args:
        accounts: all of them.
        market: spot also takes timestamps in microseconds.
        now_ms: the venue's time.

    Raises:
        ValueError: two accounts with one key.
    """

    def __init__(self, accounts: Sequence[AccountSetup], market: Market, now_ms: Callable[[], int]) -> None:
        self._accounts = {account.api_key: account for account in accounts}
        if len(self._accounts) < len(accounts):
            raise ValueError("two accounts have the same API key")
        self._market, self._now_ms = market, now_ms

    def account(self, api_key: str) -> str:
        """Return the name of the account that a key belongs to.

        Raises:
            Refusal: -2014 no key or not in the form of one, -2015 unknown key; both with 401.
        """
        if not _KEY.fullmatch(api_key):
            raise Refusal(-2014, "API-key format invalid.", 401)
        found = self._accounts.get(api_key)
        if found is None:
            raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return found.name

    def check_signature(self, api_key: str, payload: bytes, params: Params) -> None:
        """Refuse a request that the key's secret did not sign.

        Raises:
            Refusal: -1102 no signature, -1022 a wrong one.
        """
        signature = params.text("signature")
        if not is_valid(self._accounts[api_key].api_secret, payload, signature):
            raise Refusal(-1022, "Signature for this request is not valid.")

    def check_time(self, params: Params) -> None:
        """Refuse a request from the future, or one that is too old.

        Raises:
            Refusal: -1102 no timestamp, -1100 malformed, -1131 ``recvWindow`` over a minute, -1021 outside the window.
        """
        stamp = params.values.get("timestamp")
        if not stamp:
            raise mandatory("timestamp")
        if not _STAMP_RE.fullmatch(stamp):
            raise illegal("timestamp", _STAMP)
        sent = int(stamp)
        if self._market is Market.SPOT and sent >= _MICROSECONDS_FROM:
            sent //= 1000
        window, now = _window(params), self._now_ms()
        if sent > now + _AHEAD_MS:
            raise Refusal(-1021, f"Timestamp for this request was {_AHEAD_MS}ms ahead of the server's time.")
        if now - sent > window:
            raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def _window(params: Params) -> Decimal:
    text = params.text("recvWindow", None)
    if text is None:
        return _DEFAULT_WINDOW_MS
    if not _WINDOW_RE.fullmatch(text):
        raise illegal("recvWindow", _WINDOW)
    window = Decimal(text)
    if window > _LONGEST_WINDOW_MS:
        raise Refusal(-1131, "recvWindow must be less than 60000.")
    return window
