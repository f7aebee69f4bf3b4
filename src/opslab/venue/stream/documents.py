"""JSON that a client sends on a WebSocket, read strictly: what could not be sent back is no document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LONE_SURROGATE = "lone leading surrogate in hex escape"
r"""What is wrong with a text like ``"\ud800"``: RFC 8259, 8.2 lets it be written, but no UTF-8 can hold it."""


def read_document(text: str | bytes, read_float: Callable[[str], Any] | None = None) -> Any:
    """Return the JSON document that a message is.

    Args:
        text: the message; bytes are UTF-8.
        read_float: makes a value of a number with a fraction; None: a float.

    Raises:
        ValueError: it is none, nests too deeply, holds NaN or Infinity, or a text with half a surrogate pair.
    """
    try:
        document = json.loads(text, parse_float=read_float, parse_constant=_refused)
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError(LONE_SURROGATE) from None
    except RecursionError:
        raise ValueError("recursion limit exceeded") from None
    return document


def _refused(name: str) -> None:
    del name
    raise ValueError("expected value")
