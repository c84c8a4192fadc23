"""Post a webhook: to an address that was looked up once and checked, within ten seconds, following nowhere.

The name is resolved here and the connection goes to the address that was checked, so that a name cannot point
elsewhere a moment later; the certificate is still the name's. Every step, from the look-up's end to the last byte that
is read, shares one deadline: a receiver that sends a byte a second is cut off like one that sends none.
"""

import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from core.version import reckoner_version
from notifications.domain.addresses import may_send_to, url_fault

LIMIT_SECONDS = 10.0
KEPT_BYTES = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """What became of a try: a status with the beginning of its body, or else what failed."""

    status: int | None = None
    body: str = ""
    retry_after: str = ""
    failure: str = ""
    duration_ms: int = 0

    @property
    def is_success(self) -> bool:
        """Tell whether the receiver took it."""
        return self.status is not None and http.HTTPStatus.OK <= self.status < http.HTTPStatus.MULTIPLE_CHOICES


class _NotSent(Exception):
    """The message cannot be sent there; the words are for the log."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host. Raises OSError."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    local: bool = False,
    limit_seconds: float = LIMIT_SECONDS,
    look_up: Resolve = resolve,
) -> PostAnswer:
    """Post a JSON body and return what became of it; nothing is raised for what the other side does.

    `local` lets http and addresses of this machine and its network in.
    """
    began = time.monotonic()
    try:
        answer = _exchange(url, body, headers, local=local, deadline=began + limit_seconds, look_up=look_up)
    except _NotSent as error:
        answer = PostAnswer(failure=str(error))
    except TimeoutError:
        answer = PostAnswer(failure=f"did not answer within {limit_seconds:g} s")
    except ssl.SSLError as error:
        answer = PostAnswer(failure=f"TLS: {getattr(error, 'verify_message', '') or error.reason or 'failed'}"[:300])
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        answer = PostAnswer(failure=f"{getattr(error, 'strerror', None) or type(error).__name__}"[:300])
    return PostAnswer(
        answer.status,
        answer.body,
        answer.retry_after,
        answer.failure,
        duration_ms=round((time.monotonic() - began) * 1000),
    )


def _exchange(
    url: str, body: bytes, headers: Mapping[str, str], *, local: bool, deadline: float, look_up: Resolve
) -> PostAnswer:
    fault = url_fault(url, local=local)
    if fault:
        raise _NotSent(f"the URL {fault}")
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    address = _checked_address(host, port, local=local, look_up=look_up)
    with contextlib.ExitStack() as closing:
        connection = closing.enter_context(socket.create_connection((address, port), timeout=_left(deadline)))
        connection.settimeout(_left(deadline))
        if parts.scheme == "https":
            connection = closing.enter_context(_tls().wrap_socket(connection, server_hostname=host))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.settimeout(_left(deadline))
        connection.sendall(_request(target, parts.netloc, body, headers))
        return _read_answer(connection, deadline)


def _checked_address(host: str, port: int, *, local: bool, look_up: Resolve) -> str:
    """Return the first address of a host, when every one it has may be sent to."""
    try:
        addresses = list(look_up(host, port))
    except (OSError, UnicodeError) as error:
        raise _NotSent("its name cannot be resolved") from error
    if not addresses:
        raise _NotSent("its name cannot be resolved")
    if not all(may_send_to(address, local=local) for address in addresses):
        raise _NotSent("its name leads to an address that must not be sent to")
    return addresses[0]


def _request(target: str, host: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the request as it goes over the wire; the URL was checked to hold neither spaces nor line breaks."""
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"User-Agent: Reckoner/{reckoner_version()}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _read_answer(connection: socket.socket, deadline: float) -> PostAnswer:
    """Read the status, the headers and the beginning of the body."""
    response = http.client.HTTPResponse(_Timed(connection, deadline), method="POST")  # type: ignore[arg-type]
    with contextlib.closing(response):
        response.begin()
        body = b""
        # The status is the answer; a body that does not come to its end changes nothing.
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            body = response.read(KEPT_BYTES)
        text = body.decode("utf-8", "replace").replace("\0", "")
        return PostAnswer(response.status, text, (response.getheader("Retry-After") or "")[:100])


def _left(deadline: float) -> float:
    """Return the seconds left. Raises TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Timed(io.RawIOBase):
    """A connection read under one deadline, as `http.client` wants to read it."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return the reader."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Read what there is. Raises TimeoutError."""
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(buffer)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
