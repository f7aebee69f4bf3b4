"""The check on a row of the engine's documentation: kept, broken as is known, or something else."""

from __future__ import annotations

import pytest

from opslab.contract.drill import Phase, Result
from opslab.drill.checks.registry import find_check
from opslab.drill.history import History

PROMISED = {"order": "ACCEPTED", "venue": "NEW"}
KNOWN = {"order": "REJECTED", "venue": "NEW"}


def _asked(seen, stock=None):
    facts = {"row": {"id": "NT-STATE-12", "promised": PROMISED, "stock": stock, "seen": seen}}
    return find_check("engine.as_documented").ask(History(facts=facts), None, Phase.VERIFY)


@pytest.mark.parametrize("stock", [None, KNOWN])
def test_a_promise_that_is_kept_passes(stock):
    assert _asked(PROMISED, stock).result is Result.PASS


def test_what_is_known_of_the_version_has_a_code_of_its_own():
    found = _asked(KNOWN, KNOWN)
    assert (found.result, found.code, found.expected, found.observed) == (
        Result.FAIL,
        "OPS-ENGINE-UNPROMISED",
        PROMISED,
        KNOWN,
    )
    assert found.details == "NT-STATE-12 is not kept, as is known of this version: order"


@pytest.mark.parametrize("seen", [{"order": "REJECTED"}, KNOWN | {"venue": "CANCELED"}, PROMISED | {"more": 1}, {}])
@pytest.mark.parametrize("stock", [None, KNOWN])
def test_a_third_outcome_is_neither(seen, stock):
    assert _asked(seen, stock).code == "OPS-ENGINE-OTHERWISE"


def test_without_a_known_defect_its_outcome_is_a_third_one():
    assert _asked(KNOWN).code == "OPS-ENGINE-OTHERWISE"


def test_a_row_that_nobody_recorded_is_a_doubt():
    found = find_check("engine.as_documented").ask(History(), None, Phase.VERIFY)
    assert (found.result, found.code) == (Result.UNKNOWN, "OPS-FACTS-MISSING")
