"""What the help of ``tc`` shows of a first session, in whatever width a terminal has."""

from __future__ import annotations

import textwrap

FIRST_SESSION = """\
A first session, in this order:

  tc new my-lab                                     makes a small lab
  cd my-lab && pytest                               its drills pass
  pytest --opslab-mutants                           and each of them can fail
  tc data prepare --dataset btcusdt-sample          installs the sample
  tc run backtest --spec scenarios/first.run.yaml   leaves a bundle
  tc run verify --run-id first-run                  was it changed since?
  tc drill restart-recovery --run-id first-run      would it survive kill -9?
  tc kill status --all                              is new risk forbidden?
  tc metrics serve                                  what Prometheus sees
  tc runbook OPS-VIEWS-DIFFER                       what to do about a finding

`tc COMMAND --help` lists options; `tc --install-completion` completes them.
"""
"""Shown below the help, and by ``tc`` alone."""


def first_session(columns: int) -> str:
    """Return the guide; where a line does not fit, each command's meaning stands below it, and all is wrapped.

    A command goes on behind a backslash, so that it can be copied.

    Args:
        columns: the terminal's width.
    """
    lines = FIRST_SESSION.splitlines()
    if all(len(line) <= columns for line in lines):
        return FIRST_SESSION
    width = max(columns, 20)
    shown = []
    for line in lines:
        if not line.startswith("  "):
            shown += textwrap.wrap(line, width) or [""]
            continue
        command, _, meaning = line.strip().partition("   ")
        shown += _wrapped_command(command, width)
        shown += textwrap.wrap(meaning.strip(), width, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(shown) + "\n"


def _wrapped_command(command: str, width: int) -> list[str]:
    rows = textwrap.wrap(command, width - 6, break_long_words=False, break_on_hyphens=False)
    first, *more = [f"{row} \\" for row in rows[:-1]] + rows[-1:]
    return [f"  {first}", *(f"    {row}" for row in more)]
