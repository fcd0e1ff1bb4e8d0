"""Firefox, driven by WebDriver BiDi: as much of it as a test of one page needs."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

#: Under which names distributions have it.
PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")

#: A page finds no network: everything but this machine goes through a proxy that does not answer.
_PREFERENCES = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
}
_TIMEOUT = 60

#: Code points of keys without a letter (W3C WebDriver, 17.4.2).
KEYS = {"Home": "\ue011", "End": "\ue010", "ArrowLeft": "\ue012", "ArrowRight": "\ue014"}


class FirefoxPage:
    """One tab.

    Attributes:
        said: what was written to its console, or thrown.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self.said: list[str] = []
        self._ask("session.new", capabilities={})
        tree = self._ask("browsingContext.getTree")
        self._context = tree["contexts"][0]["context"]
        self._ask("session.subscribe", events=["log.entryAdded"])

    def go(self, url: str, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", context=self._context, viewport=size)
        self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def reload(self) -> None:
        self._ask("browsingContext.reload", context=self._context, wait="complete")

    def value(self, expression: str) -> Any:
        """Of JavaScript that gives JSON, or a promise of it.

        Raises:
            AssertionError: it throws.
        """
        answer = self._ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self._context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def until(self, expression: str) -> None:
        """Wait until it is true.

        Raises:
            AssertionError: it never is.
        """
        wait = f"""new Promise(done => {{
            const end = Date.now() + 30000;
            const look = () => ({expression}) ? done(true)
                : Date.now() > end ? done(false) : setTimeout(look, 50);
            look();
        }})"""
        assert self.value(wait), expression

    def press(self, *names: str) -> None:
        actions = [
            {"type": kind, "value": KEYS.get(name, name)}
            for name in names
            for kind in ("keyDown", "keyUp")
        ]
        self._act({"type": "key", "id": "keyboard", "actions": actions})

    def hover(self, element: str) -> None:
        """The middle of what this expression gives."""
        x, y = self.value(
            f"(e => {{ e.scrollIntoView({{ block: 'center' }});"
            " const { x, y, width, height } = e.getBoundingClientRect();"
            f" return [Math.round(x + width / 2), Math.round(y + height / 2)]; }})({element})"
        )
        self._act(
            {
                "type": "pointer",
                "id": "mouse",
                "actions": [{"type": "pointerMove", "x": x, "y": y, "origin": "viewport"}],
            }
        )

    def _act(self, *actions: dict[str, Any]) -> None:
        self._ask("input.performActions", context=self._context, actions=list(actions))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(_TIMEOUT))
            if message.get("method") == "log.entryAdded":
                self.said.append(str(message["params"].get("text")))
            if message.get("id") == number:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result


@contextmanager
def firefox(profile: Path) -> Iterator[FirefoxPage]:
    assert PROGRAM is not None, "no Firefox is installed"
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in _PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [
        PROGRAM, "--headless", "--no-remote", "--profile", str(profile),
        "--remote-debugging-port", "0",
    ]  # fmt: skip
    with _started(command) as (process, address):
        with connect(f"{address}/session", max_size=None, proxy=None) as connection:
            yield FirefoxPage(connection)
        process.terminate()


@contextmanager
def _started(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and where it listens."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                    yield process, found[1]
                    return
            raise AssertionError("Firefox ended before it listened.")
        finally:
            process.kill()
