"""The answers of routes that mail papers."""

from __future__ import annotations

from rest_framework import serializers

from billing.sending import Sent
from common.http.bodies import JSONResponse
from common.reads.serializers import Serializer


class SentSerializer(Serializer):
    """Whether a mail was ordered."""

    sent = serializers.BooleanField()
    to = serializers.CharField(allow_blank=True, help_text="The email address.")
    not_sent_because = serializers.CharField(allow_blank=True)


def sent_body(sent: Sent) -> JSONResponse:
    return JSONResponse({"sent": sent.sent, "to": sent.to, "not_sent_because": sent.reason})
