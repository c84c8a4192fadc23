"""Posting to a real receiver on this machine: answers, limits, redirects, and names that lead elsewhere."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from notifications.posting import post

HEADERS = {"webhook-id": "msg_1"}


class Receiver:
    """Answers each connection with fixed bytes; keeps what it was sent."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.answer: Callable[[socket.socket], None] = lambda connection: connection.sendall(reply("200 OK"))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?a=1"

    def close(self) -> None:
        """Stop listening; closing alone would leave the thread waiting."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                request = b""
                while b"\r\n\r\n" not in request or not request.endswith(b"}"):
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    request += piece
                self.requests.append(request)
                try:
                    self.answer(connection)
                except OSError:
                    continue


def reply(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()
    one.thread.join(2)


def test_a_receiver_gets_the_body_with_its_headers_and_its_answer_is_kept(receiver: Receiver) -> None:
    receiver.answer = lambda connection: connection.sendall(reply("201 Created", b"thanks"))
    answer = post(receiver.url, b"{}", HEADERS, local=True)

    assert (answer.status, answer.body, answer.is_success) == (201, "thanks", True)
    request = receiver.requests[0].decode()
    assert request.startswith("POST /hooks?a=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{receiver.port}\r\n" in request
    assert "webhook-id: msg_1\r\n" in request
    assert "Content-Type: application/json\r\n" in request
    assert request.endswith("\r\n\r\n{}")


def test_two_kibibytes_of_an_answer_are_kept(receiver: Receiver) -> None:
    receiver.answer = lambda connection: connection.sendall(reply("500 Oh", b"x" * 100_000))
    answer = post(receiver.url, b"{}", HEADERS, local=True)
    assert (answer.status, len(answer.body), answer.is_success) == (500, 2048, False)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed(receiver: Receiver, status: str) -> None:
    receiver.answer = lambda connection: connection.sendall(reply(status, b"", f"Location: {receiver.url}"))
    answer = post(receiver.url, b"{}", HEADERS, local=True)
    assert answer.status == int(status[:3])
    assert not answer.is_success
    assert len(receiver.requests) == 1


def test_retry_after_is_told(receiver: Receiver) -> None:
    receiver.answer = lambda connection: connection.sendall(reply("429 Slow", b"", "Retry-After: 120"))
    assert post(receiver.url, b"{}", HEADERS, local=True).retry_after == "120"


def drip(connection: socket.socket) -> None:
    for _ in range(100):
        connection.sendall(b"H")
        time.sleep(0.02)


@pytest.mark.parametrize("answer", [drip, lambda connection: time.sleep(0.5)], ids=["dripping", "silent"])
def test_one_limit_covers_the_whole_exchange(receiver: Receiver, answer: Callable[[socket.socket], None]) -> None:
    receiver.answer = answer
    began = time.monotonic()
    got = post(receiver.url, b"{}", HEADERS, local=True, limit_seconds=0.15)
    assert got.failure == "did not answer within 0.15 s"
    assert time.monotonic() - began < 0.45


@pytest.mark.parametrize("content", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 999999 what\r\n\r\n"])
def test_what_is_no_answer_is_a_failure(receiver: Receiver, content: bytes) -> None:
    receiver.answer = lambda connection: connection.sendall(content)
    answer = post(receiver.url, b"{}", HEADERS, local=True)
    assert answer.status is None
    assert answer.failure


def test_a_closed_port_is_a_failure(receiver: Receiver) -> None:
    receiver.close()
    assert post(receiver.url, b"{}", HEADERS, local=True).failure == "Connection refused"


def test_a_name_that_leads_inside_is_not_called(receiver: Receiver) -> None:
    url = f"https://hooks.example.com:{receiver.port}/"
    for addresses in (["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"]):
        answer = post(url, b"{}", HEADERS, look_up=lambda host, port, found=addresses: found)  # type: ignore[misc]
        assert answer.failure == "its name leads to an address that must not be sent to"
    assert receiver.requests == []


def test_a_name_is_looked_up_once_and_the_connection_goes_to_that_address(receiver: Receiver) -> None:
    # Rebinding: whoever looked the name up again would be led elsewhere.
    told = iter([["127.0.0.1"]])
    url = f"http://rebinding.invalid:{receiver.port}/"
    answer = post(url, b"{}", HEADERS, local=True, look_up=lambda host, port: next(told))
    assert answer.status == 200
    assert f"Host: rebinding.invalid:{receiver.port}\r\n".encode() in receiver.requests[0]
    assert next(told, None) is None


@pytest.mark.parametrize("addresses", [[], OSError("no such name")])
def test_a_name_that_cannot_be_resolved_is_a_failure(addresses: object) -> None:
    def look_up(host: str, port: int) -> list[str]:
        if isinstance(addresses, OSError):
            raise addresses
        return []

    assert post("https://nowhere.example/", b"{}", HEADERS, look_up=look_up).failure == "its name cannot be resolved"


def test_outside_development_plain_http_and_own_addresses_are_refused(receiver: Receiver) -> None:
    assert post(receiver.url, b"{}", HEADERS).failure == "the URL must begin with https://"
    assert (
        post(f"https://127.0.0.1:{receiver.port}/", b"{}", HEADERS).failure
        == "the URL names an address that must not be sent to"
    )
    assert receiver.requests == []


def test_a_receiver_that_speaks_no_tls_fails_under_https(receiver: Receiver) -> None:
    receiver.answer = lambda connection: connection.sendall(reply("200 OK"))
    answer = post(f"https://localhost:{receiver.port}/", b"{}", HEADERS, local=True, limit_seconds=0.5)
    assert answer.status is None
    assert answer.failure
