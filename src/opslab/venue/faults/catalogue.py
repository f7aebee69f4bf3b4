"""Every fault by its name, from plain data: one place for Python, YAML and ``/ctl/``.

    {fault: drop_user_stream, after: {event: fill, count: 2}, for: 2s}

``fault`` is a name of the catalogue; ``after``, ``for``, ``again``, ``times`` and ``probability`` are the schedule
(``faults.schedule``); all other keys are the fault's settings.
"""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from opslab.errors import DrillError
from opslab.venue.faults import of_messages, of_replies, of_requests, of_sockets, of_venue
from opslab.venue.faults.schedule import SCHEDULE_KEYS, Schedule, schedule_of
from opslab.venue.faults.telling import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.venue.faults.base import Fault
    from opslab.venue.faults.recipe import Recipe

_GROUPS = {
    "requests": of_requests.RECIPES,
    "replies": of_replies.RECIPES,
    "messages": of_messages.RECIPES,
    "sockets": of_sockets.RECIPES,
    "venue": of_venue.RECIPES,
}
CATALOGUE: dict[str, type[Recipe]] = {recipe.fault: recipe for group in _GROUPS.values() for recipe in group}
"""Each fault's settings, by its name."""


def fault_of(name: str, settings: Mapping[str, Any]) -> Fault:
    """Return the fault ``name``.

    Raises:
        DrillError: the name is unknown, or a setting is unknown, missing or cannot be used.
    """
    recipe = CATALOGUE.get(name) if isinstance(name, str) else None
    if recipe is None:
        near = difflib.get_close_matches(str(name), CATALOGUE, n=1)
        fix = f"did you mean {near[0]}?" if near else f"there are: {', '.join(CATALOGUE)}"
        raise DrillError(f"{name!r:.60} is not a fault of the venue", fix=fix)
    try:
        return recipe.model_validate(dict(settings)).make()
    except ValidationError as error:
        keys = ", ".join(_keys(recipe)) or "no settings"
        raise DrillError(told(error), where=f"fault {name}", fix=f"it takes {keys}") from error


def read_fault(data: Any) -> tuple[Fault, Schedule]:
    """Return the fault that plain data describe, and when it is in force.

    Raises:
        DrillError: the data describe none.
    """
    if not isinstance(data, dict) or "fault" not in data:
        raise DrillError("a fault needs a name", where="fault", fix='write it like {"fault": "drop_user_stream"}')
    schedule = schedule_of({key: value for key, value in data.items() if key in SCHEDULE_KEYS})
    settings = {key: value for key, value in data.items() if key != "fault" and key not in SCHEDULE_KEYS}
    return fault_of(data["fault"], settings), schedule


def described() -> list[dict[str, Any]]:
    """Return the catalogue as JSON types: name, group, summary and settings with their types and defaults."""
    return [
        {
            "fault": recipe.fault,
            "group": group,
            "summary": inspect.cleandoc(recipe.__doc__ or "").splitlines()[0],
            "settings": _settings(recipe),
        }
        for group, recipes in _GROUPS.items()
        for recipe in recipes
    ]


def _settings(recipe: type[Recipe]) -> dict[str, Any]:
    schema = recipe.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    return {
        key: {**{name: item for name, item in value.items() if name != "title"}, "required": key in required}
        for key, value in schema.get("properties", {}).items()
    }


def _keys(recipe: type[Recipe]) -> list[str]:
    return [field.alias or name for name, field in recipe.model_fields.items()]
