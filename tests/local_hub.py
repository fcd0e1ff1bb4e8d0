"""A hub of models on this machine: as much of Hugging Face's protocol as its own client uses, and
what goes wrong on real networks, on demand."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from huggingface_hub import close_session

#: What Git leaves to LFS.
LARGE = re.compile(r".*\.(safetensors|bin|pt|pth)")
PAGE = 1000

Files = Mapping[str, bytes]


@cache
def blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@cache
def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Repository:
    """Attributes:
    revisions: branches, and what is in each.
    tags: the same of tags.
    gated, private: to all but who brings the hub's token.
    """

    revisions: dict[str, Files]
    tags: dict[str, Files] = field(default_factory=dict)
    gated: bool = False
    private: bool = False

    def commit(self, files: Files) -> str:
        listed = sorted((path, blob(content)) for path, content in files.items())
        return hashlib.sha1(json.dumps(listed).encode()).hexdigest()

    def at(self, revision: str) -> tuple[str, Files] | None:
        named = self.tags | self.revisions
        if revision in named:
            return self.commit(named[revision]), named[revision]
        return next(
            ((revision, files) for files in named.values() if self.commit(files) == revision), None
        )


@dataclass
class Fault:
    """What happens to the next `times` requests whose "GET /path" matches.

    Attributes:
        status, headers: the answer instead.
        cut: the connection ends after so many bytes of the body.
        altered: the body comes with other bytes, as many.
        held: the body comes in as many blocks and one more, each of these after one of the events.
        silent: nothing comes before this.
    """

    request: str
    times: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    altered: bool = False
    held: Sequence[threading.Event] = ()
    silent: threading.Event | None = None


class LocalHub:
    """Attributes:
    repositories: by name; may be changed at any time.
    asked: "GET /path" of every request, in order; `headers` of each.
    xet: where the chunks of large files can be had as well; None where nowhere.
    """

    token = "hf_of_the_local_hub"

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[Fault] = []
        self.xet: str | None = None
        self._lock = threading.Lock()
        self._api, self._store = (_serve(handler, self) for handler in (_Api, _Store))
        self.endpoint, self.store = (_address(server) for server in (self._api, self._store))

    def close(self) -> None:
        """With the connections that the client keeps open."""
        close_session()
        for server in (self._api, self._store):
            server.shutdown()
            server.server_close()

    def count(self, pattern: str) -> int:
        return sum(re.search(pattern, one) is not None for one in self.asked)

    def note(self, handler: BaseHTTPRequestHandler) -> Fault | None:
        line = f"{handler.command} {unquote(handler.path)}"
        with self._lock:
            self.asked.append(line)
            self.headers.append({k.lower(): v for k, v in handler.headers.items()})
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.request, line):
                    fault.times -= 1
                    return fault
        return None

    def large(self, digest: str) -> bytes | None:
        for repository in self.repositories.values():
            for files in (repository.revisions | repository.tags).values():
                for content in files.values():
                    if sha256(content) == digest:
                        return content
        return None


@contextmanager
def local_hub() -> Iterator[LocalHub]:
    hub = LocalHub()
    try:
        yield hub
    finally:
        hub.close()


def _serve(handler: type[_Handler], hub: LocalHub) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"hub": hub}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def _address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    hub: LocalHub
    protocol_version = "HTTP/1.1"
    fault: Fault | None

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.handle_one()

    do_HEAD = do_POST = do_GET  # noqa: N815 - the names of http.server

    def handle_one(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        self.fault = self.hub.note(self)
        if self.fault is not None and self.fault.silent is not None:
            self.fault.silent.wait()
            self.close_connection = True
            return
        if self.fault is not None and self.fault.status is not None:
            self.reply(self.fault.status, b"{}", self.fault.headers)
            return
        self.answer(urlsplit(self.path))

    def answer(self, url: Any) -> None:
        raise NotImplementedError

    def reply(
        self, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.fault is not None and self.fault.cut is not None:
            self.wfile.write(content[: self.fault.cut])
            self.close_connection = True
            return
        if self.fault is not None and self.fault.held:
            self._write_in_blocks(content, self.fault.held)
            return
        altered = self.fault is not None and self.fault.altered
        self.wfile.write(bytes(b ^ 1 for b in content) if altered else content)

    def _write_in_blocks(self, content: bytes, held: Sequence[threading.Event]) -> None:
        size = len(content) // (len(held) + 1)
        with suppress(ConnectionError):  # nobody waits any more
            for block, event in enumerate([*held, None]):
                end = None if event is None else (block + 1) * size
                self.wfile.write(content[block * size : end])
                self.wfile.flush()
                if event is not None:
                    event.wait()

    def say(self, value: Any, headers: Mapping[str, str] | None = None) -> None:
        self.reply(200, json.dumps(value).encode(), headers)

    def refuse(self, status: int, code: str) -> None:
        self.reply(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})


class _Store(_Handler):
    """The other host, which keeps large files: it has no use for anybody's token."""

    def answer(self, url: Any) -> None:
        content = self.hub.large(url.path.rpartition("/")[2])
        if content is None:
            self.reply(404)
            return
        headers = {"Accept-Ranges": "bytes", "ETag": f'"{sha256(content)[:32]}"'}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            self.reply(200, content, headers)
            return
        start, end = int(wanted[1]), int(wanted[2] or len(content) - 1)
        if start >= len(content):
            self.reply(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        self.reply(206, content[start : end + 1], headers)


class _Api(_Handler):
    def answer(self, url: Any) -> None:
        path = [unquote(part) for part in url.path.strip("/").split("/")]
        if path[:2] == ["api", "models"]:
            self._about("/".join(path[2:4]), path[4:], parse_qs(url.query))
        elif len(path) > 4 and path[2] == "resolve":
            self._file("/".join(path[:2]), path[3], "/".join(path[4:]))
        else:
            self.refuse(404, "NotFound")

    def _known(self, name: str) -> Repository | None:
        """Said no otherwise."""
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and not self._allowed()):
            self.refuse(401, "RepoNotFound")
            return None
        return repository

    def _allowed(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def _about(self, name: str, what: list[str], query: dict[str, list[str]]) -> None:
        repository = self._known(name)
        if repository is None:
            return
        if what == ["refs"]:
            branches, tags = (
                [
                    {"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": repository.commit(files)}
                    for n, files in named.items()
                ]
                for kind, named in (("heads", repository.revisions), ("tags", repository.tags))
            )
            self.say({"branches": branches, "tags": tags, "converts": []})
            return
        if what[:1] == ["xet-read-token"]:
            self.say({}, {
                "X-Xet-Cas-Url": str(self.hub.xet), "X-Xet-Access-Token": "token",
                "X-Xet-Token-Expiration": str(int(time.time()) + 3600),
            })  # fmt: skip
            return
        kind, revision, *inside = what if len(what) > 1 else ["revision", "main"]
        found = repository.at(revision)
        if found is None:
            self.refuse(404, "RevisionNotFound")
            return
        commit, files = found
        if kind == "tree":
            self._tree(files, inside, query)
        elif kind == "paths-info":
            asked = parse_qs(self.body.decode())["paths"]
            self.say([_described(path, files[path]) for path in asked if path in files])
        else:
            siblings = [{"rfilename": path} for path in files]
            self.say({"id": name, "modelId": name, "sha": commit, "siblings": siblings})

    def _tree(self, files: Files, inside: list[str], query: dict[str, list[str]]) -> None:
        folder = "".join(f"{part}/" for part in inside)
        recursive = query.get("recursive", ["false"])[0].lower() == "true"
        entries: dict[str, Any] = {}
        for path, content in sorted(files.items()):
            if not path.startswith(folder):
                continue
            rest = path.removeprefix(folder)
            if recursive or "/" not in rest:
                entries[path] = _described(path, content)
            if "/" in rest:
                one = folder + rest.split("/")[0]
                entries[one] = {"type": "directory", "path": one, "oid": "0" * 40, "size": 0}
        start = int(query.get("cursor", ["0"])[0])
        headers = {}
        if start + PAGE < len(entries):
            own = self.path.split("?")[0]
            again = f"{self.hub.endpoint}{own}?recursive={recursive}&cursor={start + PAGE}"
            headers["Link"] = f'<{again}>; rel="next"'
        self.say(list(entries.values())[start : start + PAGE], headers)

    def _file(self, name: str, revision: str, path: str) -> None:
        repository = self._known(name)
        if repository is None:
            return
        if repository.gated and not self._allowed():
            self.refuse(403 if "Authorization" in self.headers else 401, "GatedRepo")
            return
        found = repository.at(revision)
        if found is None:
            self.refuse(404, "RevisionNotFound")
            return
        commit, files = found
        if path not in files:
            self.refuse(404, "EntryNotFound")
            return
        content = files[path]
        headers = {"X-Repo-Commit": commit}
        if LARGE.fullmatch(path):
            digest = sha256(content)
            if self.hub.xet is not None:
                route = f"{self.hub.endpoint}/api/models/{name}/xet-read-token/{commit}"
                headers |= {"X-Xet-Hash": digest, "X-Xet-Refresh-Route": route}
            self.reply(302, b"", headers | {
                "X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(content)),
                "ETag": f'"{digest}"',
                "Location": f"{self.hub.store}/{quote(name, safe='')}/{digest}",
            })  # fmt: skip
        else:
            self.reply(200, content, headers | {"ETag": f'"{blob(content)}"'})


def _described(path: str, content: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": path, "oid": blob(content), "size": len(content)}
    if LARGE.fullmatch(path):
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(content)}\n"
        entry["oid"] = blob(pointer.encode())
        entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": len(pointer)}
    return entry
