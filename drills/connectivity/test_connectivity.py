"""Is the venue there, and are the credentials? Asked of the real venue, recorded under the run that trades on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper

RUNBOOK = "docs/runbooks/connectivity-probe-failed.md"
PING = "/fapi/v1/ping"
ROUTE = f"GET {PING}"
ENVIRONMENT = {"TRADINGCHASSIS_PAPER_API_KEY": "planted-key-4711", "TRADINGCHASSIS_PAPER_API_SECRET": "planted-0815"}


class Prober:
    """Sends probes, and notes what the venue saw of each.

    Args:
        probe: the fixture.
        venue: the venue.
    """

    def __init__(self, probe: Callable[..., Any], venue: DrillVenue) -> None:
        self._probe, self._wire = probe, venue.thread.wire
        self._url = f"{venue.thread.endpoint.http}{PING}"
        self.seen: list[dict[str, Any]] = []

    def __call__(self, *, is_hung: bool = False, timeout_ms: int = 5_000) -> None:
        """Send one."""
        records = self._wire.records()
        since = records[-1].seq if records else 0
        self._probe(self._url, timeout_ms=timeout_ms)
        records = self._wire.records(since)
        numbers = {one.facts["number"] for one in records if one.kind == "request" and one.facts["path"] == PING}
        replies = [one.facts for one in records if one.kind == "reply" and one.facts["number"] in numbers]
        self.seen.append(
            {"answers": [one["status"] for one in replies if one["outcome"] == "reply"], "is_hung": is_hung}
        )


def _follows_redirects() -> AbstractContextManager[object]:
    """Believe every answer."""
    return mock.patch("opslab.connectivity.probe.GOOD", range(100, 600))


def _patient() -> AbstractContextManager[object]:
    """Call a server that hangs a server that answers."""
    from opslab.connectivity.probe import _Outcome
    from opslab.contract.connectivity import ProbeState

    async def believed(*_: object) -> _Outcome:
        return _Outcome(ProbeState.OK, None, 200, 1.0)

    return mock.patch("opslab.connectivity.probe._within", believed)


@pytest.mark.drill("connectivity-probe", rehearses=["CN-04"], severity="normal", runbook=RUNBOOK)
@pytest.mark.mutant("every-answer-is-good", _follows_redirects)
@pytest.mark.mutant("answers-are-made-up", _patient)
def test_a_probe_says_what_the_venue_does(
    drill: Drill, paper: Paper, venue: DrillVenue, probe: Callable[..., Any]
) -> None:
    """A venue that answers, refuses, hangs, breaks the connection and answers again is recorded as just that."""
    del paper
    send = Prober(probe, venue)
    drill.steady("engine.trading")
    send()
    with drill.inject(venue.faults.reject_requests(route=ROUTE, status=503)):
        send()
    with drill.inject(venue.faults.hang_requests(route=ROUTE)):
        send(is_hung=True, timeout_ms=200)
    with drill.inject(venue.faults.reset_requests(route=ROUTE)):
        send()
    send()
    drill.record("probes", send.seen)
    drill.holds("connectivity.probed_truly", "engine.trading")


def _tells_values() -> AbstractContextManager[object]:
    """Record values in place of names."""
    from opslab.connectivity import readiness

    judged = readiness.evaluated

    def leaky(spec: Any, run_id: str, environ: Any, now: Any) -> Any:
        told = judged(spec, run_id, environ, now)
        return told.model_copy(update={"present_env": tuple(environ[name] for name in told.present_env)})

    return mock.patch.object(readiness, "evaluated", leaky)


@pytest.mark.drill("connectivity-readiness", rehearses=["OP-06"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("values-are-told", _tells_values)
def test_readiness_lets_no_value_out(
    drill: Drill,
    run: Callable[..., Any],
    readiness: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The names of the variables that a spec asks for are recorded, their values are in no file."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    names = {"required_env": sorted(ENVIRONMENT)}
    run({"connectivity_readiness": {"enabled": True, "credential_placeholders": names}})
    told = readiness()
    drill.record("planted", list(ENVIRONMENT.values()))
    drill.record("readiness", {"state": str(told.state), "present": len(told.present_env)})
    drill.holds("connectivity.leaks_nothing", "run.completed")
