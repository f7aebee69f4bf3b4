"""What a command on a switch did, and the words that it was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Words(NamedTuple):
    """Why, who, and by which program."""

    reason: str
    actor: str
    source: str


@dataclass(frozen=True)
class Change:
    """What a command did.

    Attributes:
        event: the event, as it stands in the events file.
        state_path: the state file.
        warnings: what went wrong beside it, each in one line.
        missed: roots of the lab whose gates may not know of an activation, each with the reason in one line.
    """

    event: Mapping[str, Any]
    state_path: Path
    warnings: tuple[str, ...]
    missed: tuple[str, ...] = ()
