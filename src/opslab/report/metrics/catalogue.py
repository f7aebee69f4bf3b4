"""The one catalogue of metric families: rendering, documentation and dashboards are made from it.

Names, labels with their order, and encodings are the contract's (section 5); families marked as additions are ours.
Kinds follow the contract too: a family whose name ends in ``_total`` is a counter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "tradingchassis_ops_lab_"
OTHER = -1
"""What stands for a state that an encoding does not know."""


class Scope(Enum):
    """Which labels a family's samples begin with."""

    CORE = ("run_id", "mode", "engine", "venue", "instrument")
    RUN = ("run_id",)
    LAB = ()


class Kind(Enum):
    """The metric's type in the text format."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric family.

    Attributes:
        suffix: the name without the prefix that all share.
        scope: the labels every sample begins with.
        help: one sentence for people.
        extra: labels after the scope's, in order; those in ``optional`` may be missing at the end.
        optional: how many of ``extra`` may be missing.
        encoding: the number that stands for each state, for families that encode one.
        is_addition: the earlier lab did not have it.
    """

    suffix: str
    scope: Scope
    help: str
    extra: tuple[str, ...] = ()
    optional: int = 0
    encoding: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    is_addition: bool = False

    @property
    def name(self) -> str:
        """The full name, as samples bear it."""
        return PREFIX + self.suffix

    @property
    def kind(self) -> Kind:
        """The type, which the name decides."""
        if self.suffix.endswith("_total"):
            return Kind.COUNTER
        return Kind.INFO if self.suffix.endswith("_info") else Kind.GAUGE

    @property
    def unit(self) -> str:
        """The base unit that the name ends in, or nothing."""
        stem = self.suffix.removesuffix("_total")
        return next((unit for unit in ("seconds", "bytes", "ratio") if stem.endswith(f"_{unit}")), "")

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label, in order."""
        return (*self.scope.value, *self.extra)

    def encode(self, state: str) -> int:
        """Return the number that stands for ``state``, -1 for one that the encoding does not know."""
        return self.encoding.get(state, OTHER)


def _core(suffix: str, text: str, *extra: str, optional: int = 0, addition: bool = False, **codes: int) -> Family:
    return Family(suffix, Scope.CORE, text, extra, optional, MappingProxyType(codes), addition)


def _run(suffix: str, text: str, *extra: str, optional: int = 0, **codes: int) -> Family:
    return Family(suffix, Scope.RUN, text, extra, optional, MappingProxyType(codes))


def _lab(suffix: str, text: str, *extra: str, addition: bool = False, **codes: int) -> Family:
    return Family(suffix, Scope.LAB, text, extra, 0, MappingProxyType(codes), addition)


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
PAPER_DURATION = _core("paper_synthetic_duration_seconds", "Length of the paper run's synthetic session.")
JOURNAL_EVENTS = _core("journal_events_total", "Whole lines of the run's journal, later events included.")
JOURNAL_EVENT = _core("journal_event_total", "Whole lines of the run's journal, by event.", "event")
RECONCILIATION_STATUS = _core("reconciliation_status", "Result of the latest reconciliation; always 1.", "status")
RECONCILIATION_CHECKS = _core(
    "reconciliation_checks_total", "Checks of the latest reconciliation, by severity.", "severity"
)
RECONCILIATION_TIME = _core(
    "reconciliation_last_timestamp_seconds", "When the latest reconciliation was made, in Unix time."
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
SESSION_DRILLS = _lab("session_drills", "Drills of the session, by verdict.", "verdict", addition=True)
SESSION_BUILD = _lab("build_info", "What judged the drills; always 1.", "version", "engine", "contract", addition=True)

SESSION: tuple[Family, ...] = (
    SESSION_PASS,
    SESSION_KNOWN_DEFECT,
    SESSION_LAST_RUN,
    SESSION_LAST_PASS,
    SESSION_PHASE,
    SESSION_BUDGET,
    SESSION_DRILLS,
    SESSION_BUILD,
)
"""Every family of a session's textfile and of a push, in the order in which they are written."""
