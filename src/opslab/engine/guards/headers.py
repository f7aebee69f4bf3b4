"""Makes an adapter's HTTP client keep the response headers that tell of limits.

The Rust client hands over only headers that it was told to keep when it was made, and the adapter tells it none: the
``headers`` of its errors are always empty (code of 1.231, and run). The guard makes the same client again, by the
adapter's own factory and with its quotas, and lets it keep them.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance import factories
from nautilus_trader.adapters.binance.http import client as http_module

from opslab.engine.guards.line import Line
from opslab.engine.guards.standing import reach

if TYPE_CHECKING:
    from opslab.contract.execution import Guard

KEPT = ("retry-after", "x-mbx-used-weight-1m")
_MAKER = "get_cached_binance_http_client.__wrapped__"


def keep_headers(client: Any, proxy_url: str | None, guard: Guard) -> None:
    """Let the HTTP client of a data or execution client keep the headers of limits.

    Args:
        client: the data or execution client, not connected yet.
        proxy_url: as its settings say.
        guard: who needs them.

    Raises:
        EngineError: the adapter makes its HTTP client in another way.
    """
    http = reach(client, "_http_client", guard)
    made = _made(http, reach(client, "_binance_account_type", guard), proxy_url, guard)
    holder, name = http, "_client"
    while isinstance(getattr(holder, name), Line):
        holder, name = getattr(holder, name), "inner"
    setattr(holder, name, made)


def _made(http: Any, account_type: Any, proxy_url: str | None, guard: Guard) -> Any:
    make = reach(factories, _MAKER, guard)
    original = reach(http_module, "HttpClient", guard)
    http_module.HttpClient = functools.partial(original, header_keys=list(KEPT))
    try:
        again = make(
            clock=reach(http, "_clock", guard),
            account_type=account_type,
            base_url=reach(http, "_base_url", guard),
            proxy_url=proxy_url,
        )
    finally:
        http_module.HttpClient = original
    return again._client  # noqa: SLF001 - what sends; its signing part is not used
