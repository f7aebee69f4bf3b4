"""What every artifact shares: the model's rules and the canonical encodings."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

SCHEMA_VERSION: Literal["v1"] = "v1"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""Lower-case hexadecimal SHA-256."""

_STAMP = r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?(Z|\+00:00)$"
UtcStamp = Annotated[str, StringConstraints(pattern=_STAMP)]
"""UTC ISO-8601; the lab itself writes microseconds and ``Z``."""


_COMPACT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
"""Made once: ``json.dumps`` with settings of its own makes an encoder at every call."""


class Artifact(BaseModel):
    """A frozen model that forbids unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; optional additions that were never set are left out, fields of v1 stay as null."""
        return self.model_dump(mode="json")


def sha256_hex(content: bytes) -> str:
    """Return the lower-case hexadecimal SHA-256 of ``content``."""
    return hashlib.sha256(content).hexdigest()


def compact_json(value: Any) -> str:
    """Return JSON on one line: sorted keys, no spaces, ASCII, no NaN.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return _COMPACT.encode(value)


def pretty_json(value: Any) -> bytes:
    """Return JSON as artifacts are written: 2-space indent, sorted keys, trailing newline.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
