"""What a run plays, and how it is executed: the blocks ``data`` and ``execution`` of the run spec."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from opslab.contract.spec_base import OptionalText, Quantity, SpecBlock, Text, addition, safe_name

FINGERPRINT_NOT_STATED = "placeholder"


class Fill(StrEnum):
    """When an order that a bar caused may be filled."""

    NEXT_OPEN = "next_open"
    SAME_CLOSE = "same_close"


class MarketKind(StrEnum):
    """Which market of the venue a paper run trades on."""

    FUTURES = "futures"
    SPOT = "spot"


class Profile(StrEnum):
    """How impatient a live node is: NautilusTrader's own intervals, or shortened ones."""

    FAST = "fast"
    PRODUCTION = "production"


class Data(SpecBlock):
    """Which dataset is played, and the fingerprint it must have (``placeholder``: not stated)."""

    dataset: Text
    fingerprint: OptionalText = None

    @field_validator("dataset")
    @classmethod
    def _safe_dataset(cls, value: str) -> str:
        return safe_name(value, "dataset")

    @property
    def stated_fingerprint(self) -> str | None:
        """The fingerprint that is enforced, if any."""
        return None if self.fingerprint == FINGERPRINT_NOT_STATED else self.fingerprint


class Execution(SpecBlock):
    """How the engine executes.

    Attributes:
        fill: ``next_open`` (what a strategy decides on bar t is filled at the open of t+1) or ``same_close``.
        more_data: further datasets, each with an instrument of its own, played beside ``data.dataset``.
        starting_balance: quote currency that the account starts with.
        market: paper runs: ``futures`` (USD-M) or ``spot``.
        profile: paper runs: ``fast`` (shortened intervals) or ``production`` (NautilusTrader's own).
        pace: paper runs: seconds of market data that are played in a second.
        max_bars: paper runs: the run ends when the strategy was handed so many bars; null: no bound.
        max_seconds: paper runs: the run ends after so many seconds of trading, at the latest.
    """

    fill: Fill = Fill.NEXT_OPEN
    more_data: tuple[Data, ...] = ()
    starting_balance: Quantity = Decimal(1_000_000)
    market: MarketKind = addition(MarketKind.FUTURES)
    profile: Profile = addition(Profile.FAST)
    pace: Annotated[float, Field(gt=0, le=1_000_000)] = addition(60.0)
    max_bars: Annotated[int, Field(ge=1, strict=True)] | None = addition()
    max_seconds: Annotated[float, Field(gt=0, le=86_400)] = addition(60.0)
