"""``tc kill flatten``: forbid new risk, then empty the run's venue from outside, whatever its node does."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opslab.cli.progress import is_shown
from opslab.cli.told import json_option, tell_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.root import Lab
    from opslab.safety.flatten.account import Account
    from opslab.safety.flatten.course import Flattened, Step
    from opslab.safety.flatten.log import FlattenLog
    from opslab.safety.switches import KillSwitches

_MOST_SECONDS = 3600.0


def flatten(
    run_id: Annotated[str, typer.Option(help="The run whose venue is emptied.")],
    seconds: Annotated[float, typer.Option(help="How long to try.", min=0.1, max=_MOST_SECONDS)] = 30.0,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "flatten from outside",
    actor: Annotated[str | None, typer.Option(help="Who (default: $USER).")] = None,
    json: Annotated[bool, json_option("Print what became of it as JSON.")] = False,
) -> None:
    """Forbid new risk, cancel every order and close every position of a paper run at its venue; exit 0 when flat."""
    from opslab.cli.main import current_lab, system_clock
    from opslab.runs.flattening import accounts_of, require_living
    from opslab.safety.switches import KillSwitches

    lab, clock = current_lab(is_text=False), system_clock()
    require_living(lab, run_id)
    errand = _Errand(lab, clock, run_id, reason, is_json=json)
    errand.forbid(KillSwitches.of(lab, clock), (actor or "").strip() or os.environ.get("USER", "").strip() or "unknown")
    with ExitStack() as stack:
        accounts = accounts_of(lab, run_id, os.environ)
        log = errand.log(stack)
        errand.tell("containment_began", {"cause": f"flatten: {reason}", "source": "switch"})
        done = errand.empty(accounts, log, seconds)
    errand.say(done)
    if not done.is_flat or errand.is_open:
        raise typer.Exit(1)


@dataclass
class _Errand:
    """One call of the command.

    Attributes:
        lab: the lab.
        clock: stamps what is recorded.
        run_id: the run.
        reason: why.
        is_json: whether the outcome is printed as JSON.
        warnings: what did not stop the flatten, and people must know.
        is_open: whether the switch could not be activated, so that the node may trade again.
    """

    lab: Lab
    clock: Clock
    run_id: str
    reason: str
    is_json: bool
    warnings: list[str] = field(default_factory=list)
    is_open: bool = False

    def forbid(self, switches: KillSwitches, actor: str) -> None:
        """Activate the run's switch; the venue is emptied even if that fails."""
        from opslab.errors import StoreError

        try:
            change = switches.activate(self.run_id, self.reason, actor)
        except StoreError as error:
            self.is_open = True
            self.warn(f"the kill switch is NOT active, the node may trade again: {error}")
            return
        for warning in change.warnings:
            self.warn(warning)
        if change.missed:
            self.is_open = True
            self.warn(f"activated, but NOT in {'; NOT in '.join(change.missed)}")
        self._record(change.event)

    def log(self, stack: ExitStack) -> FlattenLog | None:
        """Return where closes are written down; None when nothing can be written there.

        Raises:
            BusyError: another flatten of this run is at work.
        """
        from opslab.errors import OpsLabError
        from opslab.runs.flattening import flatten_directory
        from opslab.safety.flatten.log import BusyError, FlattenLog

        try:
            return stack.enter_context(FlattenLog(flatten_directory(self.lab, self.run_id)))
        except BusyError:
            raise
        except OpsLabError as error:
            self.warn(f"closes are not written down before they are sent: {error}")
            return None

    def empty(self, accounts: Sequence[Account], log: FlattenLog | None, seconds: float) -> Flattened:
        """Flatten, tell each step, and record how it ended.

        Args:
            accounts: the account, once with each of the keys that may be its own; the next is tried where the venue
                refuses one's.
            log: where closes are written down.
            seconds: how long to try.

        Raises:
            OpsLabError: the venue refuses all keys; that is recorded too.
        """
        from opslab.errors import OpsLabError
        from opslab.runs.flattening import facts_of
        from opslab.safety.flatten.talk import KeysRefusedError

        first, *others = accounts
        try:
            try:
                done = _emptied(first, log, seconds)
            except KeysRefusedError as error:
                if not others:
                    raise
                self.warn(f"{error.what}: the environment's keys are not this run's, those of its file are used")
                done = _emptied(others[0], log, seconds)
        except OpsLabError as error:
            self.tell("containment_ended", {"is_flat": False, "unknown": [str(error)]})
            raise
        if done.unrecorded:
            self.warn(f"closes were not written down before they were sent: {done.unrecorded}")
        self.tell("containment_ended", facts_of(done))
        return done

    def tell(self, event: str, facts: dict[str, Any]) -> None:
        """Record an event with the run."""
        from opslab.clock import to_stamp
        from opslab.contract.containment_events import CONTAINMENT_EVENTS

        base = {"ts_utc": to_stamp(self.clock.now()), "run_id": self.run_id}
        self._record(CONTAINMENT_EVENTS[event].model_validate({**base, **facts}).to_dict())

    def warn(self, what: str) -> None:
        """Say what people must know, on standard error."""
        from opslab.errors import one_line

        self.warnings.append(what)
        typer.echo(f"warning: {one_line(what, 800)}", err=True)

    def say(self, done: Flattened) -> None:
        """Print how it ended; the exit code goes by the venue, not by the printing."""
        from opslab.cli.output import OutputError
        from opslab.errors import one_line
        from opslab.runs.flattening import facts_of

        left = done.left.told()
        document = {"run_id": self.run_id, "is_switch_active": not self.is_open, **facts_of(done)}
        document |= {
            "dust": {name: f"{amount:f}" for name, amount in done.left.dust.items()},
            "why": dict(done.why),
            "warnings": self.warnings,
        }
        names = ("run_id", "is_switch_active", "is_flat", "orders_cancelled", "positions_closed", "rounds", "flat_ms")
        lines = [f"{name}={_word(document[name])}" for name in names]
        lines += [f"dust={name} {amount:f}" for name, amount in done.left.dust.items()]
        try:
            if self.is_json:
                tell_json(document)
            else:
                typer.echo("\n".join(lines))
                sys.stdout.flush()
        except OutputError as error:
            self.warn(error.what)
        if not done.is_flat:
            why = "".join(f"; {symbol}: {text}" for symbol, text in done.why.items())
            fix = "`tc runbook flatten-incomplete` says what to do"
            told = one_line(f"{self.run_id}: NOT flat: {left}{why}; {fix}", 1500)
            typer.echo(f"error: {told}", err=True)

    def _record(self, event: Mapping[str, Any]) -> None:
        from opslab.safety.telling import tell_run

        if trouble := tell_run(self.lab, self.run_id, event, self.clock, partial(_render, clock=self.clock)):
            self.warn(f"could not be recorded: {trouble}")


def _emptied(account: Account, log: FlattenLog | None, seconds: float) -> Flattened:
    from opslab.runs.flattening import new_flatten_id
    from opslab.safety.flatten.drive import flatten as emptied

    return emptied(account, flatten_id=new_flatten_id(), seconds=seconds, log=log, on_step=_teller())


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "unknown" if value is None else str(value)


def _teller() -> Callable[[Step], None]:
    """Return what tells a step on standard error: in colours on a terminal, plain elsewhere."""
    if is_shown(sys.stderr, os.environ):
        from rich.console import Console
        from rich.text import Text

        console = Console(stderr=True, highlight=False)
        colours = {"refused": "red", "unknown": "yellow", "unrecorded": "yellow", "waiting": "dim"}

        def show(step: Step) -> None:
            kind = Text(f"{step.kind:<10}", style=colours.get(step.kind, "bold"))
            console.print(Text(f"{step.at_ms:8.0f} ms  ", style="dim"), kind, Text(step.text), sep=" ")

        return show
    return lambda step: typer.echo(f"{step.at_ms:.0f} ms {step.kind}: {step.text}", err=True)


def _render(bundle: Path, clock: Clock) -> None:
    """Let a finished run's renderings follow from what was recorded."""
    from opslab.runs.finish import render
    from opslab.store import layout
    from opslab.store.writer import BundleWriter

    render(BundleWriter(bundle, clock), sorted(layout.RENDERED))
