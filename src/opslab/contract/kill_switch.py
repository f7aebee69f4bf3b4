"""Models of a kill switch's files, for schemas and full readers; ``switch_rules`` says the same without pydantic."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from opslab.contract import switch_rules
from opslab.contract.base import Artifact, Sha256
from opslab.contract.events import Event

Stamp = Annotated[str, AfterValidator(switch_rules.stamp), Field(json_schema_extra={"format": "date-time"})]
"""A UTC time that exists, ending in ``Z`` or ``+00:00``."""

SwitchName = Annotated[str, AfterValidator(switch_rules.switch_name), Field(min_length=1, max_length=128)]
"""A run id, or ``_global``."""

Text = Annotated[str, AfterValidator(switch_rules.text), Field(min_length=1)]
"""A string that is not blank."""

Count = Annotated[int, Field(ge=0, strict=True)]


class KillSwitchState(Artifact):
    """``<run_id>.state.json``: where a switch stands, as its latest event left it.

    Attributes:
        run_id: the run, or ``_global``.
        state: ``active`` forbids new risk; a switch that never existed has no file.
        updated_at_utc: when the latest event happened.
        last_event_id: the latest event.
        last_reason: its reason.
        last_actor: who caused it.
        active_since_utc: since when the switch is active, or was when it was cleared.
        cleared_at_utc: when it was cleared; null while it is active.
    """

    schema_version: Literal["v1"]
    run_id: SwitchName
    state: Literal["active", "cleared"]
    updated_at_utc: Stamp
    last_event_id: Text
    last_reason: Text
    last_actor: Text
    active_since_utc: Stamp | None
    cleared_at_utc: Stamp | None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        switch_rules.agreeing_state(self.model_dump())
        return self


class KillEvent(Event):
    """What both events of a switch have.

    Attributes:
        event_id: a UUID4.
        reason: why, as the actor said it.
        actor: who.
        source: which program: ``tc``.
        previous_state: what the switch read as before.
        doubts: why the switch could not be trusted before, if it could not; what was broken has been set aside.
    """

    schema_version: Literal["v1"]
    event_id: Text
    ts_utc: Stamp
    run_id: SwitchName
    reason: Text
    actor: Text
    source: Text
    previous_state: Literal["absent", "active", "cleared"]
    doubts: tuple[Text, ...] = ()


class KillActivated(KillEvent):
    """Somebody forbade new risk."""

    event: Literal["kill_activated"] = "kill_activated"
    new_state: Literal["active"]


class KillCleared(KillEvent):
    """Somebody allowed it again."""

    event: Literal["kill_cleared"] = "kill_cleared"
    new_state: Literal["cleared"]


class IndexLine(Artifact):
    """What every line of ``index.jsonl`` has, its chain fields apart."""

    schema_version: Literal["v1"]
    ts_utc: Stamp


class SwitchChanged(IndexLine):
    """An event was added to a switch.

    Attributes:
        events_lines: lines of ``<run_id>.events.jsonl`` with the event.
        events_sha256: digest of its last line.
    """

    event: Literal["switch_changed"]
    run_id: SwitchName
    event_id: Text
    new_state: Literal["active", "cleared"]
    events_lines: Count
    events_sha256: Sha256


class SwitchAdopted(IndexLine):
    """A switch existed when the index was lost: it reads as active until it is activated and cleared by name."""

    event: Literal["switch_adopted"]
    run_id: SwitchName


class IndexRenewed(IndexLine):
    """The index before could not be trusted, was set aside, and the global switch was activated."""

    event: Literal["index_renewed"]
    doubts: tuple[Text, ...]


class IndexCompacted(IndexLine):
    """The index begins anew with the latest line of each switch, which follow; it had become long.

    Attributes:
        replaced_lines: lines of the index before.
        replaced_sha256: digest of the last of them.
        kept_as: the name under which it is kept as evidence.
    """

    event: Literal["index_compacted"]
    replaced_lines: Count
    replaced_sha256: Sha256
    kept_as: Text


class IndexRepaired(Artifact):
    """A line that a killed writer left unfinished was cut; its switch disagrees with the index, and reads as active."""

    event: Literal["journal_repaired"]
    ts_utc: Stamp
    run_id: SwitchName
    torn_bytes: Count
    torn_sha256: Sha256


class KillSwitchMark(Artifact):
    """``<run_id>.trip-<hex>``: an activation that is under way, or was cut short; the switch is active meanwhile.

    An empty or broken mark counts too.

    Attributes:
        run_id: the run, or ``_global``.
        event_id: the event that the activation adds; without its dashes it ends the file's name.
        ts_utc: when it began.
        reason: why, as the actor said it.
        actor: who.
        source: which program.
    """

    schema_version: Literal["v1"]
    run_id: SwitchName
    event_id: Text
    ts_utc: Stamp
    reason: Text
    actor: Text
    source: Text


class KillSwitchAnchor(Artifact):
    """``<root>.anchor.json`` beside the directory of the switches: how long the index was at least.

    Attributes:
        lines: lines of the index.
        sha256: digest of the last of them.
    """

    schema_version: Literal["v1"]
    lines: Count
    sha256: Sha256


class KillSwitchRoots(Artifact):
    """``runtime/kill_switch.roots.json``: where this lab ever wrote switches: a mistyped root shows."""

    schema_version: Literal["v1"]
    roots: tuple[Text, ...]


KILL_EVENTS: dict[str, type[KillEvent]] = {"kill_activated": KillActivated, "kill_cleared": KillCleared}
"""The events of a switch, by name."""

INDEX_LINES: dict[str, type[Artifact]] = {
    "switch_changed": SwitchChanged,
    "switch_adopted": SwitchAdopted,
    "index_renewed": IndexRenewed,
    "index_compacted": IndexCompacted,
    "journal_repaired": IndexRepaired,
}
"""The lines of the index, by name."""
