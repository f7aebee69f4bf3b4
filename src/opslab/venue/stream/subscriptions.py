"""The requests that a client makes on a stream's socket: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS and properties.

Requests, answers and error texts as in Binance's "Live Subscribing/Unsubscribing to streams". A listen key is a stream
like any other. A stream that does not exist is accepted and stays silent, as at Binance.
"""

from __future__ import annotations

import json
from typing import Any

from opslab.venue.stream.documents import read_document

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_MAX_ID = 36
_MAX_NAME = 256


class BadRequestError(Exception):
    """A request that is not understood; ``code`` and text are Binance's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def too_many(limit: int) -> dict[str, Any]:
    """Return what is answered to whoever wants more streams on one socket.

    Args:
        limit: how many there may be.
    """
    return {"code": 2, "msg": f"Invalid request: too many subscriptions, at most {limit}"}


class Subscriptions:
    """The streams of one socket.

    Args:
        streams: what the address asked for.
        is_combined: whether messages are wrapped.
        limit: most streams at once.
    """

    def __init__(self, streams: tuple[str, ...] = (), *, is_combined: bool = False, limit: int = 1024) -> None:
        self._streams: dict[str, None] = dict.fromkeys(streams)
        self._limit = limit
        self.is_combined = is_combined

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams, in the order in which they came."""
        return tuple(self._streams)

    def answer(self, text: str | bytes) -> dict[str, Any]:
        """Do what a message asks for and return the answer; a refused request changes nothing."""
        identity: dict[str, Any] = {}
        try:
            request = _decoded(text)
            identity = _identity(request)
            return {"result": self._do(request), **(identity or {"id": None})}
        except BadRequestError as error:
            return {"error": {"code": error.code, "msg": str(error)}, **identity}

    def _do(self, request: dict[str, Any]) -> Any:
        method = request.get("method")
        if method is None:
            raise BadRequestError(2, "Invalid request: missing field `method`")
        if method not in _METHODS:
            raise BadRequestError(2, f"Invalid request: unknown variant {_shown(method)}, expected one of {_KNOWN}")
        params = request.get("params", [])
        if not isinstance(params, list):
            raise BadRequestError(2, "Invalid request: params must be an array")
        if method == "SUBSCRIBE":
            return self._subscribe(_names(params))
        if method == "UNSUBSCRIBE":
            for name in _names(params):
                self._streams.pop(name, None)
            return None
        if method == "LIST_SUBSCRIPTIONS":
            return list(self._streams)
        return self._property(method, params)

    def _subscribe(self, names: list[str]) -> None:
        wanted = {**self._streams, **dict.fromkeys(names)}
        if len(wanted) > self._limit:
            refused = too_many(self._limit)
            raise BadRequestError(refused["code"], refused["msg"])
        self._streams = wanted

    def _property(self, method: str, params: list[Any]) -> bool | None:
        expected = 2 if method == "SET_PROPERTY" else 1
        if len(params) > expected:
            raise BadRequestError(2, "Invalid request: too many parameters")
        if not params or not isinstance(params[0], str):
            raise BadRequestError(2, "Invalid request: property name must be a string")
        if params[0] != "combined":
            raise BadRequestError(0, "Unknown property")
        if method == "GET_PROPERTY":
            return self.is_combined
        if len(params) < expected or not isinstance(params[1], bool):
            raise BadRequestError(1, "Invalid value type: expected Boolean")
        self.is_combined = params[1]
        return None


_KNOWN = ", ".join(f"`{method}`" for method in _METHODS)


def _decoded(text: str | bytes) -> dict[str, Any]:
    try:
        request = read_document(text)
    except ValueError as error:
        raise BadRequestError(3, f"Invalid JSON: {_reason(error)}") from error
    if not isinstance(request, dict):
        raise BadRequestError(2, "Invalid request: expected an object")
    return request


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"expected value at line {error.lineno} column {error.colno}"
    return "expected value" if isinstance(error, UnicodeError) else str(error)


def _identity(request: dict[str, Any]) -> dict[str, Any]:
    if "id" not in request:
        return {}
    found = request["id"]
    is_number = isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 64
    is_text = isinstance(found, str) and len(found) <= _MAX_ID
    if not (found is None or is_number or is_text):
        raise BadRequestError(2, "Invalid request: request ID must be an unsigned integer")
    return {"id": found}


def _names(params: list[Any]) -> list[str]:
    for name in params:
        if not isinstance(name, str) or not name or len(name) > _MAX_NAME:
            raise BadRequestError(2, "Invalid request: stream name must be a string")
    return params


def _shown(value: Any) -> str:
    return f"`{str(value)[:64]}`"
