"""Options and ini settings, all named in one place."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.engine.node.own import OwnNode
    from opslab.report.pushgateway import Pushgateway

OPTIONS: tuple[tuple[str, dict[str, object]], ...] = (
    (
        "--opslab-root",
        {"metavar": "DIR", "help": "the lab's root directory (default: the nearest one with the marker)"},
    ),
    (
        "--opslab-seed",
        {
            "metavar": "N",
            "help": "seed of the session: a whole number, or 'random' (default: the ini setting opslab_seed)",
        },
    ),
    ("--opslab-plan", {"action": "store_true", "help": "show which drills would run, and run nothing"}),
    (
        "--opslab-mutants",
        {
            "action": "store_true",
            "help": "run every drill once per mutant; each must be caught by a check of the drill",
        },
    ),
    (
        "--opslab-node",
        {
            "metavar": "MODULE:FUNCTION",
            "help": "run the drills with a living paper run on the node whose TradingNodeConfig this function returns; "
            "'' switches it off (default: the ini setting opslab_node)",
        },
    ),
    (
        "--opslab-pushgateway",
        {
            "metavar": "URL",
            "help": "push the session's metrics to this Prometheus Pushgateway; '' switches it off "
            "(default: the ini setting opslab_pushgateway)",
        },
    ),
)
"""Command-line options and what argparse is told of each."""

INI: tuple[tuple[str, str, object], ...] = (
    ("opslab_seed", "seed of the session when the command line names none", "0"),
    ("opslab_spec", "run spec of drills that name none, below the lab's root (default: a packaged sample)", ""),
    (
        "opslab_keep_sessions",
        "how many sessions, with their runs, are kept; failed ones are never pruned silently",
        "10",
    ),
    ("opslab_node", "your own node, package.module:function, when the command line names none", ""),
    ("opslab_runbook_base", "put before a drill's relative runbook to make a link", ""),
    ("opslab_pushgateway", "where the session's metrics are pushed when the command line names no place", ""),
    ("opslab_suite", "what a Pushgateway calls these drills; a session replaces all it holds of them", "drills"),
    ("opslab_environment", "where the drills run, to a Pushgateway", "local"),
)
"""Ini settings: name, help, default."""

MARKERS = (
    (
        "drill(slug, *, rehearses=[], severity='normal', runbook=None, area=None, title=None, outcome=None, "
        "detect_within=None, contain_within=None, recover_within=None): the test is a drill and ends in a verdict"
    ),
    "spec(path): the run spec that the test's run, run_spec and dataset fixtures use",
    "mutant(name, enact=None): something that must make one of the drill's checks fail; enact returns its context",
    "known_defect(code, *, versions, reference): the engine defect that the drill finds in these engine versions",
)


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and ini setting."""
    group = parser.getgroup("opslab", "ops lab: rehearse trading operations")
    for name, settings in OPTIONS:
        group.addoption(name, **settings)
    for name, text, default in INI:
        parser.addini(name, text, type="string", default=default)


def whole_number(name: str, text: str, least: int = 0) -> int:
    """Return ``text`` as a whole number.

    Raises:
        pytest.UsageError: it is none, or below ``least``.
    """
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise pytest.UsageError(f"{name}: {text!r:.40} is not a whole number of at least {least}; correct it")
    return number


def session_seed(config: pytest.Config) -> int:
    """Return the seed that the command line, else the ini file, names.

    Raises:
        pytest.UsageError: it is neither a number nor ``random``.
    """
    text = config.getoption("--opslab-seed")
    if text is None:
        return whole_number("opslab_seed", config.getini("opslab_seed"))
    if text == "random":
        return secrets.randbelow(2**31)
    return whole_number("--opslab-seed", text)


def session_pushgateway(config: pytest.Config) -> Pushgateway | None:
    """Return where the command line, else the ini file, wants the session's metrics pushed to; None: nowhere.

    Raises:
        pytest.UsageError: the address is malformed or could hold a secret, or a grouping label is malformed.
    """
    option, setting = "--opslab-pushgateway", "opslab_pushgateway"
    named = config.getoption(option)
    url, where = (config.getini(setting), setting) if named is None else (named, option)
    if not url:
        return None
    from opslab.errors import StoreError
    from opslab.report.pushgateway import checked_gateway

    try:
        return checked_gateway(url, config.getini("opslab_suite"), config.getini("opslab_environment"), where=where)
    except StoreError as error:
        raise pytest.UsageError(str(error)) from error


def session_node(config: pytest.Config) -> OwnNode | None:
    """Return the user's node that the command line, else the ini file, names; None: the lab's own is run.

    Raises:
        pytest.UsageError: it cannot be had, or cannot be tied to the lab's venue.
    """
    option, setting = "--opslab-node", "opslab_node"
    named = config.getoption(option)
    reference, where = (config.getini(setting), setting) if named is None else (named, option)
    if not reference:
        return None
    from opslab.engine.node.own import own_node
    from opslab.errors import OpsLabError

    try:
        return own_node(reference, config.invocation_params.dir)
    except OpsLabError as error:
        raise pytest.UsageError(f"{where}: {error}") from error


def known_names() -> Sequence[str]:
    """Return every option and ini setting, for the generated reference."""
    return [name for name, _ in OPTIONS] + [name for name, _, _ in INI]
