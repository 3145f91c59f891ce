from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env

NAME = "GARAGE_TEST_SETTING"
STRONG = "abcdefghij" * 5


@pytest.fixture
def given(monkeypatch):
    monkeypatch.delenv(NAME, raising=False)
    return lambda value: monkeypatch.setenv(NAME, value)


@pytest.mark.parametrize("value", ["true", "TRUE", "1", "yes", "on", " True "])
def test_flag_true(given, value):
    given(value)
    assert env.flag(NAME, False) is True


@pytest.mark.parametrize("value", ["false", "False", "0", "no", "off"])
def test_flag_false(given, value):
    given(value)
    assert env.flag(NAME, True) is False


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("default", [True, False])
def test_flag_default(default):
    assert env.flag(NAME, default) is default


@pytest.mark.parametrize("value", ["ture", "2", "none", "y", "t rue"])
def test_flag_refuses_and_names_the_setting(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        env.flag(NAME, True)
    assert str(refusal.value) == f"{NAME} must be true or false, not {value!r}."


@pytest.mark.parametrize(("value", "read"), [("7", 7), (" 7 ", 7), ("", 5), ("  ", 5), ("0", 0)])
def test_number(given, value, read):
    given(value)
    assert env.number(NAME, 5) == read


@pytest.mark.usefixtures("given")
def test_number_default():
    assert env.number(NAME, 5) == 5


@pytest.mark.parametrize("value", ["seven", "7.5", "7s", "0x10"])
def test_number_refuses_and_names_the_setting(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        env.number(NAME, 5)
    assert str(refusal.value) == f"{NAME} must be a whole number, not {value!r}."


def test_number_has_a_minimum(given):
    given("0")
    with pytest.raises(ImproperlyConfigured) as refusal:
        env.number(NAME, 5, least=1)
    assert str(refusal.value) == f"{NAME} must be at least 1, not 0."


@pytest.mark.parametrize(
    ("value", "read"), [("a,b", ["a", "b"]), (" a , ,b,", ["a", "b"]), ("", ["x"]), (",", [])]
)
def test_words(given, value, read):
    given(value)
    assert env.words(NAME, ["x"]) == read


def test_words_default_is_a_copy(given):
    default = ["x"]
    env.words(NAME, default).append("y")
    assert default == ["x"]


def test_names_replace_those_of_the_default(given):
    default = {"cash": "Cash", "tax": "Sales tax"}
    assert env.names(NAME, default) == default
    given("cash = 1000 Cash, tax=2200 Tax = state")
    assert env.names(NAME, default) == {"cash": "1000 Cash", "tax": "2200 Tax = state"}
    assert default == {"cash": "Cash", "tax": "Sales tax"}


@pytest.mark.parametrize("value", ["till=1000", "cash", "cash="])
def test_names_refuse_what_is_unknown_or_empty(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        env.names(NAME, {"cash": "Cash", "tax": "Sales tax"})
    assert str(refusal.value) == f"{NAME} takes key=name with cash, tax, not {value!r}."


class TestSecret:
    def test_development_has_a_default(self, given):
        assert env.secret(NAME, development="dev", debug=True) == "dev"
        given("mine")
        assert env.secret(NAME, development="dev", debug=True) == "mine"

    def test_production_accepts_a_strong_key(self, given):
        given(STRONG)
        assert env.secret(NAME, development="dev", debug=False) == STRONG

    @pytest.mark.usefixtures("given")
    def test_production_refuses_no_key_and_says_how_to_make_one(self):
        with pytest.raises(ImproperlyConfigured) as refusal:
            env.secret(NAME, development="dev", debug=False)
        assert str(refusal.value) == (
            f"{NAME} is not set. With DEBUG=false a signing key is needed; make one with\n"
            '  python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
        )

    @pytest.mark.parametrize(
        "value", [STRONG[:49], "abcd" * 20, "django-insecure-" + STRONG, "development " * 5]
    )
    def test_production_refuses_a_weak_key(self, given, value):
        given(value)
        with pytest.raises(ImproperlyConfigured) as refusal:
            env.secret(NAME, development=("development " * 5).strip(), debug=False)
        assert str(refusal.value) == (
            f"{NAME} is too weak: it needs at least 50 characters, 5 of them different, "
            "and must not be the development key."
        )


class TestMail:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("", {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}),
            (
                "smtp+tls://me:p%40ss@mail.example.com:587",
                {
                    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                    "EMAIL_HOST": "mail.example.com",
                    "EMAIL_PORT": 587,
                    "EMAIL_HOST_USER": "me",
                    "EMAIL_HOST_PASSWORD": "p@ss",
                    "EMAIL_USE_TLS": True,
                },
            ),
            ("smtp+ssl://mail.example.com", {"EMAIL_HOST": "mail.example.com", "EMAIL_USE_SSL": True}),
        ],
    )
    def test_returns_djangos_settings(self, given, value, expected):
        given(value)
        read = env.mail(NAME, "consolemail://")
        assert {name: read[name] for name in expected} == expected

    @pytest.mark.parametrize(
        ("value", "complaint"),
        [
            ("mail.example.com", "must start with one of smtp://, "),
            ("http://me:secret@mail.example.com", "must start with one of smtp://, "),
            ("smtp://mail.example.com:port", "must start with one of smtp://, "),
            ("smtp://", "must name a mail server, like smtp://mail.example.com."),
            ("smtp://mail.example.com?colour=red", "has an unknown option after its `?`."),
        ],
    )
    def test_refuses_and_names_the_setting_but_not_its_password(self, given, value, complaint):
        given(value)
        with pytest.raises(ImproperlyConfigured) as refusal:
            env.mail(NAME, "consolemail://")
        assert str(refusal.value).startswith(f"{NAME} {complaint}")
        assert "secret" not in str(refusal.value)


def test_env_file_does_not_override_the_environment(tmp_path, given, monkeypatch):
    file = tmp_path / ".env"
    file.write_text(f"{NAME}=file\n{NAME}_TOO=file\n")
    given("process")
    monkeypatch.setenv(f"{NAME}_TOO", "x")
    monkeypatch.delenv(f"{NAME}_TOO")
    env.read_env_file(file)
    assert (env.text(NAME), env.text(f"{NAME}_TOO")) == ("process", "file")
    env.read_env_file(tmp_path / "absent")


def test_inline_comment_of_env_file_is_no_part_of_the_value(tmp_path, given, monkeypatch):
    file = tmp_path / ".env"
    file.write_text(
        'ONE_FLAG=true  # in development only\nA_KEY=with#hash\nQUOTED="a # b"  # c\nexport LAST=1\n'
    )
    for name in ("ONE_FLAG", "A_KEY", "QUOTED", "LAST"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    env.read_env_file(file)
    assert env.flag("ONE_FLAG", False) is True
    assert (env.text("A_KEY"), env.text("QUOTED"), env.text("LAST")) == ("with#hash", "a # b", "1")
