"""``tc connectivity``: are the credentials that a spec names there, and does a server on this machine answer?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opslab.cli.told import JsonOption, tell

if TYPE_CHECKING:
    from opslab.contract.connectivity import ConnectivityProbeEvaluated, ConnectivityReadinessEvaluated
    from opslab.contract.spec import RunSpec
    from opslab.store.reader import Bundle

app = typer.Typer(
    help="Are the credentials that a spec names there, and does a server on this machine answer?",
    no_args_is_help=True,
)

SpecOption = Annotated[Path, typer.Option("--spec", help="The run spec; its run must exist.")]


@app.command()
def readiness(spec: SpecOption, *, json: JsonOption = False) -> None:
    """Say whether the environment variables that the spec names are set; no value is read out or stored."""
    from opslab.cli.main import system_clock
    from opslab.connectivity.readiness import evaluated

    asked, bundle = _opened(spec)
    told = evaluated(asked, bundle.run_id, os.environ, system_clock().now())
    path = _kept(bundle, told)
    facts = {"run_id": bundle.run_id, "state": told.state, "artifact_path": path, "probe_performed": False}
    tell(facts | ({"missing_env": list(told.missing_env)} if json else {}), as_json=json)
    if told.state == "missing_credentials":
        names = set(told.required_env) & set(told.missing_env)
        typer.echo(f"note: not set: {', '.join(sorted(names))}", err=True)


@app.command()
def probe(
    spec: SpecOption,
    url: Annotated[str, typer.Option(help="http://HOST:PORT/PATH with the host localhost, 127.0.0.1 or [::1].")],
    timeout_ms: Annotated[int, typer.Option(min=1, max=60_000, help="For everything together.")] = 1_000,
    *,
    json: JsonOption = False,
) -> None:
    """Send one GET to a server on this machine and record how it went, whatever that is; nothing leaves loopback."""
    from opslab.cli.main import system_clock
    from opslab.connectivity.probe import probed
    from opslab.connectivity.url import checked_url

    target = checked_url(url)
    _, bundle = _opened(spec)
    told = probed(target, bundle.run_id, timeout_ms, system_clock())
    path = _kept(bundle, told)
    facts = {"run_id": bundle.run_id, "state": told.state, "artifact_path": path, "probe_performed": True}
    facts["network_scope"] = told.network_scope
    tell(facts | ({"errors": list(told.errors)} if json else {}), as_json=json)
    for error in told.errors:
        typer.echo(f"note: {error}", err=True)


def _opened(spec: Path) -> tuple[RunSpec, Bundle]:
    from opslab.cli.main import current_lab
    from opslab.connectivity.keeping import found_for
    from opslab.contract.spec_file import read_spec

    asked = read_spec(spec).spec
    return asked, found_for(current_lab(), asked)


def _kept(bundle: Bundle, told: ConnectivityReadinessEvaluated | ConnectivityProbeEvaluated) -> Path:
    from opslab.cli.main import system_clock
    from opslab.runs.connectivity import kept

    return kept(bundle, told, system_clock())
