"""Checks on comparisons of files: is everything seen that differs, nothing else, and is each result kept.

They judge the fact ``reconciliations``, one mapping a comparison, in order:

- ``case``: what was done to the observed file;
- ``wanted``: what must come out: ``status``, the severities of ``position``, ``open_orders`` and ``freshness``, and
  ``differences``, each with ``kind``, ``subject`` and ``key``, and where it matters ``expected`` and ``observed``;
- ``result``: the result as it was made;
- ``kept``: the file of the bundle that it was kept in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.encoding import sha256_hex
from opslab.drill.checks.registry import Judgement, check, failed, passed, unknown
from opslab.drill.history import FactMissing
from opslab.drill.report_fields import RECONCILIATIONS
from opslab.errors import OpsLabError
from opslab.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History, RunHistory

_PASSING = frozenset({"ok", "warning"})
_ORDER = ("ok", "warning", "unknown", "mismatch")


@check("reconciliation.agrees")
def reconciliation_agrees(history: History, _spec: RunSpec | None) -> Judgement:
    """Before anything is broken both files agree, and there is something to agree on.

    Judges the last of the fact ``reconciliations``, and the fact ``end_state``, which the files were made from:
    ``position`` and ``open_orders``.
    """
    state = history.fact("end_state")
    if state["position"]["side"] == "flat" or not state["open_orders"]:
        return unknown("OPS-RECON-NOTHING", "the run ended without a position or without an open order")
    result = _last(history)["result"]
    if result["status"] != "ok" or result["differences"]:
        found = [_told(row) for row in result["differences"]]
        return failed("OPS-RECON-DISAGREES", f"the files differ: {', '.join(found)}", expected="ok", observed=found)
    position = state["position"]
    return passed(f"{position['side']} {position['qty']} and {len(state['open_orders'])} open orders on both sides")


@check("reconciliation.position")
def reconciliation_position(history: History, _spec: RunSpec | None) -> Judgement:
    """What differs between the positions is seen, each with its kind and its values, and nothing else."""
    return _judge_part(history, "position", "position")


@check("reconciliation.open_orders")
def reconciliation_open_orders(history: History, _spec: RunSpec | None) -> Judgement:
    """What differs between the open orders is seen, each with its kind and its values, and nothing else."""
    return _judge_part(history, "open_orders", "order")


@check("reconciliation.freshness")
def reconciliation_freshness(history: History, _spec: RunSpec | None) -> Judgement:
    """What is older than allowed is seen, and nothing that is not."""
    return _judge_part(history, "freshness", "freshness")


@check("reconciliation.status")
def reconciliation_status(history: History, _spec: RunSpec | None) -> Judgement:
    """Each comparison has the wanted status, the worst of its parts, and passes only as ``ok`` or ``warning``."""
    for entry in _some(history):
        wanted, result = entry["wanted"]["status"], entry["result"]
        parts = [part["severity"] for part in result["checks"]]
        counted = {severity: parts.count(severity) for severity in _ORDER}
        should = {"status": wanted, "pass": wanted in _PASSING, "summary": counted, "worst": wanted}
        observed = {name: result[name] for name in ("status", "pass", "summary")}
        observed["worst"] = max(parts, key=_ORDER.index, default="ok")
        if observed != should:
            what = f"{entry['case']}: the comparison is {result['status']}, it should be {wanted}"
            return failed("OPS-RECON-STATUS", what, expected=should, observed=observed)
    return passed(", ".join(f"{entry['case']}: {entry['result']['status']}" for entry in _some(history)))


@check("reconciliation.kept")
def reconciliation_kept(history: History, _spec: RunSpec | None) -> Judgement:
    """Each comparison is kept in the run's bundle, under its own number, and told in its record; the last is shown."""
    entries, run = _some(history), history.run
    told = {
        event["report_path"]: (event["status"], event["report_sha256"])
        for event in run.journal
        if event["event"] == "reconciliation_checked"
    }
    if len({entry["kept"] for entry in entries}) != len(entries):
        return failed("OPS-RECON-NOT-KEPT", "two comparisons have one number", observed=[it["kept"] for it in entries])
    for entry in entries:
        if (content := _content(run, entry["kept"])) is None:
            return failed("OPS-RECON-NOT-KEPT", f"{entry['case']}: {entry['kept']} cannot be read")
        should = entry["result"]["status"], sha256_hex(content)
        if run.bundle.json(entry["kept"]) != entry["result"] or told.get(entry["kept"]) != should:
            what = f"{entry['case']}: {entry['kept']} is not what was found, or the record does not tell of it"
            return failed("OPS-RECON-NOT-KEPT", what, expected=should, observed=told.get(entry["kept"]))
    if _content(run, layout.RECONCILIATION_RESULT) != content:
        return failed("OPS-RECON-NOT-KEPT", f"{layout.RECONCILIATION_RESULT} is not the last comparison")
    return passed(f"{len(entries)} comparisons kept in {run.run_id}")


def _judge_part(history: History, name: str, subject: str) -> Judgement:
    entries = _some(history)
    for entry in entries:
        wanted, result = entry["wanted"], entry["result"]
        rows = [row for row in wanted["differences"] if row["subject"] == subject]
        found = [row for row in result["differences"] if row["subject"] == subject]
        if unseen := [row for row in rows if not any(_is_meant(row, other) for other in found)]:
            what = f"{entry['case']}: {_told(unseen[0])} was not seen"
            return failed("OPS-RECON-UNSEEN", what, expected=unseen, observed=found)
        if invented := [row for row in found if not any(_is_meant(other, row) for other in rows)]:
            what = f"{entry['case']}: {_told(invented[0])} was seen and is not so"
            return failed("OPS-RECON-INVENTED", what, expected=rows, observed=invented)
        severity = next((part["severity"] for part in result["checks"] if part["name"] == name), None)
        if severity != wanted[name]:
            what = f"{entry['case']}: {name} is {severity}, it should be {wanted[name]}"
            return failed("OPS-RECON-SEVERITY", what, expected=wanted[name], observed=severity)
    return passed("; ".join(_seen(entries, subject)) or f"{len(entries)} comparisons, no difference")


def _seen(entries: list[dict[str, Any]], subject: str) -> Iterator[str]:
    for entry in entries:
        if rows := [_told(row) for row in entry["result"]["differences"] if row["subject"] == subject]:
            yield f"{entry['case']}: {', '.join(rows)}"


def _is_meant(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return all(found.get(name) == value for name, value in wanted.items())


def _told(row: Mapping[str, Any]) -> str:
    sides = (f"{name} {row[name]}" for name in ("expected", "observed") if row.get(name) is not None)
    return " ".join([row["kind"], row["key"], *sides])


def _content(run: RunHistory, name: str) -> bytes | None:
    try:
        return run.bundle.read(name)
    except OpsLabError:
        return None


def _some(history: History) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = history.fact(RECONCILIATIONS)
    if not entries:
        raise FactMissing("nothing was compared")
    return entries


def _last(history: History) -> dict[str, Any]:
    return _some(history)[-1]
