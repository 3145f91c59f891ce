"""What is sent is signed by the scheme of Standard Webhooks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks.exceptions import WebhookVerificationError

from integrations.webhooks.signing import new_secret, signed_headers

PUBLISHED = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_published_vector_has_its_signature():
    headers = signed_headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        keys=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        at=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers == PUBLISHED


def test_each_secret_of_a_rotation_verifies_and_no_other():
    old, new, other = new_secret(), new_secret(), new_secret()
    body = '{"ä": 1}'.encode()
    headers = signed_headers(message_id="msg_1", body=body, keys=[new, old], at=datetime.now(UTC))
    for secret in (old, new):
        assert Verifier(secret).verify(body, headers) == {"ä": 1}
    with pytest.raises(WebhookVerificationError):
        Verifier(other).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(new).verify(body + b" ", headers)
