"""Reads what earlier labs wrote: each artifact is brought to the form of today, or refused by name.

Within ``v1`` there were only additions, so an upgrade fills in what an earlier writer could not know. A bundle of the
earlier lab (0.8.0) has no chain, no manifest and stamps with fewer digits; its facts stay what they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from opslab.contract.base import SCHEMA_VERSION, Artifact
from opslab.contract.metadata import Metadata
from opslab.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable

Raw = dict[str, Any]


def _metadata_0_8(raw: Raw) -> Raw:
    """The earlier lab did not keep the id apart from the spec's, and had no error outside ``engine_execution``."""
    execution = raw.get("engine_execution") or raw.get("paper_execution") or {}
    return {"spec_run_id": raw.get("run_id"), "error": execution.get("error"), **raw}


UPGRADES: dict[type[Artifact], Callable[[Raw], Raw]] = {Metadata: _metadata_0_8}
"""How an artifact without ``lab`` (written before this lab) becomes one of today."""


def read_artifact[Model: Artifact](model: type[Model], raw: object, where: str) -> Model:
    """Return ``raw`` as ``model``, upgraded where an earlier lab wrote it.

    Raises:
        ContractError: no mapping, another schema version, or fields that the contract does not know.
    """
    if not isinstance(raw, dict):
        raise ContractError("is not a JSON object", where=where, fix="restore it from a copy")
    version = raw.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ContractError(
            f"has schema_version {version!r:.40}, expected {SCHEMA_VERSION!r}",
            where=where,
            fix="read it with a newer lab",
        )
    upgrade = UPGRADES.get(model)
    if upgrade is not None and "lab" not in raw:
        raw = upgrade(raw)
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ContractError(f"{name}: {first['msg']}", where=where, fix="restore it from a copy") from error
