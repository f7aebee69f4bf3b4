"""A venue as a process: says in one line of JSON where it is found, then serves until it is told to stop.

``python -m opslab.venue.serve`` is what ``VenueProcess`` starts: the plan comes as JSON on standard input, keys
included, so that neither arguments nor environment show them. With ``is_bound_to_parent`` the end of standard input
ends the venue: it dies with the process that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from opslab.clock import from_stamp
from opslab.contract.execution import RecordingKind
from opslab.errors import OpsLabError, VenueError
from opslab.root import find_lab
from opslab.venue.clock import StandingClock
from opslab.venue.episodes import Episodes
from opslab.venue.faults.telling import told
from opslab.venue.orders import AccountSetup, Market
from opslab.venue.setup import MAIN, VenueSetup, new_account
from opslab.venue.stock import stock
from opslab.venue.tape.candles import MAX_HISTORY
from opslab.venue.tape.recordings import RecordedFiles
from opslab.venue.venue import Venue

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.root import Lab

_MAX_PLAN_BYTES = 1 << 20
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 4_102_444_800_000
"""From the year 2000 to 2100: sums of times stay times."""


def _named(path: object) -> object:
    if path == "":  # pydantic would take it for the present directory
        raise ValueError("names no file")
    return path


def _moment(text: object) -> object:
    """Return Unix milliseconds for a text that is a whole number, or a time with a zone."""
    if not isinstance(text, str):
        return text
    if text.isascii() and text.isdecimal():
        return int(text[:20])
    return int(from_stamp(text).timestamp() * 1000)


Moment = Annotated[int, Field(ge=_EARLIEST_MS, le=_LATEST_MS)]


class AccountPlan(BaseModel):
    """An account; keys that are empty are made, balances that are missing are the market's usual ones."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = MAIN
    api_key: str = Field(default="", repr=False)
    api_secret: str = Field(default="", repr=False)
    balances: dict[str, Annotated[str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,16})?$")]] | None = None


class RecordingPlan(BaseModel):
    """Files of one kind and symbol that are played in place of candles; see ``RecordedFiles``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: RecordingKind
    symbol: str
    paths: Annotated[tuple[Path, ...], Field(min_length=1)]
    may_round: bool = False

    def files(self) -> RecordedFiles:
        """Return what the tape reads."""
        return RecordedFiles(self.kind, self.symbol, self.paths, self.may_round)


class Plan(BaseModel):
    """What a venue process serves.

    Attributes:
        market: futures or spot.
        datasets: names of canonical datasets; none: the synthetic samples that come with the lab.
        recordings: what is played of a symbol in place of its candles.
        lab_root: the lab that has the datasets.
        host: a loopback address.
        port: 0 takes a free one.
        seconds: how long it serves; None: until it is told to stop.
        pace: market time per venue time; ``inf`` as text is allowed.
        horizon_seconds: for how long the tape is watched, if that is known and less than ``seconds``.
        is_held: the tape waits to be resumed or stepped.
        is_opened: the tape plays its first moment, so that there is a market, and waits then.
        history: candles before the first that is played, which clients can ask for from the start; less where a dataset
            has few. None of them is played: a run that is compared with a backtest of the whole dataset has none.
        seed: of everything that is chosen by chance.
        wire_path: a new file for the wire log.
        clock_start: the venue's clock stands still at this time, Unix milliseconds or ISO 8601 with a zone, until
            ``/ctl/clock`` moves it; None: it is the machine's.
        accounts: whose keys are known.
        is_bound_to_parent: the end of standard input ends the venue.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    market: Market
    datasets: tuple[str, ...] = ()
    recordings: tuple[RecordingPlan, ...] = ()
    lab_root: Path | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    seconds: Annotated[float, Field(gt=0)] | None = None
    pace: float = 1.0
    horizon_seconds: Annotated[float, Field(gt=0)] | None = None
    is_held: bool = False
    is_opened: bool = False
    history: Annotated[int, Field(ge=0, le=MAX_HISTORY)] = 0
    seed: int = 0
    wire_path: Annotated[Path | None, BeforeValidator(_named)] = None
    clock_start: Annotated[Moment | None, BeforeValidator(_moment)] = None
    accounts: tuple[AccountPlan, ...] = (AccountPlan(),)
    is_bound_to_parent: bool = False

    @property
    def clock(self) -> StandingClock | None:
        """The clock that stands still, if one is asked for."""
        return StandingClock(self.clock_start) if self.clock_start is not None else None

    def setup(self, lab: Lab | None = None) -> VenueSetup:
        """Return the venue's setup; the datasets are opened.

        Args:
            lab: has the datasets; None: the one at ``lab_root``, or the nearest.

        Raises:
            OpsLabError: a dataset is unknown, altered, or cannot be played in this market.
        """
        if lab is None and self.datasets:
            lab = find_lab(self.lab_root, os.environ, [Path.cwd()])
        recordings = [recording.files() for recording in self.recordings]
        listings, tape = stock(
            self.market, self.datasets, lab, seed=self.seed, history=self.history, recordings=recordings
        )
        return VenueSetup(
            market=self.market,
            listings=listings,
            accounts=tuple(_account(self.market, account) for account in self.accounts),
            tape=tape,
            pace=self.pace,
            horizon_seconds=self.horizon_seconds or self.seconds,
            is_held=self.is_held,
            is_opened=self.is_opened,
            seed=self.seed,
            wire_path=self.wire_path,
        )


def first_line(venue: Venue) -> str:
    """Return the line that a client needs: where the venue is found, and the first account's keys."""
    account, endpoint = venue.accounts[0], venue.endpoint
    keys = {"token": endpoint.token, "api_key": account.api_key, "api_secret": account.api_secret}
    return json.dumps({**endpoint.facts(), **keys, "pid": os.getpid()})


async def serve(plan: Plan, setup: VenueSetup, tell: Callable[[str], None]) -> None:
    """Serve until SIGTERM, SIGINT, the plan's seconds or, if so planned, the end of standard input.

    Args:
        plan: where and how long.
        setup: what the venue begins with.
        tell: is given the one line.

    Raises:
        OpsLabError: the venue cannot start.
    """
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    _allow_many_files()

    def alarm(trouble: OpsLabError) -> None:
        sys.stderr.write(f"the venue ends: {trouble}\n")
        sys.stderr.flush()
        stopping.set()

    venue = Venue(setup, plan.clock, alarm)
    _note_what_nobody_handles(loop, venue)
    await venue.start(plan.host, plan.port)
    try:
        tell(first_line(venue))
        if plan.is_bound_to_parent:
            loop.add_reader(sys.stdin.fileno(), _at_end_of_input, stopping)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(plan.seconds):
                await stopping.wait()
    finally:
        if plan.is_bound_to_parent:
            loop.remove_reader(sys.stdin.fileno())
        await venue.stop()
        if venue.trouble is not None:
            raise venue.trouble


def _note_what_nobody_handles(loop: asyncio.AbstractEventLoop, venue: Venue) -> None:
    """Write errors of the loop into the wire log, of a lack of the machine one for each episode."""
    episodes = Episodes(loop.time)

    def unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = _error_of(context)
        if episodes.begins_with(error):
            venue.note(error, "loop")

    loop.set_exception_handler(unhandled)


def read_plan(text: str) -> Plan:
    """Return the plan that a line of JSON describes.

    Raises:
        VenueError: it describes none; no value is repeated, it may be a key.
    """
    try:
        return Plan.model_validate_json(text)
    except ValidationError as error:
        raise VenueError(told(error), where="plan", fix="correct it") from error


def main() -> int:
    """Read a plan from standard input and serve it; trouble is one line on standard error and exit code 1."""
    try:
        plan = read_plan(sys.stdin.buffer.readline(_MAX_PLAN_BYTES).decode(errors="replace"))
        asyncio.run(serve(plan, plan.setup(), _say))
    except OpsLabError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _account(market: Market, plan: AccountPlan) -> AccountSetup:
    balances = None if plan.balances is None else {name: Decimal(text) for name, text in plan.balances.items()}
    return new_account(market, plan.name, balances, api_key=plan.api_key, api_secret=plan.api_secret)


def _error_of(context: dict[str, Any]) -> Exception:
    error = context.get("exception")
    return error if isinstance(error, Exception) else VenueError(str(context.get("message")), where="loop")


def _at_end_of_input(stopping: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stopping.set()


def _allow_many_files() -> None:
    """Let this process have as many sockets as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
