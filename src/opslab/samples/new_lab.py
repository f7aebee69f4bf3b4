"""Makes a lab of one's own from the packaged one: beside its place, then by one rename."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from opslab.errors import RootError, StoreError
from opslab.ids import checked_id
from opslab.root import find_lab
from opslab.store.durable import STAGING_PREFIX, install_directory

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PACKAGED = "lab"
SUFFIX = ".txt"
"""What every packaged file's name ends with, since its own name would mean something to tools where it is packaged."""

HIDDEN = frozenset({"gitignore"})
"""Names that get a dot in front."""


def make_lab(folder: Path) -> Path:
    """Make the lab ``folder``, whole or not at all, and return its absolute path.

    Args:
        folder: must not exist, or be an empty directory; its parent must be there and outside of any lab.

    Raises:
        IdError: its last part is no safe name.
        RootError: it is a lab, or lies in one, or its parent cannot be used.
        StoreError: it is there and not empty, or cannot be written.
    """
    try:
        checked_id(folder.name, "folder")
        place = Path(os.path.abspath(folder.parent)) / folder.name  # noqa: PTH100 - symlinks stay as they were named
        _require_room(place)
    except (OSError, ValueError) as error:
        raise RootError(f"cannot be used: {error}", where=ascii(str(folder)), fix="choose another folder") from error
    staged = place.parent / f"{STAGING_PREFIX}{place.name[:64]}-{secrets.token_hex(4)}"
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
