"""Reads one side of a file check strictly: a bounded regular file of JSON without surprises, or one clear error."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import ValidationError

from opslab.contract.encoding import sha256_hex
from opslab.contract.reconciliation import ReconciliationInput
from opslab.errors import ContractError, one_line
from opslab.store.regular import MISSING, open_regular, trouble_of

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 256 * 1024 * 1024
"""The largest file that is read."""


@dataclass(frozen=True)
class ReadInput:
    """One side of a check as it was read; ``sha256`` is the digest of its bytes."""

    path: str
    sha256: str
    content: ReconciliationInput


def read_input(path: Path, run_id: str) -> ReadInput:
    """Return the reconciliation input at ``path``.

    Raises:
        ContractError: it is no regular file, too big, not UTF-8, not strict JSON, not a reconciliation input, or of
            another run than ``run_id``.
    """
    raw = _bounded(path)
    _refuse_surprises(raw, path)
    try:
        content = ReconciliationInput.model_validate_json(raw)
    except ValidationError as error:
        raise _first_finding(error, path) from error
    if content.run_id != run_id:
        raise ContractError(
            f"is of another run ({content.run_id!r:.80})", where=path, fix=f"name a file whose run_id is {run_id!r}"
        )
    return ReadInput(one_line(path, 1024), sha256_hex(raw), content)


def _bounded(path: Path) -> bytes:
    what = trouble_of(path)
    if what is not None and what != MISSING:
        raise ContractError(what, where=path, fix="name the JSON file itself")
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ContractError(reason, where=path, fix="name a JSON file that you can read") from error
    if len(raw) > MAX_BYTES:
        raise ContractError(f"is larger than {MAX_BYTES // 2**20} MiB", where=path, fix="compare fewer orders at once")
    return raw


def _refuse_surprises(raw: bytes, path: Path) -> None:
    """Refuse what lenient parsers let through: repeated keys, NaN, infinities and numbers that become infinite."""

    def refuse(what: str) -> NoReturn:
        raise ContractError(what, where=path, fix="correct the file")

    def unique(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            twice = next(key for number, key in enumerate(keys) if key in keys[:number])
            refuse(f"key {one_line(twice, 60)!r} is given twice in one object")

    def finite(text: str) -> None:
        if not math.isfinite(float(text)):
            refuse(f"the number {one_line(text, 40)} is too large")

    def constant(text: str) -> None:
        refuse(f"{text} is no JSON number")

    try:
        json.loads(raw.decode(), object_pairs_hook=unique, parse_float=finite, parse_int=len, parse_constant=constant)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ContractError("is not UTF-8", where=f"{path}:{line}", fix="save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise ContractError(f"is not JSON: {error.msg}", where=f"{path}:{error.lineno}", fix="correct it") from error
    except RecursionError as error:
        raise ContractError("is nested too deeply", where=path, fix="correct the file") from error


def _first_finding(error: ValidationError, path: Path) -> ContractError:
    findings = error.errors(include_url=False, include_context=False, include_input=False)
    # A misspelt key shows up twice, as unknown and as missing: the unknown one tells more.
    finding = next((item for item in findings if item["type"] == "extra_forbidden"), findings[0])
    name = one_line(".".join(str(part) for part in finding["loc"]), 120)
    what = "unknown key" if finding["type"] == "extra_forbidden" else finding["msg"].removeprefix("Value error, ")
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return ContractError(f"{name}: {what}{more}" if name else f"{what}{more}", where=path, fix="correct the file")
