"""Checks on how a client behaves towards a venue that refuses it or does not answer.

The first two judge the fact ``refused``: ``{until_ms, requests: [{seq, time_ms, route}]}``: until when the venue had
told the client to stay away, in the venue's time, and what the client sent after it was told so for the first time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

_IN_FLIGHT = ("INITIALIZED", "SUBMITTED")


@check("requests.respect_ban")
def respect_ban(history: History, _spec: RunSpec | None) -> Judgement:
    """After it was told that it is banned, the client asked the venue for nothing until the ban was over."""
    return _stayed_away(history, "ban", "OPS-BAN-IGNORED")


@check("requests.respect_retry_after")
def respect_retry_after(history: History, _spec: RunSpec | None) -> Judgement:
    """After a 429 with Retry-After the client asked for nothing that was refused until that time was over."""
    return _stayed_away(history, "limit", "OPS-RETRY-AFTER-IGNORED")


def _stayed_away(history: History, what: str, code: str) -> Judgement:
    refused = history.fact("refused")
    early = [request for request in refused["requests"] if request["time_ms"] < refused["until_ms"]]
    if early:
        first = early[0]
        left = (refused["until_ms"] - first["time_ms"]) / 1000
        told = f"{first['route']} was sent into the {what}, {left:.1f} s before its end (of {len(early)} such requests)"
        return failed(code, told, expected=[], observed=early[:20])
    return passed(f"nothing was sent into the {what}")


@check("orders.resolved")
def resolved(history: History, _spec: RunSpec | None) -> Judgement:
    """Of no order that the strategy sent is it still open whether it arrived."""
    rows = history.run.latest_views["strategy"]["orders"]
    for row in rows:
        if row["status"] in _IN_FLIGHT:
            what = f"{row['client_order_id']} is {row['status']}: nobody knows whether it arrived"
            return failed("OPS-ORDER-IN-FLIGHT", what, observed=dict(row))
    return passed(f"{len(rows)} orders, each arrived or not")
