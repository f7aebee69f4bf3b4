"""``tc metrics``: export one run's metrics, or serve those of all runs to Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opslab.cli.told import JsonOption, tell_document, tell_json

app = typer.Typer(help="Prometheus metrics of runs: export one, or serve all.", no_args_is_help=True)

RootOption = Annotated[Path | None, typer.Option(help="The directory of runs (default: the lab's artifacts/runs).")]


@app.command()
def export(
    run_id: Annotated[str, typer.Option(help="The run.")],
    artifacts_root: RootOption = None,
    output: Annotated[Path | None, typer.Option(help="Write to this file instead of standard output.")] = None,
    include_journal: Annotated[
        bool, typer.Option("--include-journal/--no-include-journal", help="Count the journal's events.")
    ] = True,
    json: JsonOption = False,
) -> None:
    """Print the metrics of a run that ended, in the Prometheus text format.

    With --json and --output the file has that format, and the JSON says where it is.
    """
    from opslab.report.metrics.exporter import export_run
    from opslab.store.durable import make_directory, write_bytes

    text = export_run(artifacts_root or _lab_runs(), run_id, include_journal=include_journal)
    if output is None and json:
        from opslab.report.metrics.as_json import families_of

        tell_json(families_of(text))
    elif output is None:
        typer.echo(text, nl=False)
    else:
        make_directory(output.absolute().parent)
        write_bytes(output, text)
        if json:
            tell_json({"run_id": run_id, "output": output})
        else:
            typer.echo(f"metrics written to {output}")


@app.command()
def serve(
    artifacts_root: RootOption = None,
    host: Annotated[str, typer.Option(help="Name or address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    run_id: Annotated[str | None, typer.Option(help="Show this run only.")] = None,
    evidence_root: Annotated[
        Path | None, typer.Option(help="The directory of comparisons (default: the lab's artifacts/evidence).")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print where /metrics is, then serve it and /healthz until stopped by Ctrl-C or SIGTERM."""
    import signal

    # A service manager's stop is as good as Ctrl-C, and a shell may have started us with Ctrl-C switched off.
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        _serve(artifacts_root, evidence_root, host, port, run_id, as_json=json)
    except KeyboardInterrupt:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
    except BaseException:
        for number, handler in before.items():
            signal.signal(number, handler)
        raise


def _serve(
    runs: Path | None, evidence: Path | None, host: str, port: int, run_id: str | None, *, as_json: bool
) -> None:
    import sys

    from opslab.cli.main import current_lab, system_clock
    from opslab.ids import checked_id
    from opslab.report.metrics.exporter import Exporter
    from opslab.report.metrics.global_switch import GlobalSwitch
    from opslab.report.metrics.server import MetricsServer

    lab = current_lab()
    exporter = Exporter(
        runs or lab.runs,
        evidence or lab.evidence,
        only=None if run_id is None else checked_id(run_id),
        tell=lambda line: typer.echo(line, err=True),
        switch=GlobalSwitch(lab, system_clock()),
    )
    with MetricsServer(host, port, exporter.scrape) as server:
        if as_json:
            from opslab.contract.encoding import compact_json

            tell_document(compact_json({"url": server.url}) + "\n")  # one line: its reader cannot wait for the end
        else:
            typer.echo(f"serving {server.url}")
        sys.stdout.flush()  # who started this reads the address while it serves
        server.serve_forever(poll_interval=0.5)


def _lab_runs() -> Path:
    from opslab.cli.main import current_lab

    return current_lab().runs
