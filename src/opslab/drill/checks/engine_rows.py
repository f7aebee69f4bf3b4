"""Checks on what the engine's documentation promises, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History


@check("engine.as_documented")
def as_documented(history: History, _spec: RunSpec | None) -> Judgement:
    """The engine does what a row of its documentation promises.

    Judges the fact `row`: `{id, promised, stock, seen}`: the row of the table in the page on the engine's own
    reconciliation, what is seen where the promise is kept, what this version of the engine is known to do instead
    (null: it keeps the promise), and what was seen. All three have the same words.
    """
    row = history.fact("row")
    name, promised, seen = row["id"], row["promised"], row["seen"]
    if seen == promised:
        return passed(f"{name}: as promised")
    different = ", ".join(sorted(key for key in {*promised, *seen} if promised.get(key) != seen.get(key)))
    if seen == row["stock"]:
        what = f"{name} is not kept, as is known of this version: {different}"
        return failed("OPS-ENGINE-UNPROMISED", what, expected=promised, observed=seen)
    return failed("OPS-ENGINE-OTHERWISE", f"{name} came out otherwise: {different}", expected=promised, observed=seen)
