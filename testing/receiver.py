"""A receiver of webhooks, which verifies each signature by the library of Standard Webhooks.

python -m testing.receiver PORT LOG SECRET      # appends a JSON line for each message to LOG, before its response
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread
from typing import IO, Any, ClassVar

from standardwebhooks import Webhook as Verifier

Answer = Callable[["Received"], int]


@dataclass(frozen=True)
class Received:
    """A message as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    def verify(self, secret: str) -> None:
        """Raise WebhookVerificationError unless the secret signed the message in the last five minutes."""
        Verifier(secret).verify(self.body, self.headers)


class Receiver(ThreadingHTTPServer):
    """An HTTP server that keeps what it receives. `answer` gives the status of each message."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, answer: Answer = lambda message: 204, port: int = 0, host: str = "127.0.0.1") -> None:
        self.answer, self.messages = answer, list[Received]()
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks?shop=1"

    def server_bind(self) -> None:
        """Bind without looking up the name of this machine, which takes long without a network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that a sender ended."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver
    disable_nagle_algorithm = True
    wbufsize: ClassVar[int] = -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        message = Received(self.path, headers, body)
        self.server.messages.append(message)
        status = self.server.answer(message)
        self.send_response_only(status)
        if 300 <= status < 400:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Log nothing."""


@contextmanager
def receiving(answer: Answer = lambda message: 204) -> Iterator[Receiver]:
    """Run a receiver in a thread."""
    receiver = Receiver(answer)
    thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()
        thread.join()


@contextmanager
def speaking(speak: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on a port and let `speak` answer each connection, as a receiver that is no HTTP server may do."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                Thread(target=_spoken, args=(speak, connection), daemon=True).start()

        Thread(target=serve, daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def _spoken(speak: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection:
        try:
            speak(connection)
        except OSError:  # the sender has gone
            return


def main() -> None:
    port, path, secret = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    with open(path, "a", buffering=1, encoding="utf-8") as log:
        Receiver(lambda message: _note(log, message, secret), port).serve_forever()


def _note(log: IO[str], message: Received, secret: str) -> int:
    """Write a line, which a kill does not take back, and return the status of the response."""
    try:
        message.verify(secret)
        error = ""
    except Exception as failure:  # noqa: BLE001  # whatever it is, the trial counts it
        error = repr(failure)
    event = message.event
    log.write(json.dumps([message.id, event["id"], event["subject"], error]) + "\n")
    return 500 if error else 204


if __name__ == "__main__":
    main()
