"""The checks on comparisons of files: each finding, one at a time, of a comparison that is else as it should be."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from opslab.contract.drill import Phase, Result
from opslab.contract.encoding import sha256_hex
from opslab.drill.checks import find_check
from opslab.drill.history import History
from opslab.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

STALE = {"kind": "stale", "subject": "freshness", "key": "observed.orders_ts_utc", "expected": "at most 5 s"}
MORE = {"kind": "quantity", "subject": "position", "key": "BTCUSDT", "expected": "1", "observed": "2"}
GONE = {"kind": "missing_observed", "subject": "order", "key": "O-1", "expected": "buy 1", "observed": None}
NAMES = {"position": "position", "open_orders": "order", "freshness": "freshness"}


def comparison(case: str, status: str, *rows: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """A comparison that found exactly what it should."""
    hit = {row["subject"] for row in rows}
    severities = {name: status if subject in hit else "ok" for name, subject in NAMES.items()}
    parts = list(severities.values())
    return {
        "case": case,
        "wanted": {"status": status, "differences": list(rows), **severities},
        "kept": f"reconciliation/{number:04d}.json",
        "result": {
            "status": status,
            "pass": status in ("ok", "warning"),
            "checks": [{"name": name, "severity": severity} for name, severity in severities.items()],
            "summary": {name: parts.count(name) for name in ("ok", "warning", "mismatch", "unknown")},
            "differences": [{"observed": "9 s old", **row} for row in rows],
        },
    }


class Files:
    """Stands for a bundle: files by name, and a journal that tells of the comparisons among them."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.run_id = "r1"
        self.files = {entry["kept"]: json.dumps(entry["result"]).encode() for entry in entries}
        self.files["reconciliation_result.json"] = self.files[entries[-1]["kept"]]
        self.told = [
            {
                "event": "reconciliation_checked",
                "status": entry["result"]["status"],
                "report_path": entry["kept"],
                "report_sha256": sha256_hex(self.files[entry["kept"]]),
            }
            for entry in entries
        ]

    @property
    def journal(self) -> tuple[dict[str, Any], ...]:
        return ({"event": "run_started"}, *self.told)

    def read(self, name: str) -> bytes:
        if name not in self.files:
            raise StoreError("is missing", where=name)
        return self.files[name]

    def json(self, name: str) -> object:
        return json.loads(self.read(name))


@pytest.fixture
def entries() -> list[dict[str, Any]]:
    return [
        comparison("unaltered", "ok"),
        comparison("silent", "warning", STALE, number=2),
        comparison("gone", "mismatch", GONE, number=3),
        comparison("more", "mismatch", MORE, number=4),
    ]


@pytest.fixture
def ask(entries) -> Callable[..., Any]:
    """Ask a check of the comparisons, after something was changed."""
    files = Files(copy.deepcopy(entries))

    def judge(name: str, change: Callable[[list[dict[str, Any]], Files], object] = lambda *_it: None, **facts: Any):
        change(entries, files)
        run = SimpleNamespace(run_id="r1", bundle=files, journal=files.journal)
        return find_check(f"reconciliation.{name}").ask(
            History((run,), {"reconciliations": entries, **facts}), None, Phase.VERIFY
        )

    return judge


@pytest.mark.parametrize("name", ["position", "open_orders", "freshness", "status", "kept"])
def test_comparisons_as_they_should_be_pass(ask, name):
    assert ask(name).result is Result.PASS


def _drop_differences(number: int):
    return lambda entries, _files: entries[number]["result"]["differences"].clear()


def _found_otherwise(number: int, **changes: Any):
    return lambda entries, _files: entries[number]["result"]["differences"][0].update(changes)


def _severity(number: int, part: int, severity: str):
    return lambda entries, _files: entries[number]["result"]["checks"][part].update(severity=severity)


UNSEEN, SEVERITY = "OPS-RECON-UNSEEN", "OPS-RECON-SEVERITY"
PARTS = {
    "quantity gone": ("position", _drop_differences(3), UNSEEN, "more: quantity BTCUSDT expected 1 observed 2 was not"),
    "another kind": ("position", _found_otherwise(3, kind="side"), UNSEEN, "was not seen"),
    "another value": ("position", _found_otherwise(3, observed="3"), UNSEEN, "was not seen"),
    "order gone": ("open_orders", _drop_differences(2), UNSEEN, "gone: missing_observed O-1 expected buy 1 was not"),
    "another order": ("open_orders", _found_otherwise(2, key="O-2"), UNSEEN, "was not seen"),
    "age gone": ("freshness", _drop_differences(1), UNSEEN, "silent: stale observed.orders_ts_utc"),
    "invented": (
        "open_orders",
        lambda entries, _files: entries[0]["result"]["differences"].append({**GONE, "key": "O-7"}),
        "OPS-RECON-INVENTED",
        "unaltered: missing_observed O-7 expected buy 1 was seen and is not so",
    ),
    "milder": ("freshness", _severity(1, 2, "ok"), SEVERITY, "silent: freshness is ok, it should be warning"),
    "doubtful": ("position", _severity(3, 0, "unknown"), SEVERITY, "more: position is unknown"),
    "no answer": ("open_orders", lambda es, _f: es[0]["result"]["checks"].pop(1), SEVERITY, "open_orders is None"),
}


@pytest.mark.parametrize(("name", "change", "code", "told"), PARTS.values(), ids=PARTS)
def test_a_part_that_came_out_otherwise_is_named(ask, name, change, code, told):
    finding = ask(name, change)
    assert (finding.result, finding.code) == (Result.FAIL, code)
    assert told in finding.details


ROLL_UPS = {
    "status": lambda entries, _files: entries[1]["result"].update(status="ok"),
    "passes": lambda entries, _files: entries[3]["result"].update({"pass": True}),
    "fails": lambda entries, _files: entries[0]["result"].update({"pass": False}),
    "summary": lambda entries, _files: entries[0]["result"]["summary"].update(ok=2),
    "part": _severity(0, 0, "mismatch"),
}


@pytest.mark.parametrize("change", ROLL_UPS.values(), ids=ROLL_UPS)
def test_a_roll_up_that_does_not_follow_is_named(ask, change):
    assert ask("status", change).code == "OPS-RECON-STATUS"


UNKEPT = {
    "file gone": lambda _entries, files: files.files.pop("reconciliation/0002.json"),
    "file altered": lambda _entries, files: files.files.update({"reconciliation/0002.json": b"{}"}),
    "result altered": lambda _entries, files: files.files.update({"reconciliation_result.json": b"{}"}),
    "result gone": lambda _entries, files: files.files.pop("reconciliation_result.json"),
    "not told": lambda _entries, files: files.told.pop(),
    "another status told": lambda _entries, files: files.told[0].update(status="warning"),
    "another digest told": lambda _entries, files: files.told[0].update(report_sha256="0" * 64),
    "one number twice": lambda entries, _files: entries[0].update(kept=entries[1]["kept"]),
}


@pytest.mark.parametrize("change", UNKEPT.values(), ids=UNKEPT)
def test_a_result_that_is_not_kept_is_named(ask, change):
    finding = ask("kept", change)
    assert (finding.result, finding.code) == (Result.FAIL, "OPS-RECON-NOT-KEPT")


STATE = {"position": {"side": "long", "qty": "1"}, "open_orders": [{"order_id": "O-1"}]}


def test_files_that_agree_pass_with_what_they_agree_on(ask):
    finding = ask("agrees", lambda entries, _files: entries.__delitem__(slice(1, None)), end_state=STATE)
    assert (finding.result, finding.details) == (Result.PASS, "long 1 and 1 open orders on both sides")


def test_files_that_differ_do_not_agree(ask):
    assert ask("agrees", end_state=STATE).code == "OPS-RECON-DISAGREES"


@pytest.mark.parametrize(
    "state",
    [{**STATE, "open_orders": []}, {**STATE, "position": {"side": "flat", "qty": "0"}}],
    ids=["no order", "no position"],
)
def test_nothing_to_compare_is_a_doubt(ask, state):
    finding = ask("agrees", end_state=state)
    assert (finding.result, finding.code) == (Result.UNKNOWN, "OPS-RECON-NOTHING")


@pytest.mark.parametrize("name", ["position", "status", "kept"])
def test_no_comparison_is_a_doubt(ask, name):
    finding = ask(name, lambda entries, _files: entries.clear())
    assert (finding.result, finding.code) == (Result.UNKNOWN, "OPS-FACTS-MISSING")
