"""The fixture that compares two runs. Its docstring is what ``pytest --fixtures`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opslab.pytest_plugin.keys import REHEARSAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.contract.evidence import Evidence
    from opslab.store.reader import Bundle


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Callable[[Bundle, Bundle], Evidence]:
    """Say what two runs of the drill, a backtest and a paper run, have in common.

    Called as ``found = evidence(backtest, paper)``. ``found.comparison_status`` is ``matched_operational_context`` when
    nothing differs beyond what the modes explain; ``found.differences`` says each with its cause. It is kept in
    ``artifacts/evidence/``, and attached to the Allure report where there is one.
    """
    if REHEARSAL not in request.node.stash:
        raise pytest.UsageError(f"{request.node.nodeid} uses the fixture evidence: mark it with @pytest.mark.drill")
    rehearsal = request.node.stash[REHEARSAL]
    has_allure = bool(request.config.getoption("allure_report_dir", None))

    def compared(backtest: Bundle, paper: Bundle) -> Evidence:
        from opslab.runs.evidence import compare_runs

        lab = rehearsal.lab
        kept = compare_runs(lab.runs, lab.evidence, backtest.run_id, paper.run_id, rehearsal.clock, lab)
        if has_allure:
            from opslab.report.allure import attach_comparison

            attach_comparison(kept.directory)
        return kept.found

    return compared
