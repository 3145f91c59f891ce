"""Keys of contract 003 in both spellings.

The contract writes camelCase. Some screens of its web client read and send keys of several words in snake_case, so
that their bodies have both.
"""

from __future__ import annotations

import re
from copy import deepcopy

from common.reads.serializers import Serializer, SerializerField


def snake(name: str) -> str:
    """Return `lastCompletedDate` as `last_completed_date`."""
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


class BothSpellings(Serializer):
    """A body that has each key of several words in snake_case, too, after the others."""

    def get_fields(self) -> dict[str, SerializerField]:
        fields = super().get_fields()
        second = {}
        for name, field in fields.items():
            if (spelled := snake(name)) != name:
                second[spelled] = copy = deepcopy(field)
                source = copy.source or name
                copy.source = None if source == spelled else source  # DRF refuses a source that is the name
        return fields | second
