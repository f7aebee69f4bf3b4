"""Nobody trades on a price of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.store.reader import Bundle

RUNBOOK = "docs/runbooks/fill-on-same-bar.md"
TWO = {"execution.more_data": [{"dataset": "ethusdt-sample"}]}


@pytest.mark.drill("fills-at-next-open", rehearses=["DQ-01", "DQ-02"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("fills-at-same-close")
@pytest.mark.parametrize("more", [{}, TWO], ids=["one instrument", "two instruments"])
def test_no_order_is_filled_on_the_bar_that_caused_it(
    drill: Drill, run: Callable[..., Bundle], more: dict[str, object]
) -> None:
    """No order is filled on the bar that caused it, on one and on two instruments."""
    fill = "same_close" if drill.mutant else "next_open"
    run({**more, "execution.fill": fill})
    drill.holds("run.completed", "fills.some", "fills.next_open")
