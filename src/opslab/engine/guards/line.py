"""The line to the venue: the one place through which every HTTP request of an adapter's client leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.engine.guards.standing import reach

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opslab.contract.execution import Guard

    type Send = Callable[..., Awaitable[Any]]
    type Around = Callable[[Send, Any, str, dict[str, Any]], Awaitable[Any]]
    """Is given what sends, the method, the URL and the other words; returns the answer."""


class Line:
    """Stands in for the Rust HTTP client, which takes no attributes; all but ``request`` is the client's own.

    Args:
        inner: the client, or another line.
        around: sees each request, and sends it or not.

    Attributes:
        inner: the same.
    """

    def __init__(self, inner: Any, around: Around) -> None:
        self.inner, self._around = inner, around

    def __getattr__(self, name: str) -> Any:
        """Return the client's own."""
        return getattr(self.inner, name)

    async def request(self, method: Any, url: str, **words: Any) -> Any:
        """Send a request, as the guard has it."""
        return await self._around(self.inner.request, method, url, words)


class Lines:
    """Puts a guard before the HTTP clients of a node; clients of the adapter share one, which is wrapped once."""

    def __init__(self, guard: Guard, around: Around) -> None:
        self._guard, self._around = guard, around
        self._wrapped: list[Any] = []

    def wrap(self, client: Any) -> bool:
        """Stand before the HTTP client of a data or execution client; return whether it is a new one.

        Raises:
            EngineError: it has none that can be wrapped.
        """
        http = reach(client, "_http_client", self._guard)
        reach(http, "_client.request", self._guard)
        if any(http is each for each in self._wrapped):
            return False
        self._wrapped.append(http)
        http._client = Line(http._client, self._around)  # noqa: SLF001 - the only place where all requests pass
        return True
