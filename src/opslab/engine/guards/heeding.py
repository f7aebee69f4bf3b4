"""Hears what a venue answers to the engine's own requests when it throttles or bans, and remembers until when."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from opslab.engine.guards.line import Line
from opslab.safety.calm import BANNED, THROTTLED, named_seconds
from opslab.safety.flatten.talk import refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opslab.safety.calm import Calm


def heed(client: Any, calm: Calm) -> None:
    """Let ``calm`` hear of each 429 and 418 that an execution client is answered.

    The adapter hands over no headers, unless guard ``rate_limit`` stands there: the end of a ban is read from its
    message, and a pause that nothing names grows. A client of other make is left alone: a containment must not fail
    where there is nothing to hear.
    """
    http: Any = getattr(client, "_http_client", None)
    if not hasattr(getattr(http, "_client", None), "request"):
        return

    async def heard(send: Callable[..., Awaitable[Any]], method: Any, url: str, words: dict[str, Any]) -> Any:
        response = await send(method, url=url, **words)
        with contextlib.suppress(Exception):  # whatever the answer is like, the engine gets it
            if response.status in (THROTTLED, BANNED):
                _take_in(response, calm)
        return response

    http._client = Line(http._client, heard)  # noqa: SLF001 - the only place where all requests pass


def _take_in(response: Any, calm: Calm) -> None:
    headers = {name.lower(): value for name, value in (response.headers or {}).items()}
    code, message = refusal(bytes(response.body))
    named = named_seconds(headers.get("retry-after", ""), message, time.time() * 1000)
    calm.hear(time.monotonic(), response.status, code, named)
