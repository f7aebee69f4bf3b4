"""Makes a changed copy of a spec, for drills that need a variant of one on disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from opslab.contract.spec_file import SpecFile, parse_spec
from opslab.errors import SpecError, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping


def edited(spec_file: SpecFile, changes: Mapping[str, Any]) -> SpecFile:
    """Return ``spec_file`` with values replaced by dotted key; ``None`` as a value removes the key.

    >>> edited(spec_file, {"execution.fill": "same_close", "seed": 7})  # doctest: +SKIP

    Raises:
        SpecError: a key leads through something that is no mapping, or the outcome is not a valid spec.
    """
    # Through JSON, so that a value that YAML aliases share is changed in one place only.
    raw = json.loads(json.dumps(yaml.safe_load(spec_file.content)))
    for key, value in changes.items():
        *parents, last = key.split(".")
        place = raw
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise SpecError(
                    f"{key!r} leads through {parent!r}, which is no mapping",
                    where=spec_file.path,
                    fix="correct it",
                )
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    try:
        content = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True).encode()
    except yaml.YAMLError as error:
        what = f"a change cannot be written as YAML: {one_line(error)}"
        raise SpecError(what, where=spec_file.path, fix="use plain values") from error
    spec, lines = parse_spec(content, f"{spec_file.path} (changed)")
    return SpecFile(spec=spec, content=content, path=spec_file.path, lines=lines)
