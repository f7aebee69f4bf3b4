"""Makes a lab of one's own from the packaged one: beside its place, then by one rename."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import unicodedata
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from opslab.errors import IdError, RootError, StoreError, one_line
from opslab.ids import MAX_ID_LENGTH, MAX_SHOWN
from opslab.root import find_lab
from opslab.store.durable import STAGING_PREFIX, install_directory

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PACKAGED = "lab"
SUFFIX = ".txt"
"""What every packaged file's name ends with, since its own name would mean something to tools where it is packaged."""

HIDDEN = frozenset({"gitignore"})
"""Names that get a dot in front."""

MARKS = frozenset(" ._-")
"""What a lab's name may hold beside letters and digits of any script."""

MAX_NAME_BYTES = 255
"""Of a file's name on Linux, see NAME_MAX of limits.h."""


def make_lab(folder: Path) -> Path:
    """Make the lab ``folder``, whole or not at all, and return its absolute path.

    Args:
        folder: must not exist, or be an empty directory; its parent must be there and outside of any lab.

    Raises:
        IdError: its last part is no name for a lab.
        RootError: it is a lab, or lies in one, or its parent cannot be used or has a name that is no text.
        StoreError: it is there and not empty, or cannot be written.
    """
    try:
        _require_name(folder.name)
        place = Path(os.path.abspath(folder.parent)) / folder.name  # noqa: PTH100 - symlinks stay as they were named
        _require_room(place)
    except (OSError, ValueError) as error:
        raise RootError(f"cannot be used: {error}", where=f"'{folder}'", fix="choose another folder") from error
    staged = place.parent / f"{STAGING_PREFIX}{place.name[:32]}-{secrets.token_hex(4)}"
    try:
        _write(staged)
        install_directory(staged, place)
    except FileExistsError as error:
        raise _not_empty(place) from error
    except OSError as error:
        what, fix = f"cannot be written: {error.strerror or error}", "check space and rights, or choose another folder"
        raise StoreError(what, where=place, fix=fix) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return place


def _require_name(name: str) -> None:
    """Refuse a name that a shell, a terminal or a reader could take for something else.

    Raises:
        IdError: it is none of letters and digits of any script, blanks, ``.``, ``_`` and ``-``; it begins with another
            than a letter or digit, ends with a blank or dot, or is longer than ``MAX_ID_LENGTH`` characters or
            ``MAX_NAME_BYTES``.
    """
    is_plain = all(char in MARKS or unicodedata.category(char)[0] in "LMN" for char in name)
    begins_well = is_plain and name != "" and unicodedata.category(name[0])[0] in "LN"
    is_short = len(name) <= MAX_ID_LENGTH and len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES
    if begins_well and is_short and name[-1] not in " ." and ".." not in name:
        return
    fix = (
        f"use 1 to {MAX_ID_LENGTH} letters, digits, blanks, '.', '_' or '-', first a letter or digit, "
        "last no blank or dot, without '..'"
    )
    raise IdError(f"folder '{one_line(name, MAX_SHOWN)}' is no name for a lab", fix=fix)


def _require_room(place: Path) -> None:
    """Refuse a place that is taken, and one where a lab would be in the way."""
    if place.is_symlink():
        what = "is a symlink to a folder" if place.is_dir() else "is a symlink that leads to no folder"
        raise StoreError(what, where=place, fix="name the folder itself, or choose another name")
    if place.exists() and not place.is_dir():
        raise StoreError("is there and is no folder", where=place, fix="choose another name")
    if not place.parent.is_dir():
        raise RootError("is no folder", where=place.parent, fix="make it first, or choose another")
    if place.is_dir() and any(place.iterdir()):
        if _is_lab(place):
            raise StoreError("is a lab already", where=place, fix="run `pytest` there, or choose another name")
        raise _not_empty(place)
    around = find_lab(None, {}, [place.parent])
    if around.is_marked:
        fix = "choose a folder outside of it; a lab may have as many specs and drills as you like"
        raise RootError(f"lies in the lab {around.root}", where=place, fix=fix)


def _is_lab(place: Path) -> bool:
    with contextlib.suppress(RootError):
        found = find_lab(None, {}, [place])
        return found.is_marked and found.root == place.resolve()
    return False


def _not_empty(place: Path) -> StoreError:
    return StoreError("is there and not empty", where=place, fix="choose another name, or empty it")


def _write(staged: Path) -> None:
    staged.mkdir()
    _copy(resources.files("opslab.samples") / PACKAGED, staged)


def _copy(source: Traversable, target: Path) -> None:
    for entry in source.iterdir():
        if entry.is_dir():
            (target / entry.name).mkdir()
            _copy(entry, target / entry.name)
        elif entry.name.endswith(SUFFIX):
            name = entry.name.removesuffix(SUFFIX)
            (target / (f".{name}" if name in HIDDEN else name)).write_bytes(entry.read_bytes())
