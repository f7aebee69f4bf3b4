"""The lab's exceptions: findings about the trading system apart from trouble of the lab itself.

    CheckFailed (AssertionError)      a check found a defect in what is rehearsed
      CheckUnknown                    a check could not tell: facts are missing, or it crashed
    OpsLabError (Exception)           the lab itself cannot go on
      RootError                       where the lab's files live
      IdError                         a name that is unsafe as a file name
      SpecError                       a run spec that cannot be used
      DataError                       market data that cannot be used
      ContractError                   a file that is not what the contract says
      StoreError                      a bundle that cannot be written or read
        RunExistsError                the run id is taken
      EngineError                     the engine stopped, or did not do what it reported
      VenueError                      the venue cannot start, or do what was asked of it from outside its API
      DrillError                      a drill, check or mutant that is used wrongly

Findings fail a test; trouble is an error of the lab, exit code 1 of ``tc``.
"""

from __future__ import annotations

import re

_FORMAT = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f"
)
"""Unicode's class Cf (15.1), which a reader does not see or which turns the text around; written out, so that what is
rendered does not depend on Python's version."""

_CONTROL = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_FORMAT}]")
_LINE_ENDS = frozenset("\n\t")


def one_line(text: object, limit: int = 400) -> str:
    """Return ``text`` on one line of at most ``limit`` characters; what controls, reorders or hides text is escaped."""
    escaped = _CONTROL.sub(_escaped, str(text))
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


def printable(text: str) -> str:
    """Return ``text`` with the same escaped as on one line, but for ends of lines and tabs."""
    return _CONTROL.sub(lambda match: match.group() if match.group() in _LINE_ENDS else _escaped(match), text)


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "replace").decode()


class CheckFailed(AssertionError):  # noqa: N818 - a finding, not an error
    """A check found what must not be.

    Args:
        message: what was found, starting with the finding's stable code.
        codes: the codes of all findings behind it.
    """

    def __init__(self, message: str, codes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.codes = codes


class CheckUnknown(CheckFailed):
    """A check could not tell: a fault never fired, facts are missing, or the check itself crashed."""


class OpsLabError(Exception):
    """Trouble of the lab itself, told in one line.

    Args:
        what: what is wrong.
        where: the file, line or name it is about.
        fix: what the reader can do.
    """

    def __init__(self, what: str, *, where: object = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        place = f"{one_line(where, 200)}: " if where is not None else ""
        remedy = f"; {fix}" if fix else ""
        super().__init__(one_line(f"{place}{one_line(what)}{remedy}", 800))


class RootError(OpsLabError):
    """The lab's root, or a path below it, cannot be used."""


class IdError(OpsLabError):
    """A run id, dataset name or slug that is unsafe as a file name."""


class SpecError(OpsLabError):
    """A run spec that is missing, malformed or asks for something unknown."""


class DataError(OpsLabError):
    """Market data that is missing, malformed or not what its record says."""


class ContractError(OpsLabError):
    """A file that does not follow the contract."""


class StoreError(OpsLabError):
    """A bundle that cannot be written or read."""


class RunExistsError(StoreError):
    """The run id is taken: a run directory is never reused."""


class EngineError(OpsLabError):
    """The engine stopped early, or did not do what it reported."""


class VenueError(OpsLabError):
    """The venue cannot start, or cannot do what was asked of it from outside its API: not what it refuses a client."""


class DrillError(OpsLabError):
    """A drill, check, fault or mutant that is declared or used wrongly."""
