"""``manifest.json``: written at the terminal event, it fixes the journal's head and every file's digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from opslab.contract.base import Artifact, Sha256, UtcStamp
from opslab.contract.dataset import FileDigest
from opslab.contract.encoding import compact_json, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FileDigest", "JournalHead", "Manifest", "measured_sha256"]


class JournalHead(Artifact):
    """How many lines the journal has, and the digest of the last one."""

    lines: int
    head_sha256: Sha256


class Manifest(Artifact):
    """The bundle as it was at its terminal event.

    Attributes:
        run_id: the run's id.
        created_at_utc: when the bundle was sealed.
        journal: the journal's end.
        files: every file but this one, by path below the bundle; drill reports come later: ``post.jsonl`` tells them.
        recovered: whether `tc run recover` sealed the run, its own process being gone; what became of the files before
            that, only the journal's digests tell.
        content_sha256: digest over the compact JSON of all other fields, so that a change of this file shows too.
    """

    schema_version: Literal["v1"] = "v1"
    run_id: str
    created_at_utc: UtcStamp
    journal: JournalHead
    files: tuple[FileDigest, ...]
    recovered: bool = False
    content_sha256: Sha256

    @classmethod
    def sealed(
        cls,
        run_id: str,
        created_at_utc: str,
        journal: JournalHead,
        files: tuple[FileDigest, ...],
        *,
        recovered: bool = False,
    ) -> Manifest:
        """Return the manifest of these facts, its own digest filled in."""
        unsealed = cls(
            run_id=run_id,
            created_at_utc=created_at_utc,
            journal=journal,
            files=files,
            recovered=recovered,
            content_sha256="0" * 64,
        )
        return unsealed.model_copy(update={"content_sha256": measured_sha256(unsealed.to_dict())})


def measured_sha256(manifest: Mapping[str, Any]) -> str:
    """Return what ``content_sha256`` of a manifest's JSON must be, whichever optional fields its writer knew."""
    own = {name: value for name, value in manifest.items() if name != "content_sha256"}
    return sha256_hex(compact_json(own).encode())
