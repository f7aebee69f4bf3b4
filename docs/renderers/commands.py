"""``docs/reference/cli.md``: every command and option of ``tc``, as Typer knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from opslab.cli.main import app

from .markdown import page, table

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAD = """\
`tc` does one thing at a time, outside of pytest. It and the plugin find the lab by
[one rule](../concepts/runs.md#root).

| exit code | means |
| --- | --- |
| 0 | success, or an operational outcome that was recorded |
| 1 | an error: one line on stderr says what, where and what to do |
| 2 | wrong usage: an unknown command or option, a missing or impossible value |

Every command has `--json`: one JSON document on standard output and nothing else there; errors stay on standard
error, and exit codes are the same. `tc venue serve` and `tc spec schema` print JSON always. `tc metrics serve` and
`tc venue serve` print theirs before they serve, on one line."""


def render() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    return page("Command line", LEAD, *(_section(words, command) for words, command in walked(("tc",), root)))


def walked(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command below ``command`` with the words that call it."""
    yield words, command
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            yield from walked((*words, name), child)


def _section(words: tuple[str, ...], command: Any) -> str:
    level = "#" * min(len(words) + 1, 4)
    options = [_row(option) for option in command.params if not getattr(option, "hidden", False)]
    listed = table(("option or argument", "default", "meaning"), options) if options else ""
    title = f"{level} `{' '.join(words)}`"
    return "\n\n".join(part for part in (title, (command.help or "").strip(), listed) if part)


def _row(option: Any) -> tuple[str, str, str]:
    is_argument = option.param_type_name == "argument"
    called = [option.metavar or option.name.upper()] if is_argument else [*option.opts, *option.secondary_opts]
    names = ", ".join(f"`{name}`" for name in called)
    if option.required:
        default = "required"
    elif not is_argument and option.is_flag:
        default = "on" if option.default is True else "off"
    else:
        default = "" if option.default is None else f"`{option.default}`"
    return names, default, option.help or ""
