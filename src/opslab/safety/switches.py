"""The kill switches of a lab: read, activate, clear. The files under ``runtime/kill_switch/`` are the source.

A lab's roots act as one: what was activated in any root that the lab ever used forbids new risk in all of them, an
activation is made in all of them, and a clear opens all of them.

What cannot be detected: switches directory, anchor and list of roots deleted together; all of them replaced by an
older copy that was consistent when it was taken; and forgery by somebody who recomputes the digests.
"""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from opslab.contract.switch_rules import GLOBAL
from opslab.errors import OpsLabError, StoreError
from opslab.ids import checked_id
from opslab.safety.activation import Activation
from opslab.safety.change import Change, Words
from opslab.safety.clearing import Clearing
from opslab.safety.gate import GateDecision, decide
from opslab.safety.machine import said
from opslab.safety.reading import SwitchReading
from opslab.safety.roots import RootList
from opslab.safety.switch_root import SwitchRoot
from opslab.safety.watch import Watch
from opslab.store.journal import GENESIS, Head

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.root import Lab


class KillSwitches:
    """The switches of one root, and of the other roots of its lab.

    Args:
        root: their directory; a symlink to a directory is followed, the files in it are not.
        clock: stamps events, and says what is from the future.
        roots_file: where the lab lists every root that it used; None for a root that stands alone, as in drills.
    """

    def __init__(self, root: Path, clock: Clock, *, roots_file: Path | None = None) -> None:
        self._clock = clock
        self._roots = RootList(roots_file, clock) if roots_file else None
        self._own = SwitchRoot(root, clock, roots=self._roots)
        self.root = self._own.path

    @classmethod
    def of(cls, lab: Lab, clock: Clock) -> KillSwitches:
        """Return the switches of ``lab``."""
        return cls(lab.kill_switch, clock, roots_file=RootList.place_in(lab.root))

    def read(self, run_id: str) -> SwitchReading:
        """Return what a switch reads as in this root; a doubt is looked at again while no writer is at work.

        Args:
            run_id: the run, or ``GLOBAL``.

        Raises:
            IdError: ``run_id`` is unsafe.
        """
        return self._own.readings(_checked(run_id))[0]

    def gate(self, run_id: str) -> GateDecision:
        """Return whether the run may take new risk; of ``GLOBAL``, whether any run may.

        Raises:
            IdError: ``run_id`` is unsafe.
        """
        return decide(*self._readings(_checked(run_id)))

    def watch(self, run_id: str) -> Watch:
        """Return what answers as ``gate`` does, but reads the files only when they changed: for every single order.

        Raises:
            IdError: ``run_id`` is unsafe.
        """
        name = _checked(run_id)
        return Watch(partial(self._readings, name), partial(self._paths, name), self._clock)

    def activate(self, run_id: str, reason: str, actor: str, source: str = "tc") -> Change:
        """Forbid new risk, over any corruption; durable when this returns.

        What is broken is set aside. A broken index is renewed, and the global switch activated, because nobody knows
        any more which switches there were.

        Raises:
            IdError: ``run_id`` is unsafe.
            OpsLabError: the reason or the actor is blank.
            StoreError: nothing at all could be written.
        """
        name, words = _checked(run_id), Words(said(reason, "reason"), said(actor, "actor"), source)
        with ExitStack() as stack:
            # All marks first: no lock of one root delays what the gates of another see.
            own, *others = [stack.enter_context(Activation(root, name, words)) for root in self._all()]
            change, failure, told, missed = None, None, [], []
            try:
                change = own.complete()
            except StoreError as error:
                failure = error
            for activation in others:
                try:
                    told += [f"{warning} (in {activation.where})" for warning in activation.complete().warnings]
                except OpsLabError as error:
                    missed.append(f"{activation.where}: {error}")
        if change is None:
            raise _failed(failure, len(others) - len(missed))
        return self._summed(change, name, words, told, missed)

    def clear(self, run_id: str, reason: str, actor: str, source: str = "tc") -> Change:
        """Allow new risk again.

        Raises:
            IdError: ``run_id`` is unsafe.
            OpsLabError: the reason or the actor is blank.
            StoreError: the switch is doubtful, was activated again meanwhile, another process keeps the lock, or
                something could not be written; the switch is then active.
        """
        name, words = _checked(run_id), Words(said(reason, "reason"), said(actor, "actor"), source)
        began = self._clock.now()
        own = Clearing.judge(self._own, name, began)
        others, doubt = self._others()
        if doubt:
            raise StoreError(
                f"is doubtful, so it stays active: {doubt}",
                where=name,
                fix="look at the list; `tc kill activate` sets it aside and begins another, then clear it",
            )
        clearings = [Clearing.judge(root, name, began) for root in others]
        warnings = [
            warning for clearing in clearings if clearing.is_needed for warning in clearing.complete(words).warnings
        ]
        change = own.complete(words)
        return dataclasses.replace(change, warnings=(*change.warnings, *warnings))

    def _summed(self, change: Change, name: str, words: Words, told: list[str], missed: list[str]) -> Change:
        """Return what an activation did in all roots; those that failed matter only if their gates do not ask here."""
        told = [*change.warnings, *told]
        if self._roots is None:
            return dataclasses.replace(change, warnings=tuple(told))
        if self._roots.names(self.root):
            return dataclasses.replace(change, warnings=(*told, *(f"not activated in {what}" for what in missed)))
        default = self._roots.default.resolve()
        if default not in [root.path for root in self._all()]:
            try:
                with Activation(SwitchRoot(default, self._clock), name, words) as activation:
                    told += activation.complete().warnings
            except OpsLabError as error:
                missed.append(f"{default}: {error}")
        return dataclasses.replace(change, warnings=tuple(told), missed=tuple(missed))

    def _readings(self, name: str) -> list[SwitchReading]:
        readings = self._own.readings(name, GLOBAL)
        others, doubt = self._others()
        for root in others:
            elsewhere = root.readings(name, GLOBAL)
            readings += [dataclasses.replace(reading, elsewhere=str(root.path)) for reading in elsewhere]
        if doubt:
            readings.append(SwitchReading(name, "active", (doubt,), None, Head(0, GENESIS), has_sound_events=False))
        return readings

    def _all(self) -> list[SwitchRoot]:
        return [self._own, *self._others()[0]]

    def _paths(self, name: str) -> Sequence[Path]:
        return [path for root in self._all() for path in root.paths(name, GLOBAL)]

    def _others(self) -> tuple[list[SwitchRoot], str | None]:
        """Return the lab's other roots, and why they are not known."""
        if self._roots is None:
            return [], None
        listed, doubt = self._roots.listed()
        default = self._roots.default.resolve()
        found = {path: SwitchRoot(path, self._clock, is_listed=True) for path in listed}
        if default not in found and default.exists():
            found[default] = SwitchRoot(default, self._clock)
        return [root for path, root in found.items() if path != self.root], doubt


def _checked(run_id: str) -> str:
    return run_id if run_id == GLOBAL else checked_id(run_id)


def _failed(failure: StoreError | None, others: int) -> StoreError:
    """Return the failure of an activation in the root that was meant, which tells where it succeeded."""
    where, what = failure.where if failure else None, failure.what if failure else ""
    elsewhere = f"; the lab's {others} other switch root(s) were activated" if others else ""
    return StoreError(f"{what}{elsewhere}", where=where, fix=failure.fix if failure else None)
