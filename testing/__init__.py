"""The test kit: factories, people, servers and suites that the tests of every app share.

The product never imports it. `bench/` and `trust/` do.
"""

import pytest

pytest.register_assert_rewrite("testing.suites")  # before the first import
