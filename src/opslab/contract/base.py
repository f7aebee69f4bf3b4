"""What every artifact shares: the model's rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

SCHEMA_VERSION: Literal["v1"] = "v1"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""Lower-case hexadecimal SHA-256."""

_STAMP = r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?(Z|\+00:00)$"
UtcStamp = Annotated[str, StringConstraints(pattern=_STAMP)]
"""UTC ISO-8601; the lab itself writes microseconds and ``Z``."""


class Artifact(BaseModel):
    """A frozen model that forbids unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; optional additions that were never set are left out, fields of v1 stay as null."""
        return self.model_dump(mode="json")
