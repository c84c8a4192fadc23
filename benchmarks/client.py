"""Clients that keep their connection and do nothing else: what they cost, the server beside them cannot have."""

import asyncio
import http.client
from collections import deque
from collections.abc import Iterable
from http import HTTPStatus
from types import TracebackType
from typing import Self

_LONGEST_WAIT_SECONDS = 60.0
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Refused(RuntimeError):
    """The server answered with an error."""


class Client:
    """One connection, one request after the other."""

    def __init__(self, host: str, port: int, key: str = "") -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=_LONGEST_WAIT_SECONDS)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str) -> bytes:
        """Return what a path answers. Raises Refused, and OSError when nobody is there."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: bytes) -> bytes:
        """Send a body of JSON and return the answer. Raises Refused, and OSError when nobody is there."""
        return self._ask("POST", path, body)

    def send(self, method: str, path: str, body: bytes) -> bytes:
        """Send a body of JSON by another method; otherwise as `post`."""
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(f"{method} {path}: {response.status} {content[:500]!r}")
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


def post_request(path: str, body: bytes, key: str = "") -> bytes:
    """Return a POST as it goes over the wire."""
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def post_all(host: str, port: int, requests: Iterable[bytes], *, connections: int) -> None:
    """Send requests over so many connections, on each one after the other. Raises Refused unless all are taken."""
    asyncio.run(_post_all(host, port, deque(requests), connections))


async def _post_all(host: str, port: int, waiting: deque[bytes], connections: int) -> None:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Sender(waiting, loop.create_future()), host, port)
        for _ in range(connections)
    ]
    await asyncio.wait_for(asyncio.gather(*(sender.done for _, sender in made)), 10 * _LONGEST_WAIT_SECONDS)
    for transport, _ in made:
        transport.close()


class _Sender(asyncio.Protocol):
    """A connection that sends the next waiting request when the one before is answered."""

    def __init__(self, waiting: deque[bytes], done: "asyncio.Future[None]") -> None:
        self.done = done
        self._waiting = waiting
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of the loop's making
        self._transport = transport
        self._send_next()

    def data_received(self, data: bytes) -> None:
        """Go on when the answer is whole."""
        self._answer += data
        head, end, body = self._answer.partition(_END_OF_HEAD)
        if not end or len(body) < _length_in(head):
            return
        if not head.startswith(b"HTTP/1.1 201"):
            self._fail(Refused(repr(self._answer[:500])))
            return
        self._answer = b""
        self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail unless all was done."""
        self._fail(exc or Refused("the connection was closed"))

    def _send_next(self) -> None:
        if self._waiting:
            self._transport.write(self._waiting.popleft())
        elif not self.done.done():
            self.done.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def _length_in(head: bytes) -> int:
    """Return the length of the body that a head announces."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(_LENGTH):
            return int(line[len(_LENGTH) :])
    return 0
