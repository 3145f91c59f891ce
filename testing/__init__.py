"""The test kit: factories, users, servers and suites that the tests of all apps share.

The product does not import it. `bench/` and `trust/` do.
"""

import pytest

pytest.register_assert_rewrite("testing.suites")  # before the first import
