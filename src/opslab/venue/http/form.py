"""Query strings and form bodies, decoded strictly: what Binance would refuse is refused, never guessed."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_FORM = "application/x-www-form-urlencoded"
MAX_PARAMETERS = 200
"""More than any endpoint takes; a longer list is refused before it is read."""


def decoded(text: bytes) -> dict[str, str]:
    """Return the parameters of a query string or a form body.

    Raises:
        Refusal: -1100 for broken percent encoding, text that is not UTF-8 or control characters; -1101 for a
            parameter sent twice, or for too many of them.
    """
    found: dict[str, str] = {}
    if not text:
        return found
    if text.count(b"&") >= MAX_PARAMETERS:
        raise Refusal(-1101, "Too many parameters sent for this endpoint.")
    if b"%" not in text and b"+" not in text and text.isascii() and (plain := text.decode("ascii")).isprintable():
        return _plain(plain)
    for pair in text.split(b"&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name = _unquoted(raw_name)
        if name in found:
            raise Refusal(-1101, f"Duplicate values for parameter '{shown(name)}' detected.")
        found[name] = _unquoted(raw_value)
    return found


def _plain(text: str) -> dict[str, str]:
    """Return the parameters of a text with nothing to decode and nothing illegal in it, as most are."""
    found: dict[str, str] = {}
    for pair in text.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            if name in found:
                raise Refusal(-1101, f"Duplicate values for parameter '{shown(name)}' detected.")
            found[name] = value
    return found


def merged(query: bytes, body: bytes, content_type: str) -> dict[str, str]:
    """Return the parameters of query and body; where both send one the query's counts, as Binance documents.

    Args:
        query: the query string as received.
        body: the body as received; it is read only as a form.
        content_type: the body's type; an empty one counts as a form.

    Raises:
        Refusal: as ``decoded``.
    """
    if not body or (content_type and content_type.partition(";")[0].strip().lower() != _FORM):
        return decoded(query)
    return decoded(body) | decoded(query)


def texts(values: Mapping[str, object]) -> dict[str, str]:
    """Return JSON values as the texts that a form would have carried; null counts as not sent.

    Raises:
        Refusal: -1100 for text that cannot be encoded, -1130 for a value that is an object.
    """
    found: dict[str, str] = {}
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif isinstance(value, float):
            found[name] = f"{Decimal(str(value)):f}"
        elif isinstance(value, (str, int)):
            found[name] = _clean(str(value))
        else:
            raise Refusal(-1130, f"Data sent for parameter '{shown(name)}' is not valid.")
    return found


def shown(name: str) -> str:
    """Return a name as an answer may repeat it: short and printable."""
    return "".join(char if char.isprintable() else "?" for char in name[:64])


def _unquoted(raw: bytes) -> str:
    if b"%" not in raw and b"+" not in raw:
        content = raw
    elif _BAD_ESCAPE.search(raw):
        raise Refusal(-1100, "Illegal characters found in a parameter: broken percent encoding.")
    else:
        content = unquote_to_bytes(raw.replace(b"+", b" "))
    try:
        return _clean(content.decode())
    except UnicodeDecodeError:
        raise Refusal(-1100, "Illegal characters found in a parameter: not UTF-8.") from None


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    if any(ord(char) < ord(" ") or "\ud800" <= char <= "\udfff" or char == "\x7f" for char in text):
        raise Refusal(-1100, "Illegal characters found in a parameter.")
    return text
