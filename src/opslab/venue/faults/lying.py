"""Verbs that lie in replies: edited, stale, late, empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.faults.answering import refusal_of
from opslab.venue.faults.base import Answer
from opslab.venue.faults.inert import Inert
from opslab.venue.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.faults.base import RequestEffect
    from opslab.venue.faults.levers import Levers
    from opslab.venue.faults.target import Target
    from opslab.venue.wire import Request

_OK = 200
_EPHEMERAL = frozenset({"timestamp", "recvWindow", "signature"})


class EditedReplies(Inert):
    """Changes the body of replies that were successful, or their headers.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        edit: returns the body to send instead; None, or an equal one, leaves the body alone. It must not change its
            argument.
        headers: replaced or added.
    """

    def __init__(
        self, name: str, target: Target, edit: Callable[[Any], Any | None], headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(name, target)
        self._edit, self._headers = edit, headers or {}

    def after(self, request: Request, reply: Reply) -> RequestEffect | None:
        """Send the changed body."""
        del request
        if reply.status != _OK:
            return None
        body, replaced = self._edit(reply.body), {name.lower() for name in self._headers}
        kept = {name: text for name, text in reply.headers.items() if name.lower() not in replaced}
        headers = {**kept, **self._headers} if self._headers else reply.headers
        if (body is None or body == reply.body) and headers == reply.headers:
            return None
        return Answer(Reply(reply.status, reply.body if body is None else body, headers))


class StaleReplies(Inert):
    """Repeats to each query what it was answered first, whatever happened since."""

    def __init__(self, name: str, target: Target) -> None:
        super().__init__(name, target)
        self._first: dict[tuple[Any, ...], Reply] = {}

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Remember nothing of the last time."""
        del levers
        self._first.clear()
        return []

    def after(self, request: Request, reply: Reply) -> RequestEffect | None:
        """Send the first answer again; an answer that still holds is no lie."""
        if reply.status != _OK:
            return None
        asked = sorted(item for item in request.params.items() if item[0] not in _EPHEMERAL)
        first = self._first.setdefault((request.route, request.account, *asked), reply)
        if first is reply or first.body == reply.body:
            return None
        return Answer(Reply(reply.status, first.body, reply.headers))


class LateWrites(Inert):
    """Answers queries as if the orders and fills of the last seconds were not there yet.

    Args:
        name: see ``Inert``.
        target: the queries.
        seconds: how far the answers are behind, of the venue's time.
    """

    def __init__(self, name: str, target: Target, seconds: float) -> None:
        super().__init__(name, target)
        self._lag_ms = int(seconds * 1000)
        self._now_ms: Callable[[], int] = lambda: 0

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Take the venue's clock."""
        self._now_ms = levers.now_ms
        return []

    def after(self, request: Request, reply: Reply) -> RequestEffect | None:
        """Leave out what is too young; a single order that is does not exist (-2013)."""
        del request
        if reply.status != _OK:
            return None
        if isinstance(reply.body, dict):
            return Answer(refusal_of(400, -2013)) if self._is_young(reply.body) else None
        if not isinstance(reply.body, list):
            return None
        older = [item for item in reply.body if not self._is_young(item)]
        return Answer(Reply(reply.status, older, reply.headers)) if len(older) < len(reply.body) else None

    def _is_young(self, item: Any) -> bool:
        made = item.get("time", item.get("createTime")) if isinstance(item, dict) else None
        return isinstance(made, int) and made > self._now_ms() - self._lag_ms
