"""``tc venue``: serve the fake Binance for any client."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from opslab.venue.serve import Plan

app = typer.Typer(help="The fake Binance, for any client in any language.", no_args_is_help=True)


class MarketName(StrEnum):
    """What a venue can be."""

    FUTURES = "futures"
    SPOT = "spot"


@app.callback()
def _group() -> None:
    """Keep ``serve`` a command of its own, even while it is the only one."""


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - each option is a fact that only the user knows
    market: Annotated[MarketName, typer.Option(help="Which of Binance's markets it is.")],
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="A canonical dataset to play; several for several symbols. Default: synthetic samples."),
    ] = None,
    recording: Annotated[
        list[str] | None,
        typer.Option(
            help="Recorded market data to play in place of candles: KIND:SYMBOL=FILE, where KIND is trades, quotes "
            "(Parquet), depth (CSV; snapshot and diffs with a comma between) or events (JSON lines)."
        ),
    ] = None,
    round_numbers: Annotated[
        bool, typer.Option("--round", help="Take the nearest tick and step where a recording is off the grid.")
    ] = False,
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    seconds: Annotated[float | None, typer.Option(help="How long to serve (default: until stopped).")] = None,
    pace: Annotated[float, typer.Option(help="Market time per second of time; inf: as fast as it goes.")] = 1.0,
    hold: Annotated[bool, typer.Option("--hold", help="Let the tape wait until /ctl/tape moves it.")] = False,
    history: Annotated[
        int, typer.Option(min=0, help="Candles known at the start and not played; at most half of a dataset.")
    ] = 500,
    seed: Annotated[int, typer.Option(help="Of everything that is chosen by chance.")] = 0,
    wire_log: Annotated[str | None, typer.Option(help="Write the wire log to this new file.")] = None,
    clock_start: Annotated[
        str | None,
        typer.Option(
            help="Let the venue's clock stand still at this time (ISO 8601 with a zone, or Unix milliseconds) until "
            "/ctl/clock moves it; with --hold two runs are then the same."
        ),
    ] = None,
    json: Annotated[  # noqa: ARG001 - scripts give it to every command
        bool, typer.Option("--json", help="Changes nothing: what is printed is JSON.")
    ] = False,
) -> None:
    """Print one line of JSON with all that a client needs, then serve until stopped by Ctrl-C or SIGTERM."""
    import asyncio

    from opslab.venue.serve import serve as run

    plan = _plan(
        market=str(market),
        datasets=tuple(dataset or ()),
        recordings=tuple(_recording(text, round_numbers) for text in recording or ()),
        host=host,
        port=port,
        seconds=seconds,
        pace=pace,
        is_held=hold,
        history=history,
        seed=seed,
        wire_path=wire_log,
        clock_start=clock_start,
    )
    asyncio.run(run(plan, plan.setup(_lab(plan)), typer.echo))


def _recording(text: str, may_round: bool) -> dict[str, Any]:
    """Return the parts of ``KIND:SYMBOL=FILE[,FILE...]``."""
    from opslab.errors import VenueError

    what, _, paths = text.partition("=")
    kind, _, symbol = what.partition(":")
    if not (kind and symbol and paths):
        fix = "write KIND:SYMBOL=FILE, such as trades:BTCUSDT=trades.parquet"
        raise VenueError(f"{text!r:.80} is no recording", where="--recording", fix=fix)
    return {"kind": kind, "symbol": symbol, "paths": tuple(paths.split(",")), "may_round": may_round}


def _plan(**settings: Any) -> Plan:
    from pydantic import ValidationError

    from opslab.errors import VenueError
    from opslab.venue.faults.telling import told
    from opslab.venue.serve import Plan

    try:
        return Plan.model_validate(settings)
    except ValidationError as error:
        raise VenueError(told(error), where="tc venue serve", fix="correct the option") from error


def _lab(plan: Plan) -> Any:
    from opslab.cli.main import current_lab

    return current_lab() if plan.datasets else None
