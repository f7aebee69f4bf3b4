"""``tc kill``: activate, clear and show kill switches. Light: no engine, no pandas, no pydantic."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from opslab.cli import kill_flatten
from opslab.cli.told import json_option, tell_document, tell_json

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.root import Lab
    from opslab.safety.change import Change
    from opslab.safety.gate import GateDecision
    from opslab.safety.switches import KillSwitches

app = typer.Typer(help="Forbid new risk, allow it again, or show what is forbidden.", no_args_is_help=True)
app.command()(kill_flatten.flatten)

RunIdOption = Annotated[str | None, typer.Option(help="The run whose switch is meant.")]
AllOption = Annotated[bool, typer.Option("--all", help="The global switch, which covers every run.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is recorded.")]
ActorOption = Annotated[str | None, typer.Option(help="Who (default: $USER).")]
JsonOption = Annotated[bool, json_option("Print the state as JSON.")]


@app.command()
def activate(
    reason: ReasonOption,
    run_id: RunIdOption = None,
    everything: AllOption = False,
    actor: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Forbid new risk at once, whatever state the files are in; exit 0 says that it is forbidden."""
    name = _chosen(run_id, everything)
    lab, clock, switches = _opened()
    _tell(lab, clock, switches.activate(name, reason, _actor(actor)), as_json=json)


@app.command()
def clear(
    reason: ReasonOption,
    run_id: RunIdOption = None,
    everything: AllOption = False,
    actor: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Allow new risk again; refused while the switch's files are doubtful."""
    name = _chosen(run_id, everything)
    lab, clock, switches = _opened()
    _tell(lab, clock, switches.clear(name, reason, _actor(actor)), as_json=json)
    decision = switches.gate(name)
    if decision.blocked:
        _warn(f"still forbidden: {decision.reasons[0]}")


@app.command()
def status(run_id: RunIdOption = None, everything: AllOption = False, json: JsonOption = False) -> None:
    """Show the effective state: active if the run's switch or the global one is, or if either is doubtful.

    With --json and --run-id it is the run's state file as it is: its active_since_utc says since when nobody
    acknowledged a pull, and once cleared its last_actor and last_reason say who did. With --all, and where something
    else than that file decided, the object "pull" says it too.
    """
    from opslab.safety.pulls import pull_facts, pulls_in, shown

    name = _chosen(run_id, everything)
    lab, clock, switches = _opened()
    decision = switches.gate(name)
    if json:
        document = _document(name, decision)
        if decision.state != "absent" and (everything or _decided_else(name, decision)):
            document["pull"] = pull_facts(decision, pulls_in(switches.root, decision), clock.now())
        tell_json(document)
        return
    from opslab.errors import one_line

    record = decision.decided_by.record
    typer.echo(f"run_id={name}")
    typer.echo(f"state={decision.state}")
    if decision.state != "absent":
        for field in ("updated_at_utc", "last_reason", "last_actor"):
            typer.echo(f"{field}={one_line(record[field]) if record else 'unknown'}")
    if decision.decided_by.run_id != name:
        typer.echo(f"decided_by={decision.decided_by.run_id}")
    if decision.decided_by.elsewhere:
        typer.echo(f"decided_in={one_line(decision.decided_by.elsewhere)}")
    for trip in decision.decided_by.trips.values():
        typer.echo(f"trip={one_line(trip)}")
    for doubt in decision.decided_by.doubts:
        typer.echo(f"doubt={one_line(doubt)}")
    for line in shown(decision, pulls_in(switches.root, decision), clock.now()):
        typer.echo(line)
    _warn_unmarked(lab)


def _document(name: str, decision: GateDecision) -> dict[str, object]:
    """Return the contract's state object, with what ``decided_by``, ``decided_in``, ``trips`` and ``doubts`` add."""
    if decision.state == "absent":
        return {"schema_version": "v1", "run_id": name, "state": "absent"}
    fields = ("updated_at_utc", "last_event_id", "last_reason", "last_actor", "active_since_utc", "cleared_at_utc")
    record = decision.decided_by.record or dict.fromkeys(fields)
    document: dict[str, object] = {field: record[field] for field in fields}
    if decision.decided_by.run_id != name:
        document["decided_by"] = decision.decided_by.run_id
    if decision.decided_by.elsewhere:
        document["decided_in"] = decision.decided_by.elsewhere
    if decision.decided_by.trips:
        document["trips"] = list(decision.decided_by.trips.values())
    if decision.decided_by.doubts:
        document["doubts"] = list(decision.decided_by.doubts)
    return {**document, "schema_version": "v1", "run_id": name, "state": decision.state}


def _decided_else(name: str, decision: GateDecision) -> bool:
    """Whether more than the sound state file of the run itself decided; that file alone is the contract's document."""
    by = decision.decided_by
    return by.run_id != name or bool(by.elsewhere or by.trips or by.doubts)


def _chosen(run_id: str | None, everything: bool) -> str:
    from opslab.contract.switch_rules import GLOBAL
    from opslab.ids import checked_id

    if (run_id is not None) == everything:
        raise typer.BadParameter("say either --run-id or --all", param_hint="--run-id")
    return GLOBAL if run_id is None else checked_id(run_id)


def _opened() -> tuple[Lab, Clock, KillSwitches]:
    from opslab.cli.main import current_lab, system_clock
    from opslab.safety.switches import KillSwitches

    lab, clock = current_lab(is_text=False), system_clock()  # new risk can be forbidden whatever the folder is called
    return lab, clock, KillSwitches.of(lab, clock)


def _actor(named: str | None) -> str:
    return (named or "").strip() or os.environ.get("USER", "").strip() or "unknown"


def _tell(lab: Lab, clock: Clock, change: Change, *, as_json: bool) -> None:
    """Tell the run first, then the caller: the exit code goes by what became of the switch, not by the printing."""
    from opslab.contract.switch_rules import GLOBAL
    from opslab.errors import one_line
    from opslab.safety.telling import tell_run

    event = change.event
    run_id = event["run_id"]
    told = None if run_id == GLOBAL else tell_run(lab, run_id, event, clock, partial(_render, clock=clock))
    facts = {
        "run_id": run_id,
        "state": event["new_state"],
        "event": event["event"],
        "reason": event["reason"],
        "actor": event["actor"],
        "state_path": str(change.state_path),
    }
    if as_json:
        from opslab.contract.encoding import pretty_json

        _print(pretty_json(facts).decode(), facts["state"])
    else:
        _print("".join(f"{name}={one_line(value, 8000)}\n" for name, value in facts.items()), facts["state"])
    for warning in (*change.warnings, *([told] if told else [])):
        _warn(warning)
    _warn_unmarked(lab)
    if change.missed:
        from opslab.errors import StoreError

        raise StoreError(
            f"activated, but NOT in {'; NOT in '.join(change.missed)}",
            where=change.state_path.parent,
            fix="name the root that the lab's runs ask, and activate again",
        )


def _print(text: str, state: str) -> None:
    """Print what the contract says; the switch is what counts, so that a full disk behind the output is a warning."""
    from opslab.cli.output import OutputError

    try:
        tell_document(text)
    except OutputError as error:
        if not error.is_closed_pipe:
            _warn(f"{error.what}; the switch is {state}")


def _warn_unmarked(lab: Lab) -> None:
    if not lab.is_marked:
        _warn(f"nothing says that {lab.root} is a lab: only runs that are started with this root are meant")


def _render(bundle: Path, clock: Clock) -> None:
    """Let a finished run's metadata and report say what its switch is now."""
    from opslab.runs.finish import render
    from opslab.store import layout
    from opslab.store.writer import BundleWriter

    render(BundleWriter(bundle, clock), sorted(layout.RENDERED))


def _warn(what: str) -> None:
    from opslab.errors import one_line

    typer.echo(f"warning: {one_line(what)}", err=True)
