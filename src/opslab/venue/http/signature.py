"""Binance's HMAC signatures, checked over the bytes that came in.

Source: Binance's API documents, "SIGNED endpoint security": HMAC-SHA256, hexadecimal, the key is the account's secret,
over the query string followed by the body, without the ``signature`` parameter. Order and encoding count as sent.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = b"signature="


def sign(secret: str, payload: bytes) -> str:
    """Return the lower-case hexadecimal signature of ``payload``."""
    return hmac.digest(secret.encode(), payload, "sha256").hex()


def is_valid(secret: str, payload: bytes, signature: str) -> bool:
    """Tell whether ``signature`` is that of ``payload``; upper case is as good as lower case."""
    return hmac.compare_digest(sign(secret, payload).encode(), signature.lower().encode())


def http_payload(query: bytes, body: bytes) -> bytes:
    """Return what a request over HTTP is signed over: query and body with nothing between them.

    Args:
        query: the query string as received, without ``?``.
        body: the form body as received.
    """
    return _without_signature(query) + _without_signature(body)


def socket_payload(params: Mapping[str, str]) -> bytes:
    """Return what a request over the WebSocket API is signed over: ``name=value`` sorted by name, joined with ``&``."""
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name != "signature").encode()


def _without_signature(text: bytes) -> bytes:
    if _NAME not in text:
        return text
    head, found, tail = text.rpartition(b"&" + _NAME)
    if found and b"&" not in tail and _NAME not in head:  # it came last, as clients send it
        return head
    return b"&".join(pair for pair in text.split(b"&") if not pair.startswith(_NAME))
