"""A client without sockets: builds signed requests and gives them to a desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from opslab.venue.http.admission import Desk, Outcome, RawRequest
from opslab.venue.http.signature import sign
from opslab.venue.orders import AccountSetup
from opslab.venue.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

KEY, SECRET = "K" * 16, "S" * 16
T0 = 1_700_000_000_000


class Now:
    """A clock that stands still until a test moves it."""

    def __init__(self, ms: int = T0) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


def account(name: str = "main", key: str = KEY, **balances: Any) -> AccountSetup:
    from decimal import Decimal

    found = {asset: Decimal(value) for asset, value in (balances or {"USDT": "100000"}).items()}
    return AccountSetup(name=name, api_key=key, api_secret=SECRET, balances=found)


def finished[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, without an event loop."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise AssertionError("the coroutine waits for something")


class Client:
    """Speaks to a desk as one account over HTTP."""

    def __init__(
        self,
        desk: Desk,
        now_ms: Callable[[], int],
        key: str = KEY,
        secret: str = SECRET,
        remote: str = "127.0.0.1:40000",
    ) -> None:
        self.desk, self.now_ms, self.key, self.secret, self.remote = desk, now_ms, key, secret, remote

    def raw(
        self, method: str, path: str, query: str = "", body: str = "", *, key: str | None = None, **headers: str
    ) -> Outcome:
        """Send bytes as they are."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is None:
            key = self.key
        if key:
            told["X-MBX-APIKEY"] = key
        raw = RawRequest(method, path, query.encode(), told, body.encode(), self.remote)
        return finished(self.desk.handle(raw))

    def signed_query(self, params: dict[str, Any]) -> str:
        """Return a signed query string."""
        text = urlencode({"timestamp": self.now_ms(), **params})
        return f"{text}&signature={sign(self.secret, text.encode())}"

    def ask(self, method: str, path: str, **params: Any) -> Reply:
        """Send a signed request, all in the query; names ending in ``_`` lose it."""
        outcome = self.raw(method, path, self.signed_query({name.rstrip("_"): value for name, value in params.items()}))
        assert isinstance(outcome, Reply), outcome
        return outcome

    def public(self, path: str, **params: Any) -> Reply:
        """Send an unsigned GET without a key."""
        outcome = self.raw("GET", path, urlencode(params), key="")
        assert isinstance(outcome, Reply), outcome
        return outcome

    def ok(self, method: str, path: str, **params: Any) -> Any:
        """Send a signed request that must be answered with 200; returns the body."""
        reply = self.ask(method, path, **params)
        assert reply.status == 200, reply
        return reply.body

    def code(self, method: str, path: str, **params: Any) -> int:
        """Send a signed request that must be refused; returns Binance's code."""
        reply = self.ask(method, path, **params)
        assert reply.status >= 400, reply
        assert set(reply.body) == {"code", "msg"}
        return int(reply.body["code"])
