"""Checks on what differs, and on what the run told of it: each passes on exactly its story, and on no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from opslab.contract.drill import Phase, Result
from opslab.drill.checks.registry import find_check
from opslab.drill.history import History, RunHistory

if TYPE_CHECKING:
    from opslab.contract.drill import Finding

NOTHING: dict[str, Any] = {"orders": [], "fills": [], "positions": [], "balances": []}
HELD = {**NOTHING, "positions": [{"instrument": "X", "signed_quantity": "1", "quantity": "1"}]}
PHANTOM = {"venue": NOTHING, "engine": HELD, "strategy": NOTHING}
AGREE = {"venue": NOTHING, "engine": NOTHING, "strategy": NOTHING}
ROW = {
    "view": "engine",
    "kind": "missing_venue",
    "subject": "position",
    "key": "X",
    "expected": None,
    "observed": "long 1",
}
DIFFERED = {"event": "views_differed", "agree": False, "since_ms": 500, "differences": [ROW], "differences_total": 1}
AGREED = {"event": "views_differed", "agree": True, "since_ms": 900, "differences": [], "differences_total": 0}
FIRED = {"event": "trigger_fired", "trigger": "max_mismatch_seconds", "detail": "the views have differed for 2 s"}
KIND = {"view": "engine", "kind": "missing_venue", "subject": "position"}
WANTED = [{**KIND, "key": "X", "expected": None, "observed": "long 1.0"}]
SIDE = {"view": "strategy", "kind": "side", "subject": "position"}


def asked(check: str, *, views: Any = AGREE, journal: Any = (), **facts: Any) -> Finding:
    bundle: Any = SimpleNamespace(journal=tuple(journal))
    run = RunHistory(bundle=bundle, find_problems=tuple, load_candles=dict, look=lambda: views)
    return find_check(check).ask(History((run,), facts), None, Phase.VERIFY)


@pytest.mark.parametrize(
    ("views", "wanted", "code"),
    [
        (PHANTOM, WANTED, ""),
        (AGREE, [], ""),
        (AGREE, WANTED, "OPS-DIFFERENCE-MISSED"),
        (PHANTOM, [KIND], ""),
        (PHANTOM, [*WANTED, SIDE], "OPS-DIFFERENCE-MISSED"),
        (PHANTOM, [*WANTED, KIND], "OPS-DIFFERENCE-MISSED"),
        (PHANTOM, [], "OPS-DIFFERENCE-OTHERWISE"),
    ],
)
def test_views_differ_so(views, wanted, code):
    assert asked("views.differ_so", views=views, differences=wanted).code == code


@pytest.mark.parametrize(
    ("journal", "code"),
    [
        ([DIFFERED], ""),
        ([], "OPS-DIFFERENCE-UNTOLD"),
        ([DIFFERED, AGREED], "OPS-DIFFERENCE-UNTOLD"),
        ([{**DIFFERED, "differences": [ROW, {**ROW, "kind": "side"}]}], "OPS-DIFFERENCE-OTHERWISE"),
        ([{**DIFFERED, "differences": [ROW, ROW]}], "OPS-DIFFERENCE-OTHERWISE"),
    ],
)
def test_views_told(journal, code):
    assert asked("views.told", journal=journal, differences=WANTED).code == code


@pytest.mark.parametrize("field", ROW)
def test_what_is_told_with_a_wrong_value_is_not_what_was_recorded(field):
    journal = [{**DIFFERED, "differences": [{**ROW, field: "WRONG"}]}]
    assert asked("views.told", journal=journal, differences=WANTED).code == "OPS-DIFFERENCE-UNTOLD"


@pytest.mark.parametrize("field", ROW)
def test_views_that_differ_with_another_value_are_not_what_was_recorded(field):
    wanted = [{**WANTED[0], field: "WRONG"}]
    assert asked("views.differ_so", views=PHANTOM, differences=wanted).code == "OPS-DIFFERENCE-MISSED"


def test_of_what_is_recorded_what_says_most_chooses_first():
    journal = [{**DIFFERED, "differences": [ROW, {**ROW, "key": "Y"}]}]
    assert asked("views.told", journal=journal, differences=[KIND, *WANTED]).code == ""


@pytest.mark.parametrize("odd", ["engine side position", {"view": "engine"}, {**ROW, "who": "nobody"}, None, 7])
@pytest.mark.parametrize("check", ["views.differ_so", "views.told"])
def test_a_fact_of_another_form_says_nothing(check, odd):
    found = asked(check, differences=[odd])
    assert (found.result, found.code) == (Result.UNKNOWN, "OPS-FACTS-MISSING")


@pytest.mark.parametrize("check", ["views.differ_so", "views.told"])
def test_without_the_fact_nobody_can_tell(check):
    assert asked(check).result is Result.UNKNOWN


@pytest.mark.parametrize(
    ("journal", "code"),
    [
        ([DIFFERED, AGREED], ""),
        ([], "OPS-AGREEMENT-UNTOLD"),
        ([DIFFERED], "OPS-AGREEMENT-UNTOLD"),
        ([AGREED], "OPS-AGREEMENT-UNTOLD"),
        ([DIFFERED, AGREED, DIFFERED], "OPS-AGREEMENT-UNTOLD"),
    ],
)
def test_views_told_again(journal, code):
    assert asked("views.told_again", journal=journal).code == code


@pytest.mark.parametrize(("journal", "code"), [([], ""), ([DIFFERED, AGREED], "OPS-DIFFERENCE-TOLD")])
def test_views_quiet(journal, code):
    assert asked("views.quiet", journal=journal).code == code


@pytest.mark.parametrize(
    ("views", "code"), [(AGREE, ""), (PHANTOM, "OPS-ENGINE-DIFFERS"), ({**AGREE, "strategy": HELD}, "")]
)
def test_views_followed(views, code):
    assert asked("views.followed", views=views).code == code


LEFT = {**NOTHING, "orders": [{"client_order_id": "O-9", "status": "NEW", "filled_quantity": "0"}]}


@pytest.mark.parametrize(
    ("journal", "views", "code"),
    [
        ([FIRED], AGREE, ""),
        ([], AGREE, "OPS-MISMATCH-UNPULLED"),
        ([{**FIRED, "trigger": "max_feed_age_seconds"}], AGREE, "OPS-MISMATCH-UNPULLED"),
        ([FIRED, FIRED], AGREE, "OPS-MISMATCH-PULLED-AGAIN"),
        ([FIRED], {**AGREE, "venue": LEFT}, "OPS-MISMATCH-RISK"),
    ],
)
def test_views_pulled(journal, views, code):
    assert asked("views.pulled", views=views, journal=journal, after=["O-9"]).code == code
