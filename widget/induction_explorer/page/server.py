"""Serves the page of an explorer: three files, and the socket that its messages go by."""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from induction_kernels.errors import InductionError
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection
from websockets.sync.server import serve as listen

from induction_explorer.explorer import InductionExplorer
from induction_explorer.page.audience import Audience, Frames

_log = logging.getLogger(__name__)

_STATIC = Path(__file__).parents[1] / "static"
_FILES = {
    "/": (Path(__file__).parent / "page.html", "text/html"),
    "/page.js": (_STATIC / "page.js", "text/javascript"),
    "/widget.js": (_STATIC / "widget.js", "text/javascript"),
    "/widget.css": (_STATIC / "widget.css", "text/css"),
}
_SOCKET = "/socket"
#: What is no address to open.
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - only looked for
#: For the page: nothing of it comes from anywhere else, or goes there.
_POLICY = "default-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'"


class Page:
    """A page that is served.

    Attributes:
        address: opens it; with the token, which nobody else knows.
    """

    def __init__(self, audience: Audience, bound: socket.socket) -> None:
        self._audience = audience
        self._token = secrets.token_urlsafe(24)
        self._server: Server = listen(
            self._attend, sock=bound, process_request=self._answer, compression=None
        )
        host, port, *_ = bound.getsockname()
        host = socket.gethostname() if host in _EVERYWHERE else host
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={self._token}"

    def run(self) -> None:
        """Serve until Ctrl-C is pressed."""
        try:
            self._server.serve_forever()
        finally:
            self._server.shutdown()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """A file; None lets the socket open."""
        url = urlsplit(request.path)
        secret = url.path in ("/", _SOCKET)
        given = parse_qs(url.query).get("token", [""])[0]
        if secret and not secrets.compare_digest(given.encode(), self._token.encode()):
            text = "Open the address that the command printed, with its token.\n"
            return connection.respond(HTTPStatus.FORBIDDEN, text)
        if url.path == _SOCKET:
            return None
        if url.path not in _FILES:
            return connection.respond(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
        path, kind = _FILES[url.path]
        body = path.read_bytes()
        headers = Headers(
            {
                "Content-Type": f"{kind}; charset=utf-8",
                "Content-Length": str(len(body)),
                "Content-Security-Policy": _POLICY,
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-cache",
                "Connection": "close",
            }
        )
        return Response(200, "OK", headers, body)

    def _attend(self, connection: ServerConnection) -> None:
        """A page is open."""
        frames = self._audience.join()
        sender = threading.Thread(
            target=_send, args=(connection, frames), name="induction-page", daemon=True
        )
        sender.start()
        try:
            for message in connection:
                try:
                    self._audience.hear(message)
                except Exception:  # noqa: BLE001 - as in a kernel: the next may be better
                    _log.exception("A page's message was not heeded.")
        except ConnectionClosed:
            pass
        finally:
            self._audience.leave(frames)
            sender.join()


def _send(connection: ServerConnection, frames: Frames) -> None:
    while (frame := frames.get()) is not None:
        try:
            connection.send(frame)
        except ConnectionClosed:
            return


@contextmanager
def serving(
    make: Callable[[], InductionExplorer], host: str = "127.0.0.1", port: int = 0
) -> Iterator[Page]:
    """A page of the explorer that `make` makes, until the block is left; `run` serves it.

    Args:
        port: 0 for a free one.

    Raises:
        InductionError: it cannot be served there.
    """
    with _bound(host, port) as bound:  # before anything is loaded for it
        audience = Audience(make)
        try:
            yield Page(audience, bound)
        finally:
            audience.close()


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise InductionError(
            f"{host}:{port} cannot be served on: {getattr(error, 'strerror', None) or error}.",
            "Give another --port, or none for a free one.",
        ) from error
