"""A small signed client, of the standard library only."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from opslab.venue.orders import AccountSetup


def ask(
    url: str, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[int, Any]:
    """Return status and JSON of a request."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def signed(url: str, account: AccountSetup, method: str, path: str, **params: Any) -> tuple[int, Any]:
    """Return status and JSON of a signed request."""
    query = urlencode({**params, "timestamp": int(time.time() * 1000)})
    signature = hmac.new(account.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    return ask(url, method, f"{path}?{query}&signature={signature}", {"X-MBX-APIKEY": account.api_key})
