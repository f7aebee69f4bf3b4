"""How ``tc`` tells facts: a line each for people, or one JSON document for scripts, and nothing else on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from opslab.cli.output import document_stream, keep_for_document

if TYPE_CHECKING:
    from collections.abc import Mapping


def json_option(words: str) -> Any:
    """Return the option ``--json``: from its parsing on standard output is kept for the document alone.

    What user code, the engine and the logger print then goes to standard error.

    Args:
        words: the option's help.
    """
    return typer.Option("--json", help=words, callback=_keep)


def _keep(context: typer.Context, value: bool) -> bool:
    if value and not context.resilient_parsing:
        keep_for_document()
    return value


JsonOption = Annotated[bool, json_option("Print one JSON document instead.")]


def tell(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print facts: as JSON, or as ``name=value`` lines in which nothing stands for what is not there.

    Args:
        facts: what JSON holds, and paths, which become text.
        as_json: whether a script reads.
    """
    if as_json:
        tell_json(dict(facts))
        return
    from opslab.errors import one_line

    for name, value in facts.items():
        if value is not None:
            typer.echo(f"{name}={str(value).lower() if isinstance(value, bool) else one_line(value, 8000)}")


def tell_json(document: Any) -> None:
    """Print a JSON document; a path in a mapping becomes text."""
    from pathlib import PurePath

    from opslab.contract.encoding import pretty_json

    def plain(value: Any) -> Any:
        return str(value).encode(errors="backslashreplace").decode() if isinstance(value, PurePath) else value

    if isinstance(document, dict):
        document = {name: plain(value) for name, value in document.items()}
    tell_document(pretty_json(document).decode())


def tell_document(text: str) -> None:
    """Print a document that is text already, and let nothing of it wait.

    Raises:
        OutputError: standard output does not take it.
    """
    stream = document_stream()
    typer.echo(text, file=stream, nl=False)
    stream.flush()
