"""A pytest plugin that writes every drill's declaration down: ``pytest drills --collect-only -p renderers.catalogue``.

It imports nothing of the lab itself, so that pytest can load it before anything else.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .injected import faults_in

if TYPE_CHECKING:
    import pytest

TARGET = "OPSLAB_CATALOGUE"
"""The environment variable that names the file."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write one row a drill: what its markers declare, how many variants it has, and which faults its code names."""
    from opslab.pytest_plugin.keys import INFO  # noqa: PLC0415 - pytest rewrites assertions in what loads later

    rows: dict[str, dict[str, object]] = {}
    counts: dict[str, int] = {}
    for item in session.items:
        if INFO not in item.stash:
            continue
        info = item.stash[INFO]
        counts[info.slug] = counts.get(info.slug, 0) + 1
        names = [mutant.name for mutant in info.mutants]
        rows[info.slug] = {**dataclasses.asdict(dataclasses.replace(info, mutants=())), "mutants": names}
        rows[info.slug] |= {"variants": counts[info.slug], "known_defects": [item.code for item in info.known_defects]}
        rows[info.slug] |= {"defects": sorted({item.reference for item in info.known_defects}), "faults": _faults(item)}
    Path(os.environ[TARGET]).write_text(json.dumps(rows), encoding="utf-8")


def _faults(item: pytest.Item) -> list[str]:
    from opslab.venue.faults.catalogue import CATALOGUE  # noqa: PLC0415 - as above

    module, name = getattr(item, "module", None), getattr(item, "originalname", None)
    if module is None or name is None:
        return []
    plugins = item.config.pluginmanager.get_plugins()
    shared = [plugin for plugin in plugins if Path(getattr(plugin, "__file__", None) or "").name == "conftest.py"]
    return faults_in(name, [module, *shared], frozenset(CATALOGUE), item.config.rootpath)
