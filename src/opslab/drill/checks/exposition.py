"""Checks on ``/metrics``: does a broken bundle cost only itself, and is it counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed
from opslab.drill.history import FactMissing

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

_OK = 200


@check("exposition.isolated")
def exposition_isolated(history: History, _spec: RunSpec | None) -> Judgement:
    """Whatever is wrong with one bundle, the page is answered, and the lines of the others are byte for byte the same.

    Judges the fact ``scrapes``, one mapping a way of breaking a bundle: ``{way, status, health, neighbours_before,
    neighbours_now}``: the HTTP status of ``/metrics`` and of ``/healthz``, 0 where no answer came, and the lines of the
    other bundles as ``{count, sha256}``.
    """
    scrapes = _some(history)
    for scrape in scrapes:
        way = scrape["way"]
        if scrape["status"] != _OK or scrape["health"] != _OK:
            found = {name: scrape[name] for name in ("status", "health")}
            what = f"{way}: /metrics is answered with {found['status']}, /healthz with {found['health']}"
            return failed("OPS-METRICS-DOWN", what, expected=_OK, observed=found)
        before, now = scrape["neighbours_before"], scrape["neighbours_now"]
        if before != now:
            what = f"{way}: the other bundles have {now['count']} lines that are not the {before['count']} of before"
            return failed("OPS-METRICS-NEIGHBOUR", what, expected=before, observed=now)
        if not before["count"]:
            return failed("OPS-METRICS-NEIGHBOUR", f"{way}: there is no other bundle on the page", observed=before)
    return passed(f"{len(scrapes)} ways, {scrapes[0]['neighbours_before']['count']} lines of others unchanged in each")


@check("exposition.counted")
def exposition_counted(history: History, _spec: RunSpec | None) -> Judgement:
    """What cannot be read of a bundle is counted, by file, and only that.

    Judges the fact ``scrapes``: ``{way, wanted, counted}``: the files of the broken bundle that must be counted as
    unreadable, and what the page counts: ``{bundles, files}``, the latter by file.
    """
    scrapes = _some(history)
    for scrape in scrapes:
        wanted, counted = scrape["wanted"], scrape["counted"]
        should = {"bundles": int(bool(wanted)), "files": dict.fromkeys(wanted, 1)}
        if counted != should:
            what = f"{scrape['way']}: {_told(counted)} counted as unreadable, it should be {_told(should)}"
            return failed("OPS-METRICS-UNCOUNTED", what, expected=should, observed=counted)
    return passed(f"{sum(bool(scrape['wanted']) for scrape in scrapes)} of {len(scrapes)} ways are counted, each once")


def _some(history: History) -> list[dict[str, Any]]:
    scrapes: list[dict[str, Any]] = history.fact("scrapes")
    if not scrapes:
        raise FactMissing("nothing was scraped")
    return scrapes


def _told(counted: dict[str, Any]) -> str:
    files = ", ".join(sorted(counted["files"])) or "no file"
    return f"{counted['bundles']} bundles ({files})"
