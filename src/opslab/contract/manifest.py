"""``manifest.json``: written at the terminal event, it fixes the journal's head and every file's digest."""

from __future__ import annotations

from typing import Literal

from opslab.contract.base import Artifact, Sha256, UtcStamp
from opslab.contract.dataset import FileDigest
from opslab.contract.encoding import compact_json, sha256_hex

__all__ = ["FileDigest", "JournalHead", "Manifest"]


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
        content_sha256: digest over the compact JSON of all fields before, so that a change of this file shows too.
    """

    schema_version: Literal["v1"] = "v1"
    run_id: str
    created_at_utc: UtcStamp
    journal: JournalHead
    files: tuple[FileDigest, ...]
    content_sha256: Sha256

    @classmethod
    def sealed(cls, run_id: str, created_at_utc: str, journal: JournalHead, files: tuple[FileDigest, ...]) -> Manifest:
        """Return the manifest of these facts, its own digest filled in."""
        unsealed = cls(
            run_id=run_id, created_at_utc=created_at_utc, journal=journal, files=files, content_sha256="0" * 64
        )
        return unsealed.model_copy(update={"content_sha256": unsealed.measured_sha256()})

    def measured_sha256(self) -> str:
        """Return what ``content_sha256`` must be."""
        return sha256_hex(compact_json(self.model_dump(mode="json", exclude={"content_sha256"})).encode())
