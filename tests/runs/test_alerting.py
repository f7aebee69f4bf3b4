"""A trigger that fires is said at once, in one line, and is in the run's report and metrics."""

from __future__ import annotations

import pytest

from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.errors import StoreError
from opslab.report.metrics.exporter import export_run
from opslab.root import MARKER_FILE, find_lab
from opslab.runs import paper
from opslab.runs.alerting import Alerting
from opslab.runs.paper import run_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import thread_host
from opslab.samples import paper_spec

FACTS = {"trigger": "max_orders_per_minute", "value": "6", "limit": "5", "detail": "6 orders\nwithin a minute, limit 5"}


def test_each_trigger_is_said_once_and_other_events_are_not():
    told, said = [], []
    tell = Alerting(lambda event, _facts: told.append(event), said.append, "r-1", lambda: True)
    for event in ("guard_acted", "kill_activated", "trigger_fired"):
        tell(event, FACTS)
    assert told == ["guard_acted", "kill_activated", "trigger_fired"]
    what = "alert: critical: max_orders_per_minute of run r-1: 6 orders\\nwithin a minute, limit 5"
    assert said == [f"{what}; its kill switch is pulled; owner: not named; see the runbook trigger-fired"]


def test_the_owner_is_in_the_line():
    said = []
    Alerting(lambda _event, _facts: None, said.append, "r-1", lambda: True, "ann, room 7")("trigger_fired", FACTS)
    assert "; owner: ann, room 7; " in said[0]


def test_a_dead_mans_switch_that_is_lost_is_said_and_one_that_fails_once_is_not():
    said = []
    tell = Alerting(lambda _event, _facts: None, said.append, "r-1", lambda: False, "ann")
    for action in ("armed", "failed", "lost", "regained", "ended"):
        tell("dead_man_acted", {"action": action, "detail": "nothing was renewed"})
    assert said == [
        "alert: critical: dead man's switch of run r-1: nothing was renewed; owner: ann; see the runbook dead-man"
    ]


def test_it_is_said_though_the_journal_cannot_be_written():
    said = []

    def full(_event, _facts):
        raise StoreError("no space left on device")

    tell = Alerting(full, said.append, "r-1", lambda: True)
    for _ in range(2):  # it is told until it stands there
        with pytest.raises(StoreError):
            tell("trigger_fired", FACTS)
    assert len(said) == 1


def test_a_trigger_that_fires_again_is_said_again():
    said = []
    tell = Alerting(lambda _event, _facts: None, said.append, "r-1", lambda: True)
    for _ in range(2):
        tell("trigger_fired", FACTS)
    assert len(said) == 2


def test_only_the_trigger_that_pulled_says_so():
    said = []
    tell = Alerting(lambda _event, _facts: None, said.append, "r-1", lambda: True)
    for event, trigger in (("kill_activated", None), ("trigger_fired", "one"), ("trigger_fired", "two")):
        tell(event, {**FACTS, "trigger": trigger})
    assert ["its kill switch is pulled;" in line for line in said] == [True, False]
    assert "its kill switch was pulled already" in said[1]


def test_a_switch_that_cannot_be_pulled_is_not_called_pulled():
    said = []
    tell = Alerting(lambda _event, _facts: None, said.append, "r-1", lambda: False)
    for event in ("trigger_fired", "kill_activated", "kill_activated"):
        tell(event, FACTS)
    assert ["NOT pulled yet" in line for line in said] == [True, False]
    assert "run r-1: its kill switch is pulled now" in said[1]


@pytest.fixture
def lab(tmp_path):
    (tmp_path / MARKER_FILE).touch()
    found = find_lab(tmp_path, {}, [tmp_path])
    prepare(found, "btcusdt-sample")
    return found


def test_a_run_says_it_once_and_its_report_and_metrics_show_it(lab, monkeypatch):
    begin, said = paper.begin_paper, []
    monkeypatch.setattr(paper, "begin_paper", lambda *words, **more: begin(*words, **more, host_of=thread_host))
    changes = {"execution.max_seconds": 2, "risk.limits": {"max_feed_age_seconds": 0.001}, "risk.owner": "ann"}
    bundle = run_paper(
        lab, edited(read_spec(paper_spec()), changes), standard_registry(), run_id="old", alert=said.append
    )
    assert bundle.metadata.status == "completed"
    assert len(said) == 1
    assert "; its kill switch is pulled; " in said[0]
    (fired,) = [event for event in bundle.journal if event["event"] == "trigger_fired"]
    assert fired["owner"] == "ann"
    assert "; owner: ann; " in said[0]
    (pulled,) = [event for event in bundle.journal if event["event"] == "kill_activated"]
    assert bundle.metadata.safety["kill_switch"]["state"] == pulled["new_state"] == "active"
    assert said[0].startswith(
        "alert: critical: max_feed_age_seconds of run old: market data of BTCUSDT-PERP.BINANCE is "
    )
    assert (bundle.path / "report.md").read_text().count("| max_feed_age_seconds |") == 1
    report = (bundle.path / "report.md").read_text()
    assert "; owner: ann." in report
    assert "**not acknowledged**" in report
    metrics = export_run(lab.runs, "old").decode()
    assert 'tradingchassis_ops_lab_trigger_fired{run_id="old",trigger="max_feed_age_seconds"} 1' in metrics
