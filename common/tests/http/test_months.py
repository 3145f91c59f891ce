from __future__ import annotations

from datetime import date

import pytest
from rest_framework.serializers import ValidationError

from common.http.fields import Month


def test_month_is_its_first_day():
    assert Month().run_validation("2025-02") == date(2025, 2, 1)


@pytest.mark.parametrize(
    "text", ["2025", "2025-2", "2025-13", "2025-00", "2025-02-01", "٢٠٢٥-02", "0001-01", "9999-12", "25-02"]
)
def test_other_text_is_no_month(text):
    with pytest.raises(ValidationError):
        Month().run_validation(text)
