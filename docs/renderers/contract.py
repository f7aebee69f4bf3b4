"""``docs/reference/contract.md``: every file the lab writes, every journal event, every field."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from opslab.contract.events import Event, LifecycleEvent
from opslab.contract.registry import EVENTS
from opslab.contract.schemas import ARTIFACTS

from .markdown import attributes, page, prose, table
from .meanings import COMMON, OF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

LEAD = """\
Every file that the lab writes, with its fields. Frozen models in `opslab.contract` are the source; the same models
make the JSON Schemas in `src/opslab/contract/schemas/v1/`. Within `v1` there are only additions, and unknown keys are
refused.

Times are UTC, ISO-8601 with microseconds and a trailing `Z`. JSON files have two spaces of indent, sorted keys and a
newline at the end. `*.jsonl` files hold one compact JSON object a line, keys sorted. Digests are SHA-256, lower-case
hexadecimal. How the files belong together is told in [The run model](../concepts/runs.md)."""

FILES = (
    ("`run_spec.yaml`", "run_spec", "the spec, byte for byte as it was read"),
    ("`metadata.json`", "metadata", "what ran and how it went: a rendering of spec and journal"),
    ("`metrics.json`", "metrics", "what was counted; written at every end"),
    ("`journal.jsonl`", None, "the run's [events](#journal-events), chained"),
    ("`events.jsonl`", None, "the event stream: NautilusTrader's order, position and account events, canonical"),
    (
        "`views.jsonl`",
        None,
        "what a backtest's engine believed at its end; what venue, engine and strategy of a paper run did by phase",
    ),
    ("`wire.jsonl`", None, "paper runs: every request, reply, socket and message of the venue"),
    ("`ledger.json`", None, "paper runs: the venue's books at the end"),
    ("`report.md`", None, "for people: a rendering of the facts"),
    ("`manifest.json`", "manifest", "written at the end: the journal's head and every file's digest"),
    ("`post.jsonl`", None, "events after the end, in a chain that hangs on the manifest"),
    ("`drills/<slug>.json`", "drill", "what a drill judged; without a bundle of its own it lies in the session"),
    ("`reconciliation/NNNN.json`", "reconciliation_result", "one comparison of two files, kept for good"),
    ("`reconciliation_result.json`", "reconciliation_result", "the latest of them"),
    ("`connectivity_readiness.json`", "connectivity_readiness", "whether the credentials of the spec are there"),
    ("`connectivity_probe.json`", "connectivity_probe", "how the latest probe ended"),
    ("`run.lock`", None, "empty; held by the living process"),
)
ELSEWHERE = (
    ("`artifacts/sessions/<id>/session.json`", "session", "one session of drills"),
    ("`artifacts/sessions/<id>/index.html`", None, "the session as a page for people; a rendering"),
    ("`artifacts/sessions/<id>/metrics.prom`", None, "the session as a Prometheus text file, without run ids"),
    ("`artifacts/sessions/<id>/drills/*.journal.jsonl`", None, "a drill's own events, chained"),
    ("`artifacts/evidence/<backtest>__<paper>/backtest_vs_paper_evidence.json`", "evidence", "two runs compared"),
    ("`data/canonical/<dataset>/dataset.json`", "dataset", "the record of a dataset that passed the gate"),
    ("`data/quarantine/<dataset>/dataset.json`", "dataset", "the record of one that did not"),
    ("`data/*/<dataset>/v<n>/instrument.json`", "instrument", "what is traded, and the venue's rules"),
    ("`data/quarantine/<dataset>/v<n>/reasons.jsonl`", None, "every row range with its check and reason"),
    ("`data/fingerprints/<dataset>.fingerprint.json`", "fingerprint", "digests of the files that an engine sees"),
)
CHAIN = """\
Each line bears, besides the fields of its event, `seq` (the line's number, from 1) and `prev_sha256` (the SHA-256
of the line before, without its newline; the first line of a journal has 64 zeros there, the first line of `post.jsonl`
the digest of `manifest.json`)."""

_NUMERIC = {"number", "text"}


def render() -> str:
    """Return the page.

    Raises:
        LookupError: a field has no meaning, neither in its docstring nor in ``meanings``.
    """
    nested: dict[str, type[BaseModel]] = {}
    artifacts = [_model(model, nested, f"{name}.schema.json") for name, model in ARTIFACTS.items()]
    events = [_event(name, model, nested) for name, model in EVENTS.items()]
    blocks = [_model(nested[name], {}) for name in sorted(nested)]
    return page(
        "Contract",
        LEAD,
        "## Files\n\nOf a run, below `artifacts/runs/<run_id>/`:\n\n" + _files(FILES),
        "Elsewhere:\n\n" + _files(ELSEWHERE),
        *artifacts,
        f"## Journal events {{ #journal-events }}\n\n{CHAIN}",
        "Every event has:\n\n" + _table(Event, {}, only=set(Event.model_fields)),
        "Events of the life cycle have also:\n\n"
        + _table(LifecycleEvent, {}, only=set(LifecycleEvent.model_fields) - set(Event.model_fields)),
        *events,
        "## Blocks\n\nModels that stand inside of others.",
        *blocks,
    )


def _files(rows: tuple[tuple[str, str | None, str], ...]) -> str:
    return table(
        ("file", "holds", "model"),
        (
            (file, text, f"[`{ARTIFACTS[key].__name__}`](#{_anchor(ARTIFACTS[key])})" if key else "")
            for file, key, text in rows
        ),
    )


def _anchor(model: type) -> str:
    return f"model-{model.__name__.lower()}"


def _model(model: type[BaseModel], nested: dict[str, type[BaseModel]], schema: str | None = None) -> str:
    level = "##" if schema else "###"
    source = f"\n\nSchema: `{schema}`." if schema else ""
    return f"{level} {model.__name__} {{ #{_anchor(model)} }}\n\n{prose(model)}{source}\n\n{_table(model, nested)}"


def _event(name: str, model: type[Event], nested: dict[str, type[BaseModel]]) -> str:
    is_lifecycle = issubclass(model, LifecycleEvent)
    base = LifecycleEvent if is_lifecycle else Event
    own = set(model.model_fields) - set(base.model_fields)
    fields = _table(model, nested, only=own) if own else "No further fields."
    kind = " An event of the life cycle." if is_lifecycle else ""
    return f"### `{name}` {{ #event-{name} }}\n\n{prose(model)}{kind}\n\n{fields}"


def _table(model: type[BaseModel], nested: dict[str, type[BaseModel]], only: set[str] | None = None) -> str:
    schema = model.model_json_schema(by_alias=True)
    told = attributes(model)
    rows = []
    for name, field in model.model_fields.items():
        if only is not None and name not in only:
            continue
        for inner in _models(field.annotation):
            _remember(inner, nested)
        shown = schema["properties"][field.alias or name]
        rows.append(
            (f"`{field.alias or name}`", _type(shown, schema), _default(field), _meaning(model, name, field, told))
        )
    return table(("field", "type", "default", "meaning"), rows)


def _remember(model: type[BaseModel], nested: dict[str, type[BaseModel]]) -> None:
    if model.__name__ in nested or model in ARTIFACTS.values():
        return
    nested[model.__name__] = model
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            _remember(inner, nested)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


def _meaning(model: type[BaseModel], name: str, field: FieldInfo, told: dict[str, str]) -> str:
    bases = [kind.__name__ for kind in model.__mro__]
    owned = next((OF[kind][name] for kind in bases if name in OF.get(kind, {})), None)
    meaning = told.get(name) or field.description or owned or COMMON.get(name)
    if meaning is None:
        raise LookupError(
            f"{model.__name__}.{name} has no meaning: say it in its docstring or in docs/renderers/meanings.py"
        )
    return meaning[:1].upper() + meaning[1:]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None:
        return "null"
    if isinstance(default, BaseModel):
        return "its defaults"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return "empty" if default in ((), {}) else f"`{default}`"


def _type(shown: dict[str, Any], whole: dict[str, Any]) -> str:
    if "$ref" in shown:
        return _reference(shown["$ref"].rpartition("/")[2], whole)
    if "anyOf" in shown:
        kinds = [_type(part, whole) for part in shown["anyOf"]]
        is_decimal = {"number", "text"} <= set(kinds)
        return " or ".join(dict.fromkeys("decimal" if is_decimal and kind in _NUMERIC else kind for kind in kinds))
    if "const" in shown:
        return f"`{shown['const']}`"
    if "enum" in shown:
        return " or ".join(f"`{value}`" for value in shown["enum"])
    if shown.get("type") == "array":
        return f"list of {_type(shown.get('items', {}), whole)}"
    if shown.get("type") == "object":
        return "mapping"
    return _scalar(shown)


def _reference(name: str, whole: dict[str, Any]) -> str:
    target = whole["$defs"][name]
    return _type(target, whole) if "enum" in target else f"[{name}](#model-{name.lower()})"


def _scalar(shown: dict[str, Any]) -> str:
    pattern = shown.get("pattern", "")
    if pattern.startswith("^[0-9a-f]{64}"):
        return "SHA-256"
    if "T[0-9]{2}" in pattern:
        return "UTC time"
    if pattern.startswith("^(?!"):
        return "decimal text"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "null": "null",
    }
    return words.get(str(shown.get("type")), "any JSON")
