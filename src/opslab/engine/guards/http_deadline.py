"""A deadline for every HTTP request: the adapter sets none, and waits for ever (code of 1.231, and run).

A request that is late may still be carried out. It is told as a failure of the connection, which the adapter does not
take for a refusal: the order stays in flight, and the engine's check on orders in flight asks for it
(``ambiguous_submit`` does so at once).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from nautilus_trader.core.nautilus_pyo3 import HttpTimeoutError

from opslab.contract.execution import Guard, Profile
from opslab.engine.guards.line import Lines
from opslab.engine.guards.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opslab.engine.guards.site import Site

SECONDS = {Profile.FAST: 2.0, Profile.PRODUCTION: 10.0}
"""How long a request may take, with its wait for the adapter's own quota."""


class HttpDeadline(Standing):
    """Gives up on requests that are not answered in time."""

    guard: ClassVar[Guard] = Guard.HTTP_DEADLINE

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self._lines = Lines(self.guard, self._in_time)

    def on_data_client(self, client: Any, site: Site) -> None:
        """Stand before its HTTP client; raises as ``Lines.wrap``."""
        self._wrap(client, site)

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Stand before its HTTP client; raises as ``Lines.wrap``."""
        self._wrap(client, site)

    def _wrap(self, client: Any, site: Site) -> None:
        if self._lines.wrap(client):
            self.stand(site, f"every request is answered within {SECONDS[self.profile]:g} s, or given up")

    async def _in_time(self, send: Callable[..., Awaitable[Any]], method: Any, url: str, words: dict[str, Any]) -> Any:
        seconds = SECONDS[self.profile]
        try:
            async with asyncio.timeout(seconds):
                return await send(method, url=url, **words)
        except TimeoutError as error:
            what = f"{method_name(method)} {urlsplit(url).path} was not answered within {seconds:g} s"
            self.say("corrected", f"{what}: given up, it may still be carried out", seconds=seconds)
            raise HttpTimeoutError(what) from error


def method_name(method: Any) -> str:
    """Return the name of one of the adapter's HTTP methods, such as ``POST``."""
    return str(getattr(method, "name", method)).rpartition(".")[2].upper()
