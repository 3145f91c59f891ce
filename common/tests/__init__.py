import pytest

pytest.register_assert_rewrite("common.tests.suites")  # before anybody imports it
