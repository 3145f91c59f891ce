import pytest
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from hypothesis import given
from hypothesis import strategies as st

from accounts.session_store import SessionStore

words = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(words, values, max_size=4))
def test_what_is_read_is_what_django_would_read(content):
    written = SessionStore().encode(content)
    assert SessionStore().decode(written) == db.SessionStore().decode(written) == content


def test_each_reader_has_his_own():
    written = SessionStore().encode({"cart": ["pads"]})
    SessionStore().decode(written)["cart"].append("discs")
    assert SessionStore().decode(written) == {"cart": ["pads"]}


@pytest.mark.django_db
@pytest.mark.parametrize("broken", [lambda data: data[:-1], lambda data: f"x{data}", lambda data: ""])
def test_a_broken_row_is_an_empty_session(broken):
    session = SessionStore()
    session["user"] = 1
    session.save()
    assert dict(SessionStore(session.session_key).items()) == {"user": 1}
    row = Session.objects.get()
    Session.objects.update(session_data=broken(row.session_data))
    assert dict(SessionStore(session.session_key).items()) == {}
