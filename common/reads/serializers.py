"""DRF's generic classes without their type arguments, which the declaration of a body does not use."""

from __future__ import annotations

from typing import Any, TypeAlias

from rest_framework import serializers

Serializer: TypeAlias = serializers.Serializer[Any]
SerializerField: TypeAlias = serializers.Field[Any, Any, Any, Any]
ListSerializer: TypeAlias = serializers.ListSerializer[Any]
