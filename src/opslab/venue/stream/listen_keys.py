"""Listen keys of the user stream: one a live account, good for 60 minutes from its last keepalive.

Source: Binance USD-M futures, "User Data Streams": POST gives the same key while one is alive and prolongs it, PUT
prolongs it, DELETE ends it; a key that runs out is told with ``listenKeyExpired`` on its streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

VALIDITY_MS = 60 * 60 * 1000
"""How long a key lives after it was made or last kept alive, in milliseconds."""


@dataclass(frozen=True, slots=True)
class ListenKey:
    """A key, whose it is, and when it ends (Unix milliseconds of the venue)."""

    key: str
    account: str
    expires_ms: int


class ListenKeys:
    """Keeps the keys that are alive.

    Args:
        now_ms: the venue's time.
        make: makes the text of a new key, such as 64 random letters.
        validity_ms: how long a key lives without a keepalive.
        on_close: is told of a key that its account ended.
    """

    def __init__(
        self,
        now_ms: Callable[[], int],
        make: Callable[[], str],
        validity_ms: int = VALIDITY_MS,
        on_close: Callable[[ListenKey], None] = lambda _: None,
    ) -> None:
        self._now_ms, self._make, self._validity_ms, self._on_close = now_ms, make, validity_ms, on_close
        self._by_account: dict[str, ListenKey] = {}
        self._accounts: dict[str, str] = {}

    def create(self, account: str) -> str:
        """Return the account's key: the one that is alive, prolonged, or a new one."""
        alive = self._alive(account)
        return self._keep(account, alive.key if alive else self._make())

    def keepalive(self, account: str, key: str | None = None) -> str:
        """Prolong the account's key and return it.

        Raises:
            Refusal: -1125, the account has no such key.
        """
        return self._keep(account, self._known(account, key).key)

    def close(self, account: str, key: str | None = None) -> str:
        """End the account's key without an event, and return it.

        Raises:
            Refusal: -1125, the account has no such key.
        """
        ended = self._known(account, key)
        self._forget(ended)
        self._on_close(ended)
        return ended.key

    def expire(self, account: str) -> ListenKey | None:
        """End the account's key as if its time had run out; None when it has none."""
        found = self._by_account.get(account)
        if found is not None:
            self._forget(found)
        return found

    def due(self) -> list[ListenKey]:
        """End the keys whose time has run out, and return them, oldest first."""
        now = self._now_ms()
        over = sorted(
            (one for one in self._by_account.values() if one.expires_ms <= now), key=lambda one: one.expires_ms
        )
        for one in over:
            self._forget(one)
        return over

    def key_of(self, account: str) -> str | None:
        """Return the account's key, None when none is alive."""
        alive = self._alive(account)
        return alive.key if alive else None

    def account_of(self, key: str) -> str | None:
        """Return whose key this is, None when it is not alive."""
        account = self._accounts.get(key)
        return account if account is not None and self._alive(account) else None

    def _keep(self, account: str, key: str) -> str:
        old = self._by_account.get(account)
        if old is not None and old.key != key:
            self._forget(old)
        self._by_account[account] = ListenKey(key, account, self._now_ms() + self._validity_ms)
        self._accounts[key] = account
        return key

    def _alive(self, account: str) -> ListenKey | None:
        found = self._by_account.get(account)
        return found if found is not None and found.expires_ms > self._now_ms() else None

    def _known(self, account: str, key: str | None) -> ListenKey:
        found = self._alive(account)
        if found is None or (key is not None and key != found.key):
            raise Refusal(-1125, "This listenKey does not exist.")
        return found

    def _forget(self, one: ListenKey) -> None:
        del self._by_account[one.account]
        del self._accounts[one.key]
