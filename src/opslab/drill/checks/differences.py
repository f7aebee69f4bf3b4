"""Checks on what differs between venue, engine and strategy, and on what the run itself told of it while it lived.

They judge the latest views, the journal's ``views_differed`` and ``trigger_fired``, and the fact ``differences``: what
is to differ, as a list of objects with the fields of a difference as the journal tells it: ``view``, ``kind`` and
``subject``, and what the drill knows of ``key``, ``expected`` and ``observed``. A field that is left out is not judged;
``null`` says that a view has no value there. Each object stands for one difference. Numbers are compared as numbers:
``0.010`` is ``0.01``.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import FACTS_MISSING, Judgement, check, failed, passed, unknown
from opslab.reconcile.three_views import all_differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History
    from opslab.reconcile.view_difference import ViewDifference

    type Row = Mapping[str, Any]

MISMATCH = "max_mismatch_seconds"
_NAMED = ("view", "kind", "subject")
_FIELDS = (*_NAMED, "key", "expected", "observed")


@check("views.differ_so")
def differ_so(history: History, _spec: RunSpec | None) -> Judgement:
    """The views differ in exactly what was recorded: view, kind, subject, and the key and values that were recorded."""
    found = [_row(item) for item in all_differences(history.run.latest_views)]
    return _exactly(history, found, "OPS-DIFFERENCE-MISSED", "the views do not differ")


@check("views.told")
def told(history: History, _spec: RunSpec | None) -> Judgement:
    """The run told, while it lived, of exactly the differences that were recorded."""
    changes = _changes(history)
    rows = changes[-1]["differences"] if changes else []
    return _exactly(history, rows, "OPS-DIFFERENCE-UNTOLD", "the run does not tell")


@check("views.told_again")
def told_again(history: History, _spec: RunSpec | None) -> Judgement:
    """The run told that the views differed, and then that they agree again."""
    agreed = [change["agree"] for change in _changes(history)]
    if agreed[-1:] != [True] or False not in agreed:
        what = "the run did not tell that the views agree again" if agreed else "the run told of no difference"
        return failed("OPS-AGREEMENT-UNTOLD", what, expected=[False, True], observed=agreed)
    return passed(f"told {len(agreed)} times")


@check("views.quiet")
def quiet(history: History, _spec: RunSpec | None) -> Judgement:
    """The run told of no difference: nothing lasted."""
    if changes := _changes(history):
        first = changes[0]
        what = f"the run told of {first['differences_total']} differences after {first['since_ms']} ms"
        return failed("OPS-DIFFERENCE-TOLD", what, expected=[], observed=changes[:5])
    return passed("nothing was told")


@check("views.followed")
def followed(history: History, _spec: RunSpec | None) -> Judgement:
    """Whoever traded on the account: what the engine believes is what the venue's books say."""
    views = history.run.latest_views
    found = [str(item) for item in all_differences(views) if item.view == "engine"]
    if found:
        return failed("OPS-ENGINE-DIFFERS", found[0], expected=[], observed=found[:20])
    return passed(f"{len(views['venue']['orders'])} orders at the venue, the engine follows")


@check("views.pulled")
def pulled(history: History, _spec: RunSpec | None) -> Judgement:
    """A mismatch that lasted pulled the switch, once; of the orders in the fact ``after`` none reached the venue."""
    fired = [event for event in history.run.journal if event["event"] == "trigger_fired"]
    mine = [event for event in fired if event["trigger"] == MISMATCH]
    if len(mine) != 1:
        what = f"{MISMATCH} fired {len(mine)} times"
        return failed("OPS-MISMATCH-UNPULLED" if not mine else "OPS-MISMATCH-PULLED-AGAIN", what, observed=fired)
    wanted = set(history.facts.get("after", ()))
    there = sorted(
        row["client_order_id"]
        for row in history.run.latest_views["venue"]["orders"]
        if row["client_order_id"] in wanted
    )
    if there:
        return failed("OPS-MISMATCH-RISK", f"{there[0]} reached the venue after the switch was pulled", observed=there)
    return passed(mine[0]["detail"])


def _exactly(history: History, found: Sequence[Row], code: str, none: str) -> Judgement:
    wanted = history.fact("differences")
    if odd := [
        row
        for row in (wanted if isinstance(wanted, list) else [wanted])
        if not isinstance(row, dict) or not set(_NAMED) <= row.keys() <= set(_FIELDS)
    ]:
        what = f"the fact differences has {odd[0]!r:.80}, which is not made of {', '.join(_FIELDS)}"
        return unknown(FACTS_MISSING, what)
    left, missed = list(found), []
    for row in sorted(wanted, key=len, reverse=True):  # what says most chooses first
        match = next((each for each in left if _is_so(row, each)), None)
        if match is None:
            missed.append(row)
        else:
            left.remove(match)
    shown = {"expected": wanted, "observed": list(found)}
    if missed:
        what = f"{none}: {_line(missed[0])}" if not found else f"not among what differs: {_line(missed[0])}"
        return failed(code, what, **shown)
    if left:
        return failed("OPS-DIFFERENCE-OTHERWISE", f"differs too: {_line(left[0])}", **shown)
    return passed(", ".join(_line(row) for row in found) or "nothing differs")


def _row(item: ViewDifference) -> Row:
    told = item.difference
    return {
        "view": item.view,
        "kind": str(told.kind),
        "subject": str(told.subject),
        "key": told.key,
        "expected": told.expected,
        "observed": told.observed,
    }


def _is_so(wanted: Row, row: Row) -> bool:
    return all(_is_same(value, row.get(name)) for name, value in wanted.items())


def _is_same(one: str | None, other: str | None) -> bool:
    """Whether two values say the same, word by word, and number by number."""
    if one is None or other is None:
        return one is other
    sides = [[_number(word) for word in str(text).split()] for text in (one, other)]
    return sides[0] == sides[1]


def _number(word: str) -> Decimal | str:
    try:
        number = Decimal(word)
    except InvalidOperation:
        return word
    return number if number.is_finite() else word


def _line(row: Row) -> str:
    sides = [f"{name}={row[name]}" for name in ("expected", "observed") if row.get(name) is not None]
    return " ".join([*(str(row[name]) for name in (*_NAMED, "key") if row.get(name)), *sides])


def _changes(history: History) -> list[dict[str, Any]]:
    return [event for event in history.run.journal if event["event"] == "views_differed"]
