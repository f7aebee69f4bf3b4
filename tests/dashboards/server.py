"""A real Prometheus on loopback, with the committed configuration made impatient."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import yaml
from tests.dashboards.conftest import PROMETHEUS, STACK

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = "500ms"
_OPENER = build_opener(ProxyHandler({}))


def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def until(condition: Callable[[], Any], seconds: float, what: Callable[[], object]) -> Any:
    """Return what ``condition`` says once it is true; it asks a server, so it is asked again after a moment."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)
    return found


def _alertmanager() -> str | None:
    """Return the program; Debian's reads its templates from where its package puts them, and cannot run without."""
    if Path("/usr/share/prometheus/alertmanager/default.tmpl").is_file():
        return shutil.which("prometheus-alertmanager")
    return shutil.which("alertmanager")


class Alertmanager:
    """A server of the committed configuration; ``program`` is its name on this machine, None where there is none.

    Args:
        place: a directory that is not there yet.
    """

    program = _alertmanager()

    def __init__(self, place: Path) -> None:
        place.mkdir()
        self.address = f"127.0.0.1:{free_port()}"
        config = STACK / "alertmanager" / "alertmanager.yml"
        words = [f"--config.file={config}", f"--storage.path={place}", "--cluster.listen-address="]
        self._log = (place / "log").open("w")
        command = [str(self.program), *words, f"--web.listen-address={self.address}"]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def alerts(self) -> dict[str, list[str]]:
        """Return who is told of each alert, by its name; nothing while the server is starting."""
        try:
            with _OPENER.open(f"http://{self.address}/api/v2/alerts", timeout=10) as answer:
                found = json.load(answer)
        except (URLError, ConnectionError):
            return {}
        return {alert["labels"]["alertname"]: [to["name"] for to in alert["receivers"]] for alert in found}

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


class Prometheus:
    """A server of ``place``, which gets its configuration, its targets and its data.

    Args:
        place: an empty directory.
        config: ``prometheus.yml`` or ``federation.yml``.
        targets: addresses, by file of targets.
        replaced: text of rule files that is another here.
    """

    def __init__(self, place: Path, config: str, targets: dict[str, list[Any]], replaced: dict[str, str]) -> None:
        self.place, self.port = place, free_port()
        shutil.copytree(PROMETHEUS, place)
        for path in (place / "rules").glob("*.yml"):
            text = path.read_text()
            for old, new in replaced.items():
                text = text.replace(old, new)
            path.write_text(text)
        settings = yaml.safe_load((place / config).read_text())
        names = ("scrape_interval", "evaluation_interval", "scrape_timeout")
        settings["global"] = dict.fromkeys(names, INTERVAL)
        (place / config).write_text(yaml.safe_dump(settings))
        for name in ("lab", "sessions", "alertmanagers", "nodes"):
            self.aim(name, targets.get(name, []))
        command = [f"--config.file={place / config}", f"--storage.tsdb.path={place / 'data'}"]
        listen = f"--web.listen-address=127.0.0.1:{self.port}"
        self._log = (place / "log").open("w")
        self._process = subprocess.Popen(["prometheus", *command, listen], stdout=self._log, stderr=self._log)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def aim(self, name: str, blocks: list[Any]) -> None:
        (self.place / "targets" / f"{name}.yml").write_text(yaml.safe_dump(blocks))

    def reload(self) -> None:
        import signal

        self._process.send_signal(signal.SIGHUP)

    def ask(self, expr: str) -> list[dict[str, Any]]:
        """Return the series of a query as it is now; none while the server is starting."""
        url = f"http://{self.address}/api/v1/query?{urlencode({'query': expr})}"
        try:
            with _OPENER.open(url, timeout=10) as answer:
                found = json.load(answer)
        except HTTPError as error:
            if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
                return []
            raise AssertionError(f"{expr}: {error.read()!r}") from error
        except (URLError, ConnectionError):
            return []
        assert not found.get("warnings"), found
        return list(found["data"]["result"])

    def log(self) -> str:
        return (self.place / "log").read_text()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()
