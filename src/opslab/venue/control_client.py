"""Asks a venue's control door over HTTP, from any process; standard library only."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opslab.errors import VenueError

if TYPE_CHECKING:
    from opslab.venue.setup import Endpoint

_TOKEN_HEADER = "X-Opslab-Token"  # noqa: S105 - the header's name
_OK = 200


class ControlClient:
    """Asks and commands one venue. Names and bodies are those of ``opslab.venue.control``.

    Args:
        endpoint: where it is.
        seconds: the longest to wait for an answer.
    """

    def __init__(self, endpoint: Endpoint, seconds: float = 10.0) -> None:
        self._endpoint, self._seconds = endpoint, seconds

    def get(self, name: str) -> Any:
        """Return what ``GET /ctl/<name>`` answers.

        Raises:
            VenueError: the venue does not answer, or refuses.
        """
        return self._ask("GET", name, None)

    def post(self, name: str, **body: Any) -> Any:
        """Return what ``POST /ctl/<name>`` answers; raises as ``get``."""
        return self._ask("POST", name, json.dumps(body).encode())

    def _ask(self, method: str, name: str, body: bytes | None) -> Any:
        place = urlsplit(self._endpoint.ctl)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=self._seconds)
        try:
            connection.request(method, f"{place.path}/{name}", body, {_TOKEN_HEADER: self._endpoint.token})
            reply = connection.getresponse()
            answer = json.loads(reply.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise VenueError(f"does not answer: {error}", where=f"{self._endpoint.ctl}/{name}") from error
        finally:
            connection.close()
        if reply.status != _OK:
            raise VenueError(str(answer.get("error", reply.status)), where=f"{method} /ctl/{name}")
        return answer
