"""Checks on readiness and probes.

The fact ``probes`` says of each probe what the server saw of it: ``[{answers: [200], is_hung: false}]``, one status for
each request that came; the run's journal says what was recorded. The fact
``planted`` names the values that were put into the environment and that no file of the run may hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed, unknown

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

PROBED = "connectivity_probe_evaluated"
GOOD = range(200, 300)


@check("connectivity.probed_truly")
def probed_truly(history: History, _spec: RunSpec | None) -> Judgement:
    """Each probe is recorded as the server saw it: one request, and the state that its answer means."""
    recorded = [event for event in history.run.journal if event["event"] == PROBED]
    seen = history.fact("probes")
    if not seen or len(recorded) != len(seen):
        what = f"{len(recorded)} probes are recorded, {len(seen)} were sent"
        return failed("OPS-PROBE-UNTOLD", what, expected=len(seen), observed=len(recorded))
    for number, (told, server) in enumerate(zip(recorded, seen, strict=True), 1):
        expected = _meaning(server)
        observed = {"state": told["state"], "http_status": told["http_status"]}
        if observed != expected:
            what = f"probe {number} is recorded otherwise than the server saw it"
            return failed("OPS-PROBE-FALSE", what, expected=expected, observed=observed)
    return passed(f"{len(seen)} probes, each as the server saw it")


@check("connectivity.leaks_nothing")
def leaks_nothing(history: History, _spec: RunSpec | None) -> Judgement:
    """No value of a variable that readiness was asked for stands in any file of the run."""
    words = [str(word).encode() for word in history.fact("planted")]
    if not words or not all(words):
        return unknown("OPS-SECRETS-UNKNOWN", "no value was set that could leak")
    files = [path for path in sorted(history.run.bundle.path.rglob("*")) if path.is_file()]
    for path in files:
        if any(word in path.read_bytes() for word in words):
            return failed("OPS-SECRET-LEAKED", f"{path.name} holds a value of the environment", observed=path.name)
    return passed(f"{len(files)} files")


def _meaning(server: dict[str, Any]) -> dict[str, Any]:
    """Return what one probe must be recorded as."""
    answers = server["answers"]
    if len(answers) > 1:
        return {"state": f"{len(answers)} requests for one probe", "http_status": None}
    if server["is_hung"]:
        return {"state": "probe_timeout", "http_status": None}
    if not answers:
        return {"state": "probe_unreachable", "http_status": None}
    state = "probe_ok" if answers[0] in GOOD else "probe_http_error"
    return {"state": state, "http_status": answers[0]}
