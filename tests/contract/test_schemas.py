"""The committed JSON Schemas are what the models give, and the golden bundles follow them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import opslab.contract
from opslab.contract.registry import EVENTS
from opslab.contract.schemas import ARTIFACTS, render

COMMITTED = Path(opslab.contract.__file__).parent / "schemas" / "v1"
GOLDEN = Path(__file__).parents[2] / "fixtures" / "bundles" / "v1-lab-0.9"


def test_committed_schemas_are_what_the_models_give():
    committed = {path.name: path.read_bytes() for path in COMMITTED.iterdir()}
    rendered = render()
    assert sorted(committed) == sorted(rendered)
    different = [name for name, content in rendered.items() if committed[name] != content]
    assert different == [], "write render() into contract/schemas/v1: only additions are allowed within v1"


def test_every_artifact_and_event_has_one():
    assert len(render()) == len(ARTIFACTS) + len(EVENTS)
    for content in render().values():
        schema = json.loads(content)
        assert schema["$schema"].startswith("https://json-schema.org/")
        assert schema["additionalProperties"] is False


def resolved(schema: dict, root: dict) -> dict:
    return root["$defs"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def complaints(value: object, schema: dict, root: dict, path: str = "") -> list[str]:
    """Judge by the part of JSON Schema that the models use; enough to see a schema that lags behind."""
    schema = resolved(schema, root)
    if "anyOf" in schema:
        tries = [complaints(value, option, root, path) for option in schema["anyOf"]]
        return [] if [] in tries else tries[0]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    kind = schema.get("type")
    if (kind == "null" and value is not None) or (kind in kinds and not isinstance(value, kinds[kind])):
        return [f"{path} is no {kind}"]
    if "const" in schema and value != schema["const"]:
        return [f"{path} is not {schema['const']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{path} is not among {schema['enum']}"]
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        return [f"{path} does not match"]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found = [f"{path}.{name} is missing" for name in schema.get("required", ()) if name not in value]
        more = schema.get("additionalProperties", True)
        found += [f"{path}.{name} is unknown" for name in value if name not in known and more is False]
        return found + [
            c for n, item in value.items() if n in known for c in complaints(item, known[n], root, f"{path}.{n}")
        ]
    if isinstance(value, list) and "items" in schema:
        return [c for n, item in enumerate(value) for c in complaints(item, schema["items"], root, f"{path}[{n}]")]
    return []


def judged(name: str, value: object) -> list[str]:
    schema = json.loads(render()[f"{name}.schema.json"])
    return complaints(value, schema, schema)


@pytest.mark.parametrize("run", ["completed", "drilled", "failed", "interrupted"])
def test_golden_bundles_follow_the_schemas(run):
    bundle = GOLDEN / run
    for name in ("metadata", "metrics", "manifest"):
        assert judged(name, json.loads((bundle / f"{name}.json").read_bytes())) == []
    for report in bundle.glob("drills/*.json"):
        assert judged("drill", json.loads(report.read_bytes())) == []
    for journal in ("journal.jsonl", "post.jsonl"):
        lines = (bundle / journal).read_bytes().splitlines() if (bundle / journal).exists() else []
        for event in map(json.loads, lines):
            assert judged(f"event.{event['event']}", event) == []


def test_the_judge_sees_what_is_wrong():
    metadata = json.loads((GOLDEN / "completed" / "metadata.json").read_bytes())
    assert judged("metadata", {**metadata, "status": "done"}) != []
    assert judged("metadata", {**metadata, "more": 1}) != []
    assert judged("metadata", {name: value for name, value in metadata.items() if name != "venue"}) != []
