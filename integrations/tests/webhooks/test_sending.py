"""A request to a receiver ends within its bounds, whatever the receiver does."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from threading import Timer

import pytest
from urllib3.util import connection as connections

from integrations.webhooks import addresses, sending
from integrations.webhooks.addresses import Target, target_of
from integrations.webhooks.sending import Line, Outcome
from testing.receiver import receiving, speaking
from testing.servers import free_port

BODY, HEADERS = b'{"id": 1}', {"Content-Type": "application/json", "webhook-id": "msg_1"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


USED = []


@pytest.fixture(autouse=True)
def _bounds(settings, monkeypatch):
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = True
    monkeypatch.setattr(sending, "SECONDS", 0.4)
    yield
    while USED:
        USED.pop().close()


@pytest.fixture
def leads_to(monkeypatch):
    """Let a name lead to these addresses in turn, the last one from then on. Return the list of look-ups."""

    def lead(*turns):
        looked: list[str] = []

        def lookup(host, port):
            looked.append(host)
            return list(turns[min(len(looked), len(turns)) - 1])

        monkeypatch.setattr(addresses, "lookup", lookup)
        return looked

    return lead


def post(port, *, line=None, host="127.0.0.1", cut_every=None):
    """Send a message, and cut it as the deliverer does. Return the outcome without its milliseconds."""
    line = line or Line(Target("http", host, port, "/hooks"))
    USED.append(line)
    timers = [Timer(seconds, line.cut_if_late) for seconds in (0.45, 0.6, 1, 2)] if cut_every else []
    for timer in timers:
        timer.start()
    outcome = line.post(BODY, HEADERS)
    for timer in timers:
        timer.cancel()
    return outcome.status, outcome.error


def read_request(connection):
    received = b""
    while BODY not in received:
        received += connection.recv(65536)
    return received


def answering(*parts, pause=0.0):
    """Return a receiver that sends `parts` and then keeps the connection open."""

    def speak(connection):
        read_request(connection)
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        time.sleep(1)

    return speak


def test_message_comes_as_it_was_sent():
    with receiving() as receiver:
        line = Line(target_of(receiver.url))
        assert post(0, line=line) == (204, "")
        [message] = receiver.messages
    assert (message.path, message.body) == ("/hooks?shop=1", BODY)
    assert message.headers == {
        "host": f"127.0.0.1:{receiver.server_port}",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "webhook-id": "msg_1",
        "content-length": "9",
        "user-agent": message.headers["user-agent"],
    }


def test_connection_is_kept_and_looked_up_once(leads_to):
    looked = leads_to(["127.0.0.1"])
    ports = set()

    def speak(connection):
        ports.add(connection.getpeername())
        for _ in range(3):
            read_request(connection)
            connection.sendall(OK)

    with speaking(speak) as port:
        line = Line(Target("http", "hooks.example.com", port, "/"))
        assert [post(port, line=line) for _ in range(3)] == [(200, "")] * 3
    assert (len(ports), looked) == (1, ["hooks.example.com"])


def test_connection_that_ended_meanwhile_is_made_again():
    def speak(connection):
        read_request(connection)
        connection.sendall(OK)

    with speaking(speak) as port:
        line = Line(Target("http", "127.0.0.1", port, "/"))
        assert [post(port, line=line) for _ in range(3)] == [(200, "")] * 3


def test_dead_receiver():
    assert post(free_port()) == (None, "The connection was refused.")
    assert Outcome(None, "The connection was refused.", 1).is_down


@pytest.mark.parametrize(
    "speak",
    [
        answering(),
        answering(b"HTTP/1.1 200 OK\r\nX-"),
        answering(*[b"HTTP/1.1 200 OK\r\n"], *[b"X: 1\r\n"] * 300, pause=0.03),
    ],
    ids=["silent", "stops in the head", "drips its head"],
)
def test_slow_receiver_is_cut_off(speak):
    with speaking(speak) as port:
        began = time.monotonic()
        assert post(port, cut_every=0.1) == (None, "No response within 0.4 seconds.")
        assert time.monotonic() - began < 5  # it would take nine


@pytest.mark.parametrize(
    ("speak", "status"),
    [
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"), 200),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", *[b"x"] * 300, pause=0.03), 200),
        (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 200),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"), 200),
        (answering(b"HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\nshort"), 500),
    ],
    ids=["short", "drips", "no chunks", "no gzip", "short error"],
)
def test_status_counts_whatever_its_body_is(speak, status):
    with speaking(speak) as port:
        error = "" if status == 200 else "The receiver answered 500."
        assert post(port, cut_every=0.1) == (status, error)


def test_no_more_than_the_bound_is_read_of_a_response():
    read = []

    def speak(connection):
        read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(bytes(100_000))
            read.append(100_000)

    with speaking(speak) as port:
        line = Line(Target("http", "127.0.0.1", port, "/"))
        assert post(port, line=line) == (200, "")
        time.sleep(0.05)
    assert sum(read) < 10_000_000  # what fits into the buffers of both ends
    assert line._connection is None


@pytest.mark.parametrize(
    "speak",
    [
        answering(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        answering(b"\x16\x03\x01" + bytes(500) + b"\n"),
        lambda connection: None,
    ],
    ids=["another protocol", "bytes", "nothing"],
)
def test_what_is_no_http_counts_as_a_lost_connection(speak):
    with speaking(speak) as port:
        status, error = post(port, cut_every=0.1)
    assert (status, error.partition(":")[0]) in {
        (None, "The connection was lost, or the response is no HTTP."),
        (None, "The connection failed"),
    }


def test_connecting_and_the_handshake_of_tls_share_the_bound(monkeypatch, leads_to):
    """A network that takes long to connect, to a receiver that then says nothing."""
    connect = connections.create_connection

    def connect_slowly(*args, **kwargs):
        time.sleep(0.8)
        return connect(*args, **kwargs)

    monkeypatch.setattr(connections, "create_connection", connect_slowly)
    monkeypatch.setattr(sending, "SECONDS", 1)
    leads_to(["127.0.0.1"])
    with speaking(lambda connection: time.sleep(4)) as port:
        line = Line(Target("https", "hooks.example.com", port, "/"))
        began = time.monotonic()
        assert post(port, line=line) == (None, "No response within 1 seconds.")
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    "head",
    [
        [b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"x" * 60_000 + b"\r\n"] * 90],
        [b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 60_000 + b"\r\n\r\n"] * 90,
    ],
    ids=["headers", "interim responses"],
)
def test_no_more_than_the_bound_is_read_of_a_head(monkeypatch, head):
    monkeypatch.setattr(sending, "SECONDS", 5)
    with speaking(answering(*head, b"Content-Length: 0\r\n\r\n")) as port:
        assert post(port) == (None, "The head of the response is longer than 64 KiB.")


def test_endless_head_is_refused():
    with speaking(answering(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 5000)) as port:
        assert post(port) == (None, "The connection was lost, or the response is no HTTP.")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status):
    with receiving(lambda message: status) as receiver:
        assert post(0, line=Line(target_of(receiver.url))) == (
            status,
            f"The receiver answered {status}. Redirects are not followed.",
        )
        assert len(receiver.messages) == 1


@pytest.mark.parametrize("private", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
def test_name_that_leads_to_a_private_address_is_refused_at_connect(settings, leads_to, private):
    """A rebinding resolver answers with a public address when the webhook is saved, and another one later."""
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = False
    leads_to(["93.184.216.34"], [private])
    addresses.check_url(addresses.look_up("https://hooks.example.com/garage"))
    with receiving() as receiver:
        line = Line(Target("https", "hooks.example.com", receiver.server_port, "/"))
        assert post(0, line=line) == (None, f"hooks.example.com is {private}, which is not public.")
        assert receiver.messages == []


def test_connection_goes_to_the_address_that_was_checked(monkeypatch, leads_to):
    """The system's resolver would lead elsewhere, and is not asked again."""
    leads_to(["127.0.0.1"])

    def elsewhere(host, *args, **kwargs):
        assert host == "127.0.0.1", f"{host} was looked up again"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", args[0]))]

    monkeypatch.setattr(socket, "getaddrinfo", elsewhere)
    with receiving() as receiver:
        line = Line(Target("http", "hooks.example.com", receiver.server_port, "/"))
        assert post(0, line=line) == (204, "")
        assert receiver.messages[0].headers["host"] == f"hooks.example.com:{receiver.server_port}"


def test_each_new_connection_is_checked(settings, leads_to):
    """The address changes between two connections of one line."""
    leads_to(["127.0.0.1"], ["10.0.0.5"])

    def speak(connection):
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with speaking(speak) as port:
        line = Line(Target("http", "hooks.example.com", port, "/"))
        assert post(port, line=line) == (200, "")
        settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = False
        assert post(port, line=line) == (None, "hooks.example.com is 10.0.0.5, which is not public.")


def test_further_address_is_tried_when_the_first_is_dead(leads_to):
    leads_to(["127.0.0.2", "127.0.0.1"])
    with receiving() as receiver:
        line = Line(Target("http", "hooks.example.com", receiver.server_port, "/"))
        assert post(0, line=line) == (204, "")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return a certificate for hooks.example.com that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, pem = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com",
         "-keyout", str(key), "-out", str(pem)],
        check=True, capture_output=True,
    )  # fmt: skip
    return pem, key


@pytest.mark.parametrize(
    ("host", "trusts", "outcome"),
    [
        ("hooks.example.com", True, (204, "")),
        ("other.example.com", True, (None, "TLS failed: CERTIFICATE_VERIFY_FAILED.")),
        ("hooks.example.com", False, (None, "TLS failed: CERTIFICATE_VERIFY_FAILED.")),
    ],
)
def test_tls_names_and_checks_the_host_of_the_url(monkeypatch, leads_to, certificate, host, trusts, outcome):
    pem, key = certificate
    trusting = ssl.create_default_context(cafile=str(pem) if trusts else None)
    monkeypatch.setattr(sending, "_tls", lambda: trusting)
    monkeypatch.setattr(sending, "SECONDS", 5)
    leads_to(["127.0.0.1"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, key)
    named = []
    server.sni_callback = lambda connection, name, context: named.append(name)
    with receiving() as receiver:
        receiver.socket = server.wrap_socket(receiver.socket, server_side=True)
        line = Line(Target("https", host, receiver.server_port, "/"))
        assert post(0, line=line) == outcome
    assert named == [host]
