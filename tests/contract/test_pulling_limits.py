"""Limits that pull a paper run's switch: a backtest spec that names one is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from opslab.contract.spec import PULLING_LIMITS, Limits
from opslab.contract.spec_file import parse_spec
from opslab.errors import SpecError

SCENARIOS = Path(__file__).parents[2] / "scenarios" / "runs"
BACKTEST = (SCENARIOS / "btcusdt_backtest.run.yaml").read_text()


def named(name):
    head, _, tail = BACKTEST.partition("risk:\n")
    return f"{head}risk:\n  limits: {{{name}: 3}}\n{tail}"


@pytest.mark.parametrize("name", PULLING_LIMITS)
def test_a_backtest_cannot_keep_it(name):
    with pytest.raises(SpecError) as caught:
        parse_spec(named(name).encode(), "my.yaml")
    told = str(caught.value)
    assert told.startswith("my.yaml")
    assert f"risk.limits.{name} is of paper runs only" in told
    assert "\n" not in told


@pytest.mark.parametrize("name", PULLING_LIMITS)
def test_a_paper_run_keeps_it(name):
    paper = named(name).replace("mode: backtest", "mode: paper")
    assert getattr(parse_spec(paper.encode(), "my.yaml")[0].risk.limits, name) == 3


@pytest.mark.parametrize("name", sorted(Limits.model_fields.keys() - set(PULLING_LIMITS)))
def test_every_other_limit_is_for_both(name):
    for text in (named(name), named(name).replace("mode: backtest", "mode: paper")):
        assert getattr(parse_spec(text.encode(), "my.yaml")[0].risk.limits, name) == 3
