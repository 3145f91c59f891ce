"""The tables of the ground floor, where Django looks for an app's models."""

from common.domain.models import Event as Event
from common.domain.models import IdempotencyKey as IdempotencyKey
from common.domain.models import SheetImport as SheetImport
