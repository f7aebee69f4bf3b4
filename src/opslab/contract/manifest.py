"""``manifest.json``: written at the terminal event, it fixes the journal's head and every file's digest."""

from __future__ import annotations

from typing import Literal

from opslab.contract.base import Artifact, Sha256, UtcStamp


class FileDigest(Artifact):
    """One file of the bundle: its path below the bundle, content digest and size."""

    path: str
    sha256: Sha256
    size_bytes: int


class JournalHead(Artifact):
    """How many lines the journal has, and the digest of the last one."""

    lines: int
    head_sha256: Sha256


class Manifest(Artifact):
    """The bundle as it was at its terminal event."""

    schema_version: Literal["v1"] = "v1"
    run_id: str
    created_at_utc: UtcStamp
    journal: JournalHead
    files: tuple[FileDigest, ...]
