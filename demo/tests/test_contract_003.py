"""Contract 003: each printed request is sent to the demo, and its response is compared with the printed one."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from django.db import transaction
from websockets.sync.client import connect

from accounts.models import User
from appointments.models import Location
from chat.models import Conversation
from config.tests.node import furnish, needs_npm
from demo.tests.printed import contract, differences
from testing.servers import database, free_port, serving
from vehicles.models import Vehicle

TEXT = contract("003-member")
JOHN = {"email": "john@example.com", "password": "securepassword123"}
ADMIN = {"email": "admin@example.com", "password": "admin12345"}
STATUS = {
    "POST /api/auth/register/": 201,
    "POST /api/vehicles/": 201,
    "POST /api/telematics/{vehicleId}/": 202,
    "POST /api/appointments/book/": 201,
    "POST /api/chat/threads/{threadId}/messages/": 201,
}
MAY_BE_NULL = {"membershipId", "dongleId", "dongleConnectionType"}
MAY_FOLLOW = {"id user vin": ["color", "photoUrl"]}
UUID, INSTANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), re.compile(r"[\d-]{10}T[\d:.]+Z")
# Bodies that the contract does not print (docs/design, D17).
LOCATION = {
    "id": "uuid", "name": "", "address": "", "lat": 0.5, "lng": 0.5, "phone": "",
    "hours": dict.fromkeys(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), "08:00–18:00"
    ),
    "createdAt": "",
}  # fmt: skip
APPOINTMENT = {
    "id": "uuid", "userId": "uuid", "vehicleId": "uuid", "locationId": "uuid", "location": LOCATION,
    "startTime": "", "endTime": "", "services": ["oil_change"], "status": "scheduled", "createdAt": "",
}  # fmt: skip
MESSAGE = {"id": "uuid", "threadId": "uuid", "sender": "", "body": "", "attachments": [], "createdAt": ""}
THREAD = {
    "id": "uuid", "userId": "uuid", "subject": "", "status": "open", "lastMessage": MESSAGE, "createdAt": "",
    "updatedAt": "",
}  # fmt: skip


@dataclass(frozen=True)
class Printed:
    """A printed request, and its response if one is printed."""

    line: str
    needs_token: bool
    body: str | None
    answer: str | None

    @property
    def name(self) -> str:
        return self.line.partition("?")[0]


def parsed(block: str | None) -> Any:
    """Return the parsed JSON without the comments of the contract, or None if there is no block."""
    return json.loads(re.sub(r"\s+//.*", "", block)) if block else None


def printed_requests() -> list[Printed]:
    part = TEXT.split("\n## Authentication\n")[1].split("\n## WebSocket Chat\n")[0]
    blocks = re.findall(r"```http\n(.*?)```(?:\n+\*\*Response:\*\*\n```json\n(.*?)```)?", part, re.DOTALL)
    found = []
    for block, answer in blocks:
        head, _, body = block.partition("\n\n")
        found.append(
            Printed(head.splitlines()[0], "Authorization: Bearer" in head, body or None, answer or None)
        )
    return found


REQUESTS = printed_requests()
SAMPLES = {request.name: parsed(request.answer) for request in REQUESTS if request.answer}
VEHICLE = SAMPLES["GET /api/vehicles/"][0]
# The responses for which the contract prints "same as" or nothing.
RESPONSES = SAMPLES | {
    "POST /api/auth/login/": SAMPLES["POST /api/auth/register/"],
    "POST /api/vehicles/": VEHICLE,
    "POST /api/vehicles/{vehicleId}/link-dongle/": VEHICLE,
    "POST /api/appointments/book/": APPOINTMENT,
    "GET /api/appointments/upcoming/": [APPOINTMENT],
    "GET /api/chat/threads/": [THREAD],
    "GET /api/chat/threads/{threadId}/messages/": [MESSAGE],
    "POST /api/chat/threads/{threadId}/messages/": MESSAGE,
}


class John:
    """A client signed in as the demo's member, with values for the placeholders of the contract."""

    def __init__(self, api):
        self.api = api
        answer = api.post("/api/auth/login/", JOHN, format="json").json()
        self.access, self.refresh = answer["accessToken"], answer["refreshToken"]
        vehicle = Vehicle.objects.get(customer__contact__email="john@example.com")
        location = Location.objects.order_by("id")[0]
        self.slot = self.free_slot(location)
        self.fillings = {
            "{vehicleId}": vehicle.uuid, "vehicle-uuid": vehicle.uuid,
            "{locationId}": location.uuid, "location-uuid": location.uuid,
            "{threadId}": Conversation.objects.get(customer__contact__email="john@example.com").uuid,
            "2024-01-15T10:00:00Z": self.slot, "date=2024-01-15": f"date={self.slot[:10]}",
            "john@example.com": "newcomer@example.com",
        }  # fmt: skip

    def free_slot(self, location):
        for days in range(8, 15):
            day = (datetime.now() + timedelta(days=days)).date()  # noqa: DTZ005  # the time zone does not matter
            query = {"locationId": str(location.uuid), "date": str(day)}
            if slots := self.get("/api/appointments/availability/", query).json()["availableSlots"]:
                return slots[0]["start"]
        raise AssertionError("no free slot within a week")

    def get(self, path, query=None):
        return self.api.get(path, query, headers={"Authorization": f"Bearer {self.access}"})

    def fill(self, text: str, request: Printed) -> str:
        for placeholder, value in self.fillings.items():
            if placeholder != "john@example.com" or "register" in request.name:
                text = text.replace(placeholder, str(value))
        return text.replace("eyJ0eXAiOiJKV1QiLCJhbGc...", self.refresh)

    def send(self, request: Printed, *, slash: bool = True, printed_values: bool = False):
        """Send the printed request with filled placeholders. With `printed_values`, send it without changes."""
        method, _, address = request.line.partition(" ")
        body = request.body
        if not printed_values:
            address, body = self.fill(address, request), body and self.fill(body, request)
        if not slash:
            address = re.sub(r"/(?=\?|$)", "", address)
        headers = {"Authorization": f"Bearer {self.access}"} if request.needs_token else {}
        if method == "GET":
            return self.api.get(address, headers=headers)
        return self.api.post(address, parsed(body), format="json", headers=headers)


@pytest.fixture
def john(demo, db, api):
    return John(api)


def requested(name: str) -> Printed:
    return next(request for request in REQUESTS if request.name == name)


def malformed(body: Any, name: str = "") -> list[str]:
    """Return the ids that are not UUIDs and the instants without `Z`."""
    if isinstance(body, dict):
        return [wrong for key, value in body.items() for wrong in malformed(value, key)]
    if isinstance(body, list):
        return [wrong for value in body for wrong in malformed(value, name)]
    rule = None
    if name in ("id", "user", "userId", "vehicleId", "locationId", "threadId", "fileId", "referrerUser"):
        rule = UUID
    elif name in ("createdAt", "updatedAt", "start", "end", "startTime", "endTime", "expiry"):
        rule = INSTANT
    return [f"{name}: {body}"] if rule and not rule.fullmatch(str(body)) else []


def test_contract_prints_sent_requests():
    assert len(REQUESTS) == 17
    assert {request.name for request in REQUESTS} == set(RESPONSES)
    assert set(STATUS) <= set(RESPONSES)
    assert len(SAMPLES) == 8


@pytest.mark.parametrize("request_", REQUESTS, ids=[request.line.partition("=")[0] for request in REQUESTS])
def test_request_gets_printed_response(john, request_):
    expected = RESPONSES[request_.name]
    rules = {"may_be_null": MAY_BE_NULL, "may_follow": MAY_FOLLOW, "free": {"rewardsApplied"}}
    for slash in (True, False):
        with transaction.atomic():
            answer = john.send(request_, slash=slash)
            transaction.set_rollback(True)
        assert answer.status_code == STATUS.get(request_.name, 200), answer.content
        body = answer.json()
        assert differences(body, expected, **rules) == []
        assert malformed(body) == []
        assert not isinstance(expected, list) or body != []


class TestValues:
    """Values that the contract prints and the demo has."""

    def test_registration(self, john):
        user = john.send(requested("POST /api/auth/register/")).json()["user"]
        printed = SAMPLES["POST /api/auth/register/"]["user"]
        same = ("name", "phone", "membershipId", "rewardsBalance")
        assert {name: user[name] for name in same} == {name: printed[name] for name in same}
        referred = User.objects.get(email="newcomer@example.com").referred_by.get()
        assert (referred.referrer.email, referred.status) == ("john@example.com", "signed_up")

    def test_vehicle(self, john):
        sent = parsed(requested("POST /api/vehicles/").body)
        body = john.send(requested("POST /api/vehicles/")).json()
        assert {name: body[name] for name in sent} == sent
        assert body["licensePlate"] == body["color"] == body["photoUrl"] == ""
        assert body in john.get("/api/vehicles/").json()

    def test_dongle(self, john):
        body = john.send(requested("POST /api/vehicles/{vehicleId}/link-dongle/")).json()
        assert (body["dongleId"], body["dongleConnectionType"]) == ("dongle-123", "BLE")

    def test_telematics(self, john):
        name = "POST /api/telematics/{vehicleId}/"
        assert john.send(requested(name)).json() == SAMPLES[name]
        assert john.send(requested(name)).status_code == 202
        vehicle = john.fillings["{vehicleId}"]
        samples = john.get(f"/api/telematics/{vehicle}/", {"to": "2024-01-01T00:10:00Z"}).json()
        assert samples == parsed(requested(name).body)["samples"]

    def test_slots_are_half_hours(self, john):
        slots = john.send(requested("GET /api/appointments/availability/")).json()["availableSlots"]
        for slot in slots:
            start, end = (datetime.fromisoformat(slot[name]) for name in ("start", "end"))
            assert end - start == timedelta(minutes=30)
        assert [slot["start"] for slot in slots] == sorted({slot["start"] for slot in slots})

    def test_booked_appointment_is_upcoming(self, john):
        booked = john.send(requested("POST /api/appointments/book/")).json()
        assert booked["services"] == ["oil_change", "tire_rotation"]
        assert (booked["startTime"], booked["status"]) == (john.slot, "scheduled")
        upcoming = john.send(requested("GET /api/appointments/upcoming/")).json()
        assert len(upcoming) == 2
        assert upcoming[1] == booked

    def test_offers(self, john):
        printed = SAMPLES["GET /api/offers/"][0]
        offers = {offer["title"]: offer for offer in john.send(requested("GET /api/offers/")).json()}
        spring = offers[printed["title"]]
        for name in ("description", "eligibleMemberships"):
            assert spring[name] == printed[name]
        assert spring["locations"] == [str(john.fillings["{locationId}"])]
        assert "Detailing on the House" not in offers  # only for premium

    def test_referrals(self, john):
        body, printed = (
            john.send(requested("GET /api/referrals/me/")).json(),
            SAMPLES["GET /api/referrals/me/"],
        )
        assert (body["code"], body["link"]) == (printed["code"], printed["link"])
        assert [(row["code"], row["status"]) for row in body["referrals"]] == [("REF-ABC123", "credited")]

    def test_messages(self, john):
        sent = john.send(requested("POST /api/chat/threads/{threadId}/messages/")).json()
        assert (sent["body"], sent["sender"]) == ("Hello, I need help with my vehicle", "user")
        messages = john.send(requested("GET /api/chat/threads/{threadId}/messages/")).json()
        assert [message["sender"] for message in messages] == ["user", "support", "user", "support", "user"]
        assert messages[-1] == sent

    def test_presigned_url_accepts_file(self, john):
        presigned = john.send(requested("POST /api/files/presign/")).json()
        assert presigned["method"] == "PUT"
        photo = b"\xff\xd8\xff\xe0" + b"\0" * 100
        put = john.api.put(presigned["url"], photo, content_type="image/jpeg")
        assert put.status_code == 200, put.content
        shown = john.api.get(presigned["publicUrl"])
        assert (b"".join(shown.streaming_content), shown.headers["Content-Type"]) == (photo, "image/jpeg")

    def test_refreshed_token_is_valid(self, john):
        john.access = john.send(requested("POST /api/auth/refresh/")).json()["accessToken"]
        assert john.get("/api/vehicles/").status_code == 200


class TestPrintedValues:
    """Requests with the printed values, whose dates are past and whose email is taken."""

    def test_registration_with_taken_email_is_refused(self, john):
        before = User.objects.count()
        answer = john.send(requested("POST /api/auth/register/"), printed_values=True)
        assert answer.status_code == 400
        assert set(answer.json()) == {"error", "email"}
        assert User.objects.count() == before

    def test_past_day_has_no_slots(self, john):
        query = {"locationId": str(john.fillings["{locationId}"]), "date": "2024-01-15"}
        assert john.get("/api/appointments/availability/", query).json() == {"availableSlots": []}

    def test_past_appointment_is_refused(self, john):
        john.fillings.pop("2024-01-15T10:00:00Z")
        answer = john.send(requested("POST /api/appointments/book/"))
        assert answer.status_code == 400
        assert {type(text) for text in answer.json().values()} <= {str, list}
        assert len(john.get("/api/appointments/upcoming/").json()) == 1


class TestErrors:
    """The section "Common Errors": each has the printed status and body."""

    PRINTED = re.findall(r"```http\n(\w+) (\S+)\nStatus: (\d+) [\w ]+\n\n(.*?)```", TEXT, re.DOTALL)

    def test_contract_prints_three_errors(self):
        assert [(method, path) for method, path, *_ in self.PRINTED] == [
            ("POST", "/api/auth/login/"),
            ("POST", "/api/vehicles/"),
            ("GET", "/api/vehicles/{invalid-id}/"),
        ]

    def test_errors_have_printed_status_and_body(self, john):
        login, add, find = self.PRINTED
        wrong = {"email": "john@example.com", "password": "wrong password"}
        vehicle = {
            name: value
            for name, value in parsed(requested("POST /api/vehicles/").body).items()
            if name != "vin"
        }
        for slash in ("/", ""):
            for printed, body in ((login, wrong), (add, vehicle)):
                headers = {"Authorization": f"Bearer {john.access}"}
                answer = john.api.post(printed[1].rstrip("/") + slash, body, format="json", headers=headers)
                assert (answer.status_code, answer.json()) == (int(printed[2]), json.loads(printed[3]))
            for invalid in ("invalid-id", "01890000-0000-7000-8000-000000000000"):
                answer = john.get(find[1].replace("{invalid-id}", invalid).rstrip("/") + slash)
                assert (answer.status_code, answer.json()) == (int(find[2]), json.loads(find[3]))

    def test_invalid_token_is_401(self, john):
        john.access = "eyJ0eXAiOiJKV1QiLCJhbGc..."
        for request in REQUESTS:
            if request.needs_token:
                answer = john.send(request)
                assert (answer.status_code, list(answer.json())) == (401, ["error"]), request.line


@pytest.mark.server
@needs_npm
def test_printed_socket_client_runs(tmp_path):
    """Run the printed client under node with filled placeholders. It sends after it has connected."""
    connecting, sending = re.search(
        r"### Example WebSocket Client\n+```javascript\n(.*?)(// Send a message\n.*?)```", TEXT, re.DOTALL
    ).groups()
    received = parsed(re.search(r"#### Receive Message\n+```json\n(.*?)```", TEXT, re.DOTALL)[1])
    port = free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with (
        database(tmp_path, has_demo=True) as env,
        serving(command, folder=tmp_path, port=port, env={**env, "DEBUG": "true"}) as server,
    ):
        john = requests.post(f"{server.url}/api/auth/login/", json=JOHN, timeout=10).json()["accessToken"]
        as_john = {"Authorization": f"Bearer {john}"}
        thread = requests.get(f"{server.url}/api/chat/threads/", headers=as_john, timeout=10).json()[0]["id"]
        desk = requests.post(f"{server.url}/api/token/", json=ADMIN, timeout=10).json()["access"]
        furnish(tmp_path)
        (tmp_path / "client.mjs").write_text(
            "import WebSocket from 'ws';\n"
            "console.log = (...values) => process.stdout.write(JSON.stringify(values) + '\\n');\n"
            f"const accessToken = {json.dumps(john)};\n"
            + connecting.replace("localhost:8000", f"localhost:{port}")
            + "await new Promise((connected) => ws.addEventListener('open', connected));\n"
            + sending.replace("thread-uuid", thread)
        )
        with (
            connect(f"ws://localhost:{port}/chat/ws?token={desk}") as support,
            subprocess.Popen(["node", tmp_path / "client.mjs"], stdout=subprocess.PIPE, text=True) as client,
        ):
            output = (json.loads(line) for line in client.stdout)
            assert next(output) == ["WebSocket connected"]
            text, message = next(output)
            assert text == "New message:"
            assert differences(message, received) == []
            assert (message["threadId"], message["body"], message["sender"]) == (thread, "Hello!", "user")
            assert json.loads(support.recv(timeout=10)) == message
            support.send(json.dumps({"type": "TYPING", "threadId": thread}))
            assert next(output) == ["User typing:", "support"]
            server.stop()
            assert next(output) == ["WebSocket disconnected"]
