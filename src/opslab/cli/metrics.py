"""``tc metrics``: export one run's metrics, or serve those of all runs to Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
) -> None:
    """Print the metrics of a run that ended, in the Prometheus text format."""
    from opslab.report.metrics.exporter import export_run
    from opslab.store.durable import make_directory, write_bytes

    text = export_run(artifacts_root or _lab_runs(), run_id, include_journal=include_journal)
    if output is None:
        typer.echo(text, nl=False)
        return
    make_directory(output.absolute().parent)
    write_bytes(output, text)
    typer.echo(f"metrics written to {output}")


@app.command()
def serve(
    artifacts_root: RootOption = None,
    host: Annotated[str, typer.Option(help="Name or address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    run_id: Annotated[str | None, typer.Option(help="Show this run only.")] = None,
    evidence_root: Annotated[
        Path | None, typer.Option(help="The directory of comparisons (default: the lab's artifacts/evidence).")
    ] = None,
) -> None:
    """Serve /metrics and /healthz until stopped by Ctrl-C or SIGTERM."""
    import signal

    # A service manager's stop is as good as Ctrl-C, and a shell may have started us with Ctrl-C switched off.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        _serve(artifacts_root, evidence_root, host, port, run_id)
    except KeyboardInterrupt:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)


def _serve(runs: Path | None, evidence: Path | None, host: str, port: int, run_id: str | None) -> None:
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
        typer.echo(f"serving {server.url}")
        server.serve_forever(poll_interval=0.5)


def _lab_runs() -> Path:
    from opslab.cli.main import current_lab

    return current_lab().runs
