"""Send one message to a receiver, within bounds of time and size (docs/design, D150).

A connection is made to an address that was looked up and checked just before, while the Host header and TLS name the
host of the URL. urllib3's connections follow no redirects, use no proxy of the environment and repeat nothing.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from threading import Lock
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from integrations.webhooks.addresses import AddressRefused, Target, public_addresses

SECONDS = 10  # for all of it: the connection, the request, and the response
BYTES = 64 * 1024  # of a response that are read, with its head
_MOST_ADDRESSES = 3
_DOWN = frozenset({429, 502, 503, 504})
GONE = 410


@dataclass(frozen=True)
class Outcome:
    """What came of a request: the status, or None without a response, and why it counts as failed."""

    status: int | None
    error: str
    milliseconds: int

    @property
    def is_accepted(self) -> bool:
        return not self.error

    @property
    def is_down(self) -> bool:
        """Return whether it concerns the receiver as a whole, and not the one message."""
        return bool(self.error) and (self.status is None or self.status in _DOWN)


class ResponseTooLong(HTTPException):
    """More than the bound would have to be read of a response."""


class _BoundedReader(RawIOBase):
    """What a receiver sends of one response, up to the bound. http.client alone allows 100 headers of 64 KiB."""

    def __init__(self, raw: RawIOBase) -> None:
        self._raw, self._left = raw, BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._left <= 0:
            raise ResponseTooLong
        count = self._raw.readinto(memoryview(buffer)[: self._left])
        self._left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = BufferedReader(_BoundedReader(self.fp.detach()))


class _Http(HTTPConnection):
    """A connection that is made until `until`, on the monotonic clock. The response is bounded."""

    response_class = _BoundedResponse
    until: float

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        # What is left for the handshake of TLS.
        connected.settimeout(max(self.until - time.monotonic(), 0.001))
        return connected


class _Https(_Http, HTTPSConnection):
    pass


class Line:
    """A connection to a receiver that is kept for the next message. One thread uses it at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection: HTTPConnection | None = None
        self._deadline: float | None = None
        self._is_cut = False
        self._lock = Lock()

    def post(self, body: bytes, headers: dict[str, str]) -> Outcome:
        """Send a message and return what came of it. Raises nothing that a receiver can cause."""
        began = time.monotonic()
        with self._lock:
            self._deadline, self._is_cut = began + SECONDS, False
        status: int | None = None
        try:
            response = self._exchange(body, headers)
            status = response.status
            self._read_rest(response)
        except AddressRefused as error:
            failure = str(error)
        except (HTTPError, HTTPException, OSError, ValueError) as error:  # the last of what is no HTTP
            self.close()
            failure = "" if status is not None else self._describe(error)
        else:
            failure = ""
        finally:
            with self._lock:
                self._deadline = None
        took = int((time.monotonic() - began) * 1000)
        if status is not None and not 200 <= status < 300:
            is_redirect = " Redirects are not followed." if 300 <= status < 400 else ""
            failure = f"The receiver answered {status}.{is_redirect}"
        return Outcome(status, failure, took)

    def cut_if_late(self) -> None:
        """End a request whose time is over. A receiver that sends a byte now and then passes every other limit."""
        with self._lock:
            connection = self._connection
            if self._deadline is None or time.monotonic() < self._deadline or connection is None:
                return
            self._is_cut = True
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(self, body: bytes, headers: dict[str, str]) -> BaseHTTPResponse:
        """Send the request and return the response's head. A kept connection may have ended meanwhile: try again."""
        if self._connection is not None and self._connection.sock is not None:
            with suppress(HTTPError, HTTPException, OSError):
                return self._request(self._connection, body, headers)
        self.close()
        self._left()
        self._connection = self._connect()
        return self._request(self._connection, body, headers)

    def _request(self, connection: HTTPConnection, body: bytes, headers: dict[str, str]) -> BaseHTTPResponse:
        if connection.sock is not None:
            connection.sock.settimeout(self._left())
        connection.request(
            "POST",
            self._target.path,
            body=body,
            headers={"Host": self._target.host_header, "Accept-Encoding": "identity", **headers},
            preload_content=False,
            decode_content=False,
        )
        if connection.sock is not None:
            connection.sock.settimeout(self._left())
        response = connection.getresponse()
        if self._is_cut:
            raise TimeoutError
        return response

    def _read_rest(self, response: BaseHTTPResponse) -> None:
        """Read the response's body, so that the connection can be kept. Raises HTTPError beyond the bound."""
        while response.read(BYTES):
            pass

    def _connect(self) -> HTTPConnection:
        """Return a new connection to an address that was checked now. Raises what the last address raised."""
        addresses = public_addresses(self._target)[:_MOST_ADDRESSES]
        failed: Exception = OSError("no address")
        for number, address in enumerate(addresses):
            share = self._left() / (len(addresses) - number)  # the others have a chance, too
            connection = self._made(address, share)
            try:
                connection.connect()
            except (HTTPError, OSError) as error:
                connection.close()
                failed = error
            else:
                return connection
        raise failed

    def _made(self, address: str, seconds: float) -> _Http:
        port = self._target.port
        connection: _Http
        if self._target.scheme == "http":
            connection = _Http(address, port, timeout=seconds)
        else:
            connection = _Https(
                address, port, timeout=seconds, server_hostname=self._target.host, ssl_context=_tls()
            )
        connection.until = time.monotonic() + seconds
        return connection

    def _left(self) -> float:
        """Return the seconds that are left. Raises TimeoutError if there are none."""
        left = (self._deadline or 0) - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _describe(self, error: Exception) -> str:
        if self._is_cut or isinstance(error, TimeoutError) or "timed out" in str(error):
            return f"No response within {SECONDS} seconds."
        if isinstance(error, ResponseTooLong):
            return f"The head of the response is longer than {BYTES // 1024} KiB."
        if isinstance(error, socket.gaierror):
            return f"{self._target.host} was not found."
        cause = error.__cause__ or error
        if isinstance(cause, ConnectionRefusedError):
            return "The connection was refused."
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason or cause}."
        if isinstance(cause, OSError) and cause.strerror:
            return f"The connection failed: {cause.strerror}."
        return "The connection was lost, or the response is no HTTP."


@cache
def _tls() -> ssl.SSLContext:
    """Return the settings of TLS. Certificates are checked, and reading those of the system takes milliseconds."""
    return ssl.create_default_context()
