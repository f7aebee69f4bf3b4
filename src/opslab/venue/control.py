"""The control door ``/ctl/``: shows the true books and drives faults, for drills in any language.

Every request bears the token in ``X-Opslab-Token``; answers are JSON, errors ``{"error": "one line"}``.

    GET  /ctl/endpoint          where the venue is found
    GET  /ctl/ledger            the books: orders, fills, balances, positions
    GET  /ctl/digest            the digest of the ledger's log
    GET  /ctl/wire?since=N      records of the wire log after number N, at most 10000
    GET  /ctl/witness           how many records the wire log has, and what keeps it from being kept whole
    GET  /ctl/faults            what can be injected, and what is
    POST /ctl/faults            inject: {"fault": name, settings..., "after": ..., "for": ...}
    POST /ctl/heal              {"id": n}, or {} for every fault
    POST /ctl/tape              {"do": "hold" | "resume"}, {"do": "step", "count": n}
    POST /ctl/exchange          {"do": "fill" | "liquidate" | "margin_call" | "adl" | "fund" | "credit" | "set_status",
                                ...}
    POST /ctl/clock             {"offset_ms": n}
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from opslab.errors import OpsLabError, VenueError, one_line
from opslab.venue.commands import carry_out, read_command
from opslab.venue.faults.catalogue import described
from opslab.venue.refusal import Refusal
from opslab.venue.wire_file import line_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opslab.venue.venue import Venue

TOKEN_HEADER = "X-Opslab-Token"  # noqa: S105 - the header's name
_MAX_BODY = 1 << 20
_MAX_RECORDS = 10_000
_MAX_OFFSET_MS = 10 * 365 * 86_400_000
_MAX_STEP = 100_000


class Control:
    """Answers requests below ``/ctl/``.

    Args:
        venue: what it controls.
        token: opens it.
    """

    def __init__(self, venue: Venue, token: str) -> None:
        self._venue, self._token = venue, token.encode()
        self._show: dict[str, Callable[[web.BaseRequest], Any]] = {
            "endpoint": lambda _: venue.endpoint.facts(),
            "ledger": lambda _: venue.exchange.snapshot(),
            "digest": lambda _: {"digest": venue.exchange.digest()},
            "wire": self._wire,
            "witness": lambda _: self._witness(),
            "faults": lambda _: self._faults(),
        }
        self._change: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "faults": self._inject,
            "heal": self._heal,
            "tape": self._tape,
            "exchange": self._exchange,
            "clock": self._clock,
        }

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request; never raises because of what was sent."""
        sent = request.headers.get(TOKEN_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(sent, self._token):
            return _json({"error": f"the header {TOKEN_HEADER} does not bear this venue's token"}, 401)
        name = request.path.removeprefix("/ctl/")
        if name not in self._show and name not in self._change:
            return _json({"error": f"nothing is called {one_line(name, 60)!r} here"}, 404)
        try:
            if request.method == "GET" and name in self._show:
                return _json(self._show[name](request))
            if request.method == "POST" and name in self._change:
                return _json(await self._change[name](await _body(request)))
        except Refusal as refusal:
            return _json({"error": one_line(refusal), "code": refusal.code}, 400)
        except OpsLabError as error:
            refused = _json({"error": str(error)}, 400)
            if not request.content.at_eof():
                refused.force_close()
            return refused
        return _json({"error": f"{one_line(name)} does not take {one_line(request.method, 20)}"}, 405)

    def _wire(self, request: web.BaseRequest) -> dict[str, Any]:
        since = request.query.get("since", "0")
        if not (since.isascii() and since.isdigit() and len(since) <= 18):  # noqa: PLR2004 - what fits 64 bits
            raise VenueError("must be the number of a record", where="since", fix="begin with 0")
        records = self._venue.wire.records(int(since))[:_MAX_RECORDS]
        return {"records": [json.loads(line_of(record)) for record in records]}

    def _witness(self) -> dict[str, Any]:
        trouble = self._venue.trouble
        return {"wire_records": self._venue.wire.last, "trouble": str(trouble) if trouble else None}

    def _faults(self) -> dict[str, Any]:
        return {"catalogue": described(), "injected": [one.facts for one in self._venue.gate.injections]}

    async def _inject(self, body: dict[str, Any]) -> dict[str, Any]:
        return dict(self._venue.inject(body).facts)

    async def _heal(self, body: dict[str, Any]) -> dict[str, Any]:
        _only(body, {"id"})
        gate = self._venue.gate
        found = [one for one in gate.injections if body.get("id") in (None, one.number)]
        if "id" in body and not found:
            raise VenueError("no such fault is injected", where=f"id {body['id']}", fix="see GET /ctl/faults")
        for injection in found:
            gate.heal(injection)
        return {"healed": [dict(one.facts) for one in found]}

    async def _tape(self, body: dict[str, Any]) -> dict[str, Any]:
        _only(body, {"do", "count"})
        player = self._venue.player
        if player is None:
            raise VenueError("the venue plays no tape", where="tape", fix="start it with a dataset")
        match body.get("do"):
            case "hold":
                player.hold()
            case "resume":
                player.resume()
            case "step":
                player.step(_number(body, "count", 1, _MAX_STEP, 1))
            case _:
                raise VenueError("must be hold, resume or step", where="do")
        return {"position": player.position, "is_held": player.is_held, "is_done": player.done.is_set()}

    async def _exchange(self, body: dict[str, Any]) -> dict[str, Any]:
        carry_out(read_command(body), self._venue.exchange)
        return {"digest": self._venue.exchange.digest()}

    async def _clock(self, body: dict[str, Any]) -> dict[str, Any]:
        _only(body, {"offset_ms"})
        clock = self._venue.clock
        clock.offset_ms = _number(body, "offset_ms", -_MAX_OFFSET_MS, _MAX_OFFSET_MS, None)
        self._venue.time_passes()
        return {"offset_ms": clock.offset_ms, "now_ms": clock.now_ms()}


async def _body(request: web.BaseRequest) -> dict[str, Any]:
    content = bytearray()
    while chunk := await request.content.readany():
        content += chunk
        if len(content) > _MAX_BODY:
            raise VenueError(f"is longer than {_MAX_BODY} bytes", where="body")
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError) as error:
        raise VenueError(f"is not JSON: {error}", where="body") from error
    if not isinstance(found, dict):
        raise VenueError("is not a JSON object", where="body")
    return found


def _only(body: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(body) - known):
        raise VenueError(f"is an unknown key; known are {', '.join(sorted(known))}", where=unknown[0])


def _number(body: dict[str, Any], name: str, least: int, most: int, default: int | None) -> int:
    found = body.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
        raise VenueError(f"must be a whole number from {least} to {most}", where=name)
    return found


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(body, default=str), content_type="application/json")
