"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nautilus_trader.config import TradingNodeConfig

type Hits = Iterator[tuple[str, Any]]
"""Settings that a rule objects to, with their values."""


@dataclass(frozen=True)
class Rule:
    """One setting that blinds a node.

    Attributes:
        code: stable, ``LINT-...``.
        objects_when: when it objects, for the reference.
        why: what the node does not see, or does, because of it.
        fix: what to set.
        look: yields each setting that it objects to, with its value.
    """

    code: str
    objects_when: str
    why: str
    fix: str
    look: Callable[[TradingNodeConfig], Hits]


@dataclass(frozen=True)
class Finding:
    """One setting of a node that a rule objects to.

    Attributes:
        code: the rule's.
        setting: dotted, as in the configuration: ``exec_engine.open_check_interval_secs``.
        value: what it is set to, as JSON would hold it.
        why: what that means.
        fix: what to set.
    """

    code: str
    setting: str
    value: bool | float | str | None
    why: str
    fix: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.code} {self.setting}={self.value}: {self.why}; {self.fix}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)


def plain(value: Any) -> bool | float | str | None:
    """Return a setting's value as JSON would hold it."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
