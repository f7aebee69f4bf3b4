"""The one catalogue of metric families: rendering, documentation and dashboards are made from it.

Names, labels with their order, and encodings are the contract's (section 5); families marked as additions are ours.
Kinds follow the contract too: a family whose name ends in ``_total`` is a counter.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from opslab.report.metrics.family import Family, Scope
from opslab.report.metrics.family import of_lab as _lab
from opslab.report.metrics.family import of_run as _run
from opslab.report.metrics.family import of_run_core as _core

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUSES = MappingProxyType(
    {"initialized": 0, "running": 1, "completed": 2, "failed": 3, "safety_blocked": 4, "orphaned": 5}
)
"""A run's states; ``orphaned`` is one that says it runs while no process holds its lock."""

ENDED = frozenset({"completed", "failed", "safety_blocked"})
SEVERITIES = ("ok", "warning", "mismatch", "unknown")
_PROBE = ("state", "network_scope", "error_class")
_SCENARIO = ("scenario_name", "scenario_version")

RUN_INFO = _core(
    "run_info", "What the run is; always 1.", "status", "dataset", "is_placeholder", "engine_executed"
)  # fmt: skip
RUN_STATUS = _core("run_status", "Where the run is in its life.", "status", addition=True, **STATUSES)
REHEARSED = _core(
    "run_rehearsed", "1 when a session of drills made the run, where trouble is on purpose; else 0.", addition=True
)
READINESS_STATE = _core(
    "connectivity_readiness_state",
    "Whether the credentials that a connection needs are present.",
    "state",
    disabled=0,
    configured=1,
    missing_credentials=2,
    invalid_config=3,
)
READINESS_ENABLED = _core("connectivity_readiness_enabled", "1 when the spec asks for the readiness check.", "state")
READINESS_MISSING = _core(
    "connectivity_readiness_missing_required_env_total", "Required environment variables that are missing.", "state"
)
READINESS_PROBED = _core(
    "connectivity_readiness_probe_performed", "1 when the readiness check opened a connection.", "state"
)
PROBE_STATE = _core(
    "connectivity_probe_state",
    "How the last connectivity probe ended.",
    *_PROBE,
    optional=1,
    probe_ok=1,
    probe_http_error=2,
    probe_timeout=3,
    probe_unreachable=4,
)
PROBE_PERFORMED = _core("connectivity_probe_performed", "1 when the probe was sent.", *_PROBE, optional=1)
PROBE_LATENCY = _core(
    "connectivity_probe_latency_seconds", "How long the probe waited for its answer.", *_PROBE, optional=1
)
PROBE_HTTP_STATUS = _core("connectivity_probe_http_status", "HTTP status of the probe's answer.", *_PROBE, optional=1)
KILL_SWITCH = _run(
    "kill_switch_state", "The kill switch as the run recorded it.", "state", absent=0, cleared=1, active=2
)
CONTAINMENT = Family(
    "containment_seconds", Scope.RUN, "How long the last containment took.", ("stage",), is_addition=True
)
TRIGGER_FIRED = Family("trigger_fired", Scope.RUN, "1: the limit pulled the switch.", ("trigger",), is_addition=True)
CREATED = _core("run_created_timestamp_seconds", "When the run was created, in Unix time.")
STARTED = _core("run_started_timestamp_seconds", "When the run began, in Unix time.")
COMPLETED = _core("run_completed_timestamp_seconds", "When the run ended, in Unix time.")
DURATION = _core("run_duration_seconds", "How long the run took from its beginning to its end.")
CANDLES = _core("backtest_input_candles_total", "Candles of all the datasets that the backtest was given.")
BARS = _core("backtest_bars_processed_total", "Bars that the engine went through.")
ENGINE_DURATION = _core("backtest_engine_duration_seconds", "Wall time of the engine's run alone.")
REGISTERED = _run(
    "backtest_scenario_strategy_registered", "1 when the strategy was registered.", *_SCENARIO, optional=1
)
TRIGGERED = _run(
    "backtest_scenario_deterministic_action_triggered",
    "1 when the strategy did what it does on known bars.",
    *_SCENARIO,
    optional=1,
)
BARS_SEEN = _run(
    "backtest_scenario_bars_seen_total", "Bars that the strategy was handed.", *_SCENARIO, optional=1
)  # fmt: skip
ORDERS = _run("backtest_scenario_orders_submitted_total", "Orders that the strategy submitted.", *_SCENARIO, optional=1)
FILLS = _run("backtest_scenario_fills_total", "Fills that the strategy was told of.", *_SCENARIO, optional=1)
HEARTBEATS = _core("paper_heartbeat_total", "Heartbeats of the paper run.")
MARKET_DATA = _core(
    "paper_market_data_timestamp_seconds",
    "When the paper run's node last took in market data of a feed, in Unix time; told every few seconds.",
    "feed",
    addition=True,
)
PAPER_DURATION = _core("paper_synthetic_duration_seconds", "Length of the paper run's synthetic session.")
JOURNAL_EVENTS = _core("journal_events_total", "Whole lines of the run's journal, later events included.")
JOURNAL_EVENT = _core("journal_event_total", "Whole lines of the run's journal, by event.", "event")
RECONCILIATION_STATUS = _core(
    "reconciliation_status",
    "The worse result of the latest reconciliation of files and that of views; always 1.",
    "status",
)
RECONCILIATION_SOURCE = _core(
    "reconciliation_source_status",
    "Result of the latest reconciliation of files, or of views; always 1.",
    "source",
    "status",
)
RECONCILIATION_CHECKS = _core(
    "reconciliation_checks_total", "Checks of the latest reconciliation, by severity.", "severity"
)
RECONCILIATION_TIME = _core(
    "reconciliation_last_timestamp_seconds", "When the latest reconciliation was made, in Unix time."
)
VIEWS_DIFFERENCES = _core(
    "views_differences",
    "What engine or strategy of a paper run believe otherwise than the venue's books; absent while they agree.",
    "view",
    "kind",
    addition=True,
)
VIEWS_DIFFER_SINCE = _core(
    "views_differ_since_timestamp_seconds",
    "Since when the views of a paper run have differed, in Unix time; 0 once they agree again.",
    addition=True,
)
DRILL_EXECUTED = _run("failure_drill_executed_total", "Reports of the drill in the run's bundle.", "drill_name")
DRILL_PASS = _run(
    "failure_drill_last_pass", "1 the drill passed, 0 it failed, -1 nobody can tell.", "drill_name", true=1, false=0
)
DRILL_OUTCOME = _run(
    "failure_drill_last_outcome",
    "The drill's outcome, for the three drills of the earlier lab.",
    "drill_name",
    expected_warning=1,
    expected_mismatch=2,
    simulated_recovery_ok=3,
)

KILL_SWITCH_GLOBAL = _lab(
    "kill_switch_global_state",
    "The lab's global kill switch, which covers every run, as it is now; active too when it cannot be read.",
    "state",
    addition=True,
    absent=0,
    cleared=1,
    active=2,
)
RUNS = _lab("runs", "Runs, by where they are in their life.", "status", addition=True)
ROOT_READABLE = _lab("artifacts_root_readable", "1 when the directory of runs can be listed.", addition=True)
UNREADABLE = _lab(
    "bundles_unreadable", "Bundles with something that cannot be read; what can be read is shown.", addition=True
)
FILES_UNREADABLE = _lab(
    "bundle_files_unreadable", "Files of bundles that cannot be read, by file.", "file", addition=True
)
SCAN_READ = _lab("scan_bundles_read", "Bundles that this scan read because they changed.", addition=True)
SCAN_DURATION = _lab("scan_duration_seconds", "How long this scan took.", addition=True)

EVIDENCE_PAIRS = _lab(
    "evidence_backtest_vs_paper_status_total", "Compared pairs of runs, by result.", "comparison_status"
)
EVIDENCE_STATUS = _lab(
    "evidence_backtest_vs_paper_status",
    "The results that compared pairs of runs have.",
    "comparison_status",
    differences_expected=1,
    matched_operational_context=2,
    missing_artifacts=3,
    incompatible_runs=4,
)
EVIDENCE_ARTIFACTS = _lab(
    "evidence_artifacts_present_total", "Compared pairs whose side has the artifact.", "side", "artifact"
)
EVIDENCE_GAPS = _lab("evidence_known_gaps_total", "Known gaps of all compared pairs.")
EVIDENCE_SHARED = _lab("evidence_journal_shared_events_total", "Events that both journals of a pair have, in sum.")
EVIDENCE_FIELDS = _lab(
    "evidence_compared_fields_total", "Compared fields of all pairs, by how they compare.", "classification"
)
EVIDENCE_UNREADABLE = _lab("evidence_unreadable", "Evidence files that cannot be read.", addition=True)

FAMILIES: tuple[Family, ...] = tuple(found for found in list(globals().values()) if isinstance(found, Family))
"""Every family of ``/metrics``, in the order in which it is written; evidence comes last."""
INDEX: Mapping[Family, int] = MappingProxyType({family: number for number, family in enumerate(FAMILIES)})
"""Each family's place in ``FAMILIES``."""

_DRILL = ("drill", "area", "severity")
SESSION_PASS = _lab(
    "drill_pass", "Verdict of the drill: 1 passed, 0 failed, -1 unknown or error.", *_DRILL, addition=True
)
SESSION_KNOWN_DEFECT = _lab(
    "drill_known_defect",
    "1 when the drill passed only because its finding is a known defect.",
    *_DRILL,
    addition=True,
)
SESSION_LAST_RUN = _lab(
    "drill_last_run_timestamp_seconds", "When the drill was judged, in Unix time.", *_DRILL, addition=True
)
SESSION_LAST_PASS = _lab(
    "drill_last_pass_timestamp_seconds",
    "When the drill last passed, in this session or an earlier one, in Unix time; absent when it never did.",
    *_DRILL,
    addition=True,
)
SESSION_PHASE = _lab(
    "drill_phase_duration_seconds", "How long a phase of the drill took.", "drill", "phase", addition=True
)
SESSION_BUDGET = _lab("drill_budget_seconds", "The longest that the drill allows.", "drill", "budget", addition=True)
SESSION_USED = _lab(
    "drill_budget_used_seconds", "How long it took what the budget is for.", "drill", "budget", addition=True
)
SESSION_DRILLS = _lab("session_drills", "Drills of the session, by verdict.", "verdict", addition=True)
SESSION_BUILD = _lab("build_info", "What judged the drills; always 1.", "version", "engine", "contract", addition=True)

SESSION: tuple[Family, ...] = (
    SESSION_PASS,
    SESSION_KNOWN_DEFECT,
    SESSION_LAST_RUN,
    SESSION_LAST_PASS,
    SESSION_PHASE,
    SESSION_BUDGET,
    SESSION_USED,
    SESSION_DRILLS,
    SESSION_BUILD,
)
"""Every family of a session's textfile and of a push, in the order in which they are written."""
