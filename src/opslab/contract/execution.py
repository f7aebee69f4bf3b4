"""What a run plays, and how it is executed: the blocks ``data`` and ``execution`` of the run spec."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from opslab.contract.dead_man import LEAST_SECONDS, MOST_SECONDS
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


class OnKill(StrEnum):
    """What a trading node does when its kill switch is pulled; new risk is denied in any case."""

    FLATTEN = "flatten"
    DENY = "deny"


class OnStop(StrEnum):
    """What becomes of orders and positions when a node stops, by itself or because it was told to."""

    LEAVE = "leave"
    FLATTEN = "flatten"


class Guard(StrEnum):
    """A guard of the lab that contains a known weakness of the engine; none of them is on unless a spec names it."""

    PHANTOM_POSITION = "phantom_position"
    AMBIGUOUS_SUBMIT = "ambiguous_submit"
    USER_STREAM = "user_stream"
    LISTEN_KEY = "listen_key"
    HTTP_DEADLINE = "http_deadline"
    STALE_FEED = "stale_feed"
    DEPTH_GAP = "depth_gap"
    RATE_LIMIT = "rate_limit"
    CLOCK_SKEW = "clock_skew"
    MARKET_EXIT = "market_exit"


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


class RecordingKind(StrEnum):
    """What a file of recorded market data holds: trades or quotes (Parquet), depth (CSV), or events of any kind."""

    TRADES = "trades"
    QUOTES = "quotes"
    DEPTH = "depth"
    EVENTS = "events"


class Recording(SpecBlock):
    """Recorded market data, which the venue plays as it is in place of the candles of its symbol.

    Attributes:
        kind: what the files hold.
        symbol: the venue's symbol.
        paths: the files, below the lab's root; of depth first the snapshot, then its diffs, otherwise one.
        may_round: take the nearest tick and step where a number is off the instrument's grid.
    """

    kind: RecordingKind
    symbol: Text
    paths: Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)]
    may_round: bool = False

    @model_validator(mode="after")
    def _one_file(self) -> Recording:
        if self.kind is not RecordingKind.DEPTH and len(self.paths) > 1:
            raise ValueError(f"{self.kind.value} are read from one file: name each in a recording of its own")
        return self


class Execution(SpecBlock):
    """How the engine executes.

    Attributes:
        fill: ``next_open`` (what a strategy decides on bar t is filled at the open of t+1) or ``same_close``.
        more_data: further datasets, each with an instrument of its own, played beside ``data.dataset``.
        starting_balance: quote currency that the account starts with.
        market: paper runs: ``futures`` (USD-M) or ``spot``.
        profile: paper runs: ``fast`` (shortened intervals) or ``production`` (NautilusTrader's own).
        pace: paper runs: seconds of market data that are played in a second.
        history: paper runs: candles at the beginning that are not played: the venue knows them when it starts, for
            strategies that ask for recent history; at most half of a dataset.
        recordings: paper runs: recorded trades, quotes and depth that are played in place of candles.
        max_bars: paper runs: the run ends when the strategy was handed so many bars, of all instruments together;
            null: no bound.
        max_seconds: paper runs: the run ends after so many seconds of trading, at the latest.
        on_kill: paper runs: what a pulled kill switch leads to: ``flatten`` cancels every order and closes every
            position until the venue's books are flat; ``deny`` only keeps new risk from leaving.
        on_stop: paper runs: what a stopping node does with orders and positions: ``leave`` or ``flatten``.
        guards: paper runs: the lab's guards that stand around the engine.
        reconcile_seconds: paper runs: how often venue, engine and strategy are compared; null: at the end only.
        dead_man_seconds: paper runs on futures: the venue cancels every order of the run's symbols when it heard
            nothing of the node for so long; null: it is told nothing of the kind.
    """

    fill: Fill = Fill.NEXT_OPEN
    more_data: tuple[Data, ...] = ()
    starting_balance: Quantity = Decimal(1_000_000)
    market: MarketKind = addition(MarketKind.FUTURES)
    profile: Profile = addition(Profile.FAST)
    pace: Annotated[float, Field(gt=0, le=1_000_000)] = addition(60.0)
    history: Annotated[int, Field(ge=0, le=5_000, strict=True)] = addition(0)
    recordings: Annotated[tuple[Recording, ...], Field(max_length=64)] = addition(())
    max_bars: Annotated[int, Field(ge=1, strict=True)] | None = addition()
    max_seconds: Annotated[float, Field(gt=0, le=86_400)] = addition(60.0)
    on_kill: OnKill = addition(OnKill.FLATTEN)
    on_stop: OnStop = addition(OnStop.LEAVE)
    guards: tuple[Guard, ...] = addition(())
    reconcile_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = addition(1.0)
    dead_man_seconds: (
        Annotated[float, Field(ge=LEAST_SECONDS, le=MOST_SECONDS, allow_inf_nan=False, strict=True)] | None
    ) = addition()

    @field_validator("guards")
    @classmethod
    def _each_once(cls, value: tuple[Guard, ...]) -> tuple[Guard, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names a guard twice")
        return value

    @model_validator(mode="after")
    def _dead_man_where_there_is_one(self) -> Execution:
        if self.dead_man_seconds is not None and self.market is not MarketKind.FUTURES:
            raise ValueError("dead_man_seconds is of futures only: Binance has no such endpoint for spot")
        return self
