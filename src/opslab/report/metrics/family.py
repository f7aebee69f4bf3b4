"""What a metric family is: its name, labels, kind and encoding."""

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


def of_run_core(suffix: str, text: str, *extra: str, optional: int = 0, addition: bool = False, **codes: int) -> Family:
    """Return a family whose samples name the run, and what it is."""
    return Family(suffix, Scope.CORE, text, extra, optional, MappingProxyType(codes), addition)


def of_run(suffix: str, text: str, *extra: str, optional: int = 0, **codes: int) -> Family:
    """Return a family whose samples name the run alone."""
    return Family(suffix, Scope.RUN, text, extra, optional, MappingProxyType(codes))


def of_lab(suffix: str, text: str, *extra: str, addition: bool = False, **codes: int) -> Family:
    """Return a family of the lab as a whole."""
    return Family(suffix, Scope.LAB, text, extra, 0, MappingProxyType(codes), addition)
