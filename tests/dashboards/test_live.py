"""Every query of every panel and rule returns data from a real Prometheus over a real lab; so does a central one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.dashboards.conftest import Query, queries, rules
from tests.dashboards.desk import Desk, Pages, make
from tests.dashboards.server import Alertmanager, Prometheus, free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: apt install prometheus)"
)

IMPATIENT = {
    "vector(7 * 86400)": "vector(1)",
    "vector(120)": "vector(1)",
    **{f"for: {time}": "for: 1s" for time in ("1h", "15m", "1m")},
}
LIVING = {
    "OpsLabFeedStale",
    "tradingchassis_ops_lab:feed_age:seconds",
    "tradingchassis_ops_lab:run_living:info",
    "tradingchassis-ops-lab-safety/Age of Feeds/0",
}
"""What only a run that lives can show."""
LATER = {"OpsLabBundlesUnreadable", "OpsLabSessionsDown", "OpsLabRunFailed"}
"""Two wait for five minutes, the third comes last."""
OVER = {"OpsLabDrillsAbsent", "OpsLabFeedStale"}
"""Their queries had data before."""
HEARD = 'tradingchassis_ops_lab_paper_market_data_timestamp_seconds{run_id="desk-lives", feed="bars"}'
OWN_KILL = 'ALERTS{alertname="OpsLabKillSwitchActive", run_id="desk-lives", alertstate="firing"}'
NO_DRILLS = 'ALERTS{alertname="OpsLabDrillsAbsent", alertstate="firing"}'


class Stack:
    """A desk, its ``tc metrics serve``, a Prometheus beside it, and a central one."""

    def __init__(self, place) -> None:
        self.desk = Desk(place / "lab")
        port = free_port()
        self.desk.tc("metrics", "serve", "--port", port)
        # Nobody listens at the second address: there, the metrics are absent.
        self.lab = f"127.0.0.1:{port}"
        blocks = [{"targets": [self.lab, f"127.0.0.1:{free_port()}"]}]
        self.alertmanager = Alertmanager(place / "alertmanager") if Alertmanager.program else None
        managers = [{"targets": [self.alertmanager.address]}] if self.alertmanager else []
        targets = {"lab": blocks, "alertmanagers": managers}
        self.node = Prometheus(place / "node", "prometheus.yml", targets, IMPATIENT)
        nodes = [{"targets": [self.node.address], "labels": {"lab": "desk-1"}}]
        self.central = Prometheus(place / "central", "federation.yml", {"nodes": nodes}, IMPATIENT)
        self.pages: list[Pages] = []
        self.answered: set[str] = set()

    def poll(self, wanted: list[Query], seconds: float) -> None:
        """Ask until each of ``wanted`` had data."""

        def pending() -> list[str]:
            for query in wanted:
                if query.where not in self.answered and self.node.ask(query.of_any_run):
                    self.answered.add(query.where)
            return [query.where for query in wanted if query.where not in self.answered]

        until(lambda: not pending(), seconds, lambda: f"no data: {pending()}")

    def play(self) -> None:
        """Go through a day of the lab: a run lives and is killed, another dies, drills fail."""
        every = queries()
        living = make(self.desk)
        until(lambda: self.node.ask(NO_DRILLS), 10, self.node.log)
        self.answered.add("OpsLabDrillsAbsent")
        self.pages.append(Pages(self.desk.session()))
        self.node.aim("sessions", [{"targets": [self.pages[0].address, f"127.0.0.1:{free_port()}"]}])
        self.node.reload()  # at once: the file would be seen in its own time
        for expr in (HEARD, OWN_KILL):
            until(lambda expr=expr: self.node.ask(expr), 15, lambda expr=expr: f"no data: {expr}")
        self.poll([query for query in every if query.where in LIVING], 10)
        self.desk.kill(living)
        self.desk.done("kill", "activate", "--all", "--reason", "rehearsed")
        failed = [query for query in every if query.where == "OpsLabRunFailed"]
        self.poll([query for query in every if query not in failed], 20)
        self.wait_for_alerts()
        self.desk.done("run", "recover")
        self.poll(failed, 10)

    def wait_for_alerts(self) -> None:
        """Wait until every alert fires that does so at once, and is not over by now."""
        alerts = {name for name, rule in rules().items() if "alert" in rule}

        def missing() -> set[str]:
            found = self.node.ask('ALERTS{alertstate="firing"}')
            return alerts - LATER - OVER - {row["metric"]["alertname"] for row in found}

        until(lambda: not missing(), 10, missing)

    def end(self) -> None:
        self.node.stop()
        self.central.stop()
        if self.alertmanager is not None:
            self.alertmanager.stop()
        for page in self.pages:
            page.shutdown()
            page.server_close()
        self.desk.end()


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.play()
        yield stack
    finally:
        stack.end()


def every_query_returned_data(stack):
    assert {query.where for query in queries()} == stack.answered


def a_run_of_a_drill_alerts_nobody(stack):
    rehearsed = stack.node.ask("tradingchassis_ops_lab_run_rehearsed == 1")
    runs = {row["metric"]["run_id"] for row in rehearsed}
    assert runs
    assert not runs & {row["metric"].get("run_id") for row in stack.node.ask("ALERTS")}


def a_run_that_was_recovered_is_orphaned_no_more(stack):
    def over() -> bool:
        return not stack.node.ask('ALERTS{alertname="OpsLabRunOrphaned"}')

    until(over, 10, stack.node.log)


def the_central_one_has_the_runs_of_its_lab(stack):
    def found() -> list:
        return stack.central.ask('tradingchassis_ops_lab_run_status{lab="desk-1", run_id="desk-backtest"}')

    (row,) = until(found, 10, stack.central.log)
    assert row["metric"]["job"] == "tradingchassis_ops_lab_metrics"
    assert row["metric"]["instance"] == stack.lab


def the_central_one_alerts_by_itself_and_names_the_lab(stack):
    for name in (
        "OpsLabRunFailed",
        "OpsLabKillSwitchActive",
        "OpsLabReconciliationMismatch",
        "OpsLabDrillFailed",
    ):
        expr = f'ALERTS{{alertname="{name}", alertstate="firing", lab="desk-1"}}'
        until(lambda expr=expr: stack.central.ask(expr), 10, lambda expr=expr: f"no data: {expr}")


def the_central_one_leaves_the_details_where_they_are(stack):
    until(lambda: stack.central.ask("tradingchassis_ops_lab_runs"), 10, stack.central.log)
    assert stack.central.ask("tradingchassis_ops_lab_journal_event_total") == []
    assert stack.central.ask('{__name__=~"tradingchassis_ops_lab:.+", job!=""}') != []


def a_node_that_is_gone_is_noticed(stack):
    gone = f"127.0.0.1:{free_port()}"
    nodes = [
        {"targets": [stack.node.address], "labels": {"lab": "desk-1"}},
        {"targets": [gone], "labels": {"lab": "x"}},
    ]
    stack.central.aim("nodes", nodes)
    stack.central.reload()
    expr = f'ALERTS{{alertname="OpsLabMetricsAbsent", alertstate="firing", instance="{gone}", lab="x"}}'
    until(lambda: stack.central.ask(expr), 15, stack.central.log)


def alertmanager_is_told(stack):
    if stack.alertmanager is None:
        pytest.skip("alertmanager is not installed (Debian: apt install prometheus-alertmanager)")
    wanted = {"OpsLabKillSwitchActive": ["page-now"], "OpsLabRunBlocked": ["page"]}
    told = stack.alertmanager.alerts
    until(lambda: wanted.items() <= told().items(), 15, told)


CHECKS = (
    alertmanager_is_told,
    every_query_returned_data,
    a_run_of_a_drill_alerts_nobody,
    a_run_that_was_recovered_is_orphaned_no_more,
    the_central_one_has_the_runs_of_its_lab,
    the_central_one_alerts_by_itself_and_names_the_lab,
    the_central_one_leaves_the_details_where_they_are,
    a_node_that_is_gone_is_noticed,
)


@pytest.mark.timeout(180)
def test_a_day_of_a_lab(stack, subtests):
    """One test, so that several workers do not each make a lab."""
    for check in CHECKS:
        with subtests.test(check.__name__):
            check(stack)
