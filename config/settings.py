"""All settings. Those that environment variables can change are read by typed helpers (docs/settings.md).

The defaults need no variable: SQLite, a cache in memory, mail to the console. Environment variables select PostgreSQL,
Redis and a public host.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.env import (
    flag,
    mail,
    names,
    number,
    one_of,
    origins,
    read_env_file,
    secret,
    text,
    time_zone,
    url,
    words,
)
from config.logs import logging_config
from config.unfold import UNFOLD as UNFOLD

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
read_env_file(BASE_DIR / ".env")

# --- Development or production -----------------------------------------------------------------------

DEBUG = flag("DEBUG", False)
SECRET_KEY = secret("SECRET_KEY", development="development-only-" + "not-a-secret-" * 4, debug=DEBUG)
# Former keys. What they signed stays valid, and nothing new is signed with them.
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
if not DEBUG and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set. With DEBUG=false, name the hosts of this site.")
# The start of absolute links in mails, and of other links made without a request.
PUBLIC_URL = url("PUBLIC_URL", f"http://localhost:{number('PORT', 8000, least=1)}", "http", "https").rstrip(
    "/"
)

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "config.development",  # its runserver replaces that of staticfiles
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "django_filters",
    "django_tasks",
    "config.worker",  # its db_worker replaces that of the next app
    "django_tasks_db",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "rest_framework",
    "simple_history",
    # The product's apps, lowest floor first.
    "common",
    "accounts",
    "files",
    "customers",
    "catalogue",
    "vehicles",
    "appointments",
    "repair_orders",
    "orders",
    "inspections",
    "passports",
    "billing",
    "memberships",
    "chat",
    "reminders",
    "privacy",
    "portal",
    "desk",
    "integrations",
    "demo",
    "config",
]

MIDDLEWARE = [
    "common.http.request_log.RequestLog",
    "common.http.middleware.Refusals",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "common.http.middleware.ContentSecurityPolicy",  # before static files, of which the documentation is pages
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "common.http.middleware.BodyLimit",
    "common.http.gate.WriteGate",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.second_factor_pages.SecondFactorGate",
    "django.contrib.messages.middleware.MessageMiddleware",
    "common.http.recent_password.RecentPassword",
    "common.http.middleware.HistoryUser",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# Every route matches with and without its slash (common/http/routing.py). A redirect would lose a write's body.
APPEND_SLASH = False
TEST_RUNNER = "config.runner.PytestRunner"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "desk/overrides"],  # parts of the admin's frame, before Unfold's own
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database ----------------------------------------------------------------------------------------

USE_POSTGRES = flag("USE_POSTGRES", False)
# The threads of a process that answer requests. One of them is kept free of writes (common/http/gate.py).
WEB_THREADS = number("WEB_THREADS", 8, least=1)
# How long a request or task waits for the database. Commands such as `migrate` have no limits on PostgreSQL.
DB_STATEMENT_SECONDS = number("DB_STATEMENT_SECONDS", 30)
# SQLite has one lock for all writers, and an import holds it for seconds.
DB_LOCK_SECONDS = number("DB_LOCK_SECONDS", 5 if USE_POSTGRES else 20, least=1)
DB_IDLE_SECONDS = number("DB_IDLE_SECONDS", 60)  # within a transaction
_PREPARED_STATEMENTS = flag("DB_PREPARED_STATEMENTS", True)
# A connection per request would cost PostgreSQL 7 ms of CPU. So every thread keeps its connection, and each process has
# a fixed number of threads (docs/decisions/0010).
POSTGRES: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": text("DB_NAME", "membership_auto"),
    "USER": text("DB_USER", "postgres"),
    "PASSWORD": text("DB_PASSWORD", "postgres"),
    "HOST": text("DB_HOST", "localhost"),
    "PORT": number("DB_PORT", 5432, least=1),
    # A health check would cost a round trip per request. A lost connection answers one 503 and is replaced.
    "CONN_MAX_AGE": None,
    "CONN_HEALTH_CHECKS": False,
    "OPTIONS": {
        # PostgreSQL's default cost of a random page is that of spinning disks, so that it reads whole tables instead.
        "options": "-c random_page_cost=1.1 -c jit=off",
        "connect_timeout": 5,
        "server_side_binding": True,
        # psycopg prepares a statement on its fifth run. A pooler in transaction mode has no prepared statements.
        "prepare_threshold": 5 if _PREPARED_STATEMENTS else None,
    },
    "DISABLE_SERVER_SIDE_CURSORS": not _PREPARED_STATEMENTS,
}
_SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": text("SQLITE_PATH") or BASE_DIR / "db.sqlite3",
    # Opening the file costs four times as much as a list, so each thread keeps its connection. Between requests it
    # holds no snapshot, so that SQLite can still checkpoint its write-ahead log.
    "CONN_MAX_AGE": None,
    "OPTIONS": {
        # IMMEDIATE takes the write lock at BEGIN, so that writers queue instead of failing half way. With WAL, readers
        # do not wait for writers.
        "transaction_mode": "IMMEDIATE",
        "timeout": DB_LOCK_SECONDS,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;",
    },
}
DATABASES = {"default": POSTGRES if USE_POSTGRES else _SQLITE}

# --- Cache and counters ------------------------------------------------------------------------------

REDIS_URL = url("REDIS_URL", "", "redis", "rediss")
_LOCAL_CACHE: dict[str, object] = {
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}
_REDIS_CACHE: dict[str, object] = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": REDIS_URL,
    "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
}
CACHES = {
    "default": _REDIS_CACHE if REDIS_URL else {**_LOCAL_CACHE, "LOCATION": "default"},
    # For counters without Redis, or while it is unavailable (common/domain/counters.py).
    "local": {**_LOCAL_CACHE, "LOCATION": "local"},
}

# --- Authentication ----------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.SignInBackend"]
# The look-up of a request: session uuid -> Caller. A dotted path, because it joins tables of rooms above common/.
CALLER_LOADER = "customers.callers.load_caller"
KEY_CALLER_LOADER = (
    "accounts.keys.callers.load_key_caller"  # an API key and the address of its request -> Caller
)
PAGE_CALLER_LOADER = "customers.callers.caller_of_user"  # user of a Django session -> Caller
# Role -> permissions, for the staff's API and the admin. A dotted path, because it names models of every room.
ROLE_PERMISSIONS = "config.roles.PERMISSIONS"
PASSWORD_HASHERS = [
    "accounts.hashers.BoundedArgon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"

# Of which members of staff a second factor is required. The others may set one up.
REQUIRE_SECOND_FACTOR = one_of("REQUIRE_SECOND_FACTOR", "NONE", "NONE", "MANAGERS", "STAFF")

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=number("ACCESS_TOKEN_MINUTES", 60, least=1)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=number("REFRESH_TOKEN_DAYS", 7, least=1)),
    "SIGNING_KEY": SECRET_KEY,
    "USER_ID_FIELD": "uuid",
}
# No contract has a new refresh token in its response, so a front end would lose it.
ROTATE_REFRESH_TOKENS = flag("ROTATE_REFRESH_TOKENS", False)

# How long a mailed link to a new password is valid, and the page that it opens, with `?token=`.
PASSWORD_RESET_TIMEOUT = 60 * number("PASSWORD_RESET_MINUTES", 60, least=1)
PASSWORD_RESET_URL = url("PASSWORD_RESET_URL", f"{PUBLIC_URL}/reset-password", "http", "https")

# Rates are counted in fixed windows. With DEBUG they are 50 times as high.
_RATE_FACTOR = 50 if DEBUG else 1
RATE_LOGIN = number("RATE_LOGIN", 10 * _RATE_FACTOR, least=1)  # wrong passwords per account in 15 minutes
# Wrong passwords per client address and 15 minutes, for any number of accounts. As many unknown links of estimates.
RATE_ADDRESS = number("RATE_ADDRESS", 100 * _RATE_FACTOR, least=1)
RATE_REGISTER = number("RATE_REGISTER", 20 * _RATE_FACTOR, least=1)  # per client address and hour
RATE_USER = number("RATE_USER", 1_000 * _RATE_FACTOR, least=1)  # requests per user and minute
RATE_INVITATIONS = number("RATE_INVITATIONS", 20, least=1)  # per company in 24 hours, in development too
RATE_EMAIL_CHANGES = number("RATE_EMAIL_CHANGES", 20, least=1)  # per user, and per client address, and hour
# How many appointments ahead customers can have, per vehicle, and per customer whom the shop has not verified.
MAX_APPOINTMENTS_VEHICLE = number("MAX_APPOINTMENTS_VEHICLE", 5 * _RATE_FACTOR, least=1)
MAX_APPOINTMENTS_CUSTOMER = number("MAX_APPOINTMENTS_CUSTOMER", 10 * _RATE_FACTOR, least=1)
# Orders of parts that are not paid within these hours are cancelled. Until then they hold their pieces.
ESTIMATE_DAYS = number("ESTIMATE_DAYS", 30, least=1, most=365)
UNPAID_ORDER_HOURS = number("UNPAID_ORDER_HOURS", 48, least=1, most=24 * 365)
UNPAID_PIECES = number("UNPAID_PIECES", 100, least=1)  # of all unpaid orders of a customer
# The names of accounts in the journal (docs/reports.md), in the order of its lines.
BILLING_ACCOUNTS = names(
    "BILLING_ACCOUNTS",
    {
        "cash": "Cash",
        "check": "Checks received",
        "card": "Card terminal clearing",
        "transfer": "Bank",
        "other": "Other payments",
        "receivable": "Accounts receivable",
        "open_payments": "Open customer payments",
        "deposits": "Customer deposits",
        "opening": "Opening balances",
        "discount": "Discounts",
        "part": "Sales of parts",
        "labour": "Sales of labor",
        "sublet": "Sales of sublet work",
        "fee": "Fees charged",
        "allowance": "Allowances",
        "mail": "Sales of parts by mail",
        "tax": "Sales tax payable",
        "cost_of_parts": "Cost of parts",
        "inventory": "Parts inventory",
        "cost_of_sublet": "Cost of sublet work",
        "sublet_payable": "Sublet work payable",
    },
)
# The number of proxies in front that append to X-Forwarded-For. With 0 only the socket's address is used.
TRUSTED_PROXIES = number("TRUSTED_PROXIES", 0)

# --- Referrals ---------------------------------------------------------------------------------------

REFERRAL_LINK = url("REFERRAL_LINK", "https://membershipauto.com/r/", "http", "https")  # the code is appended
POINT_CENTS = number("POINT_CENTS", 1, least=1)  # what a point takes off a repair order
REFERRAL_REWARD = number(
    "REFERRAL_REWARD", 100, least=1
)  # points, when the referred user's first repair is completed

# --- Mail and tasks after the response ---------------------------------------------------------------

globals().update(mail("EMAIL_URL", "consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = text("MAIL_FROM", "Garage <no-reply@localhost>")
# Tasks are rows in both cases. IMMEDIATE runs them in a thread of the process that stored them, DATABASE leaves them to
# `manage.py db_worker`. "request", which only tests use, runs a task on commit, in the request's own thread.
TASKS = {"default": {"BACKEND": "common.domain.tasks.Queue"}}
TASKS_RUN_IN = {"IMMEDIATE": "thread", "DATABASE": "worker"}[
    one_of("TASK_QUEUE", "IMMEDIATE", "IMMEDIATE", "DATABASE")
]
TASK_ATTEMPTS = number("TASK_ATTEMPTS", 8, least=1)
TASK_RETRY_SECONDS = number(
    "TASK_RETRY_SECONDS", 30, least=1
)  # before the second attempt, then three times as long
# A task whose worker has not renewed its claim for this long is run again.
TASK_LEASE_SECONDS = number("TASK_LEASE_SECONDS", 60, least=3)
# How many days ended sessions, finished tasks and finished imports are kept.
KEEP_DAYS = number("KEEP_DAYS", 30, least=1)
# How many days events can be read.
KEEP_EVENTS_DAYS = number("KEEP_EVENTS_DAYS", 90, least=1)
# Whether webhooks may be sent to this machine and its network, also without TLS. For development alone: the addresses
# that staff enter would reach what is not meant for the internet.
WEBHOOKS_TO_PRIVATE_ADDRESSES = flag("WEBHOOKS_TO_PRIVATE_ADDRESSES", False)
if WEBHOOKS_TO_PRIVATE_ADDRESSES and not DEBUG:
    raise ImproperlyConfigured(
        "WEBHOOKS_TO_PRIVATE_ADDRESSES is for development. With DEBUG=false it must be false."
    )

# Whether customers are reminded of what is due (docs/design, D139).
REMINDERS = flag("REMINDERS", True)
# How often the sessions of open sockets are checked.
SOCKET_CHECK_SECONDS = number("SOCKET_CHECK_SECONDS", 30, least=1)

# --- The API -----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    # The contracts' view classes set the rest (common/http/contracts/). A view that sets no permission refuses all.
    "DEFAULT_PERMISSION_CLASSES": ["common.http.permissions.DenyAll"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "common.http.schema.ContractSchema",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is a parameter like any other
}
# A list that does not compile is an error in development, and a slow response in production.
READS_MUST_COMPILE = DEBUG
# 10,000 telematics samples fit. Photos are not sent as JSON.
MAX_BODY_BYTES = number("MAX_BODY_BYTES", 2 * 1024 * 1024, least=1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

SPECTACULAR_SETTINGS = {
    "TITLE": "Garage API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/", "description": "The server of this document."}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        # Opened at once, 150 operations are too many: it shows the first of them and stops.
        "docExpansion": "none",
        "deepLinking": True,
        "persistAuthorization": True,
        "displayRequestDuration": True,
        "tryItOutEnabled": True,
        "filter": True,
        "defaultModelsExpandDepth": 0,
    },
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["config.openapi.describe"],  # enums are inline
    "PATH_CONVERTER_OVERRIDES": {
        "id": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**63 - 1},
        "public_id": {"type": "string", "format": "uuid"},
    },
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
            "apiKey": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Api-Key <key>`, for programs.",
            },
        }
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
EXAMPLES_DIR = BASE_DIR / "docs" / "examples"

# Where front ends run while they are developed.
_DEVELOPERS = ["http://localhost:3000", "http://localhost:3001", "http://127.0.0.1:3000"]
CORS_ALLOWED_ORIGINS = origins("CORS_ALLOWED_ORIGINS", _DEVELOPERS if DEBUG else [])
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    *("Link", "X-Total-Count", "Retry-After", "X-Request-ID", "ETag", "Idempotent-Replayed"),
    *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Deprecation", "Sunset"),
]

# --- Pages, cookies, headers -------------------------------------------------------------------------

# With a column for the user.
SESSION_ENGINE = "accounts.page_sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = origins("CSRF_TRUSTED_ORIGINS", [])
CSRF_FAILURE_VIEW = "common.http.fallbacks.csrf_failure"
SECURE_SSL_REDIRECT = flag("SECURE_SSL_REDIRECT", not DEBUG)
# A container's probe sends plain HTTP to the process.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = number("SECURE_HSTS_SECONDS", 0 if DEBUG else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# Unfold writes inline styles, and Alpine evaluates the expressions in its pages' attributes.
ADMIN_CONTENT_SECURITY_POLICY = {
    "script-src": [SELF, "'unsafe-eval'"],
    "style-src": [SELF, "'unsafe-inline'"],
}

# Browser features that no page uses.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "fullscreen", "geolocation",
        "gyroscope", "magnetometer", "microphone", "midi", "payment", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "config/static"]  # smaller files in place of Unfold's
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = DEBUG
# What `make docs` builds, as it lies there: docs/ is served at /docs/.
SITE_DIR = BASE_DIR / "webroot"
WHITENOISE_ROOT = SITE_DIR if DEBUG or SITE_DIR.is_dir() else None
WHITENOISE_INDEX_FILE = True

# --- Uploads -----------------------------------------------------------------------------------------

# The limit of a whole form with photos.
MAX_FORM_BYTES = number("MAX_FORM_BYTES", 50 * 1024 * 1024, least=1024)
MAX_UPLOAD_BYTES = number("MAX_UPLOAD_BYTES", 20 * 1024 * 1024, least=1024)
# All uploads of a customer together. Those of staff are not counted.
UPLOAD_QUOTA_BYTES = number("UPLOAD_QUOTA_BYTES", 500 * 1024 * 1024, least=1024)
# The folder of uploads without a bucket. All web processes must share it.
UPLOADS_DIR = Path(text("UPLOADS_DIR") or BASE_DIR / "var" / "uploads")
# Contract 003 gives the names. Without keys, boto3 uses the role of the machine or a credentials file.
USE_S3 = flag("USE_S3", False)
AWS_ACCESS_KEY_ID = text("AWS_ACCESS_KEY_ID")
AWS_SECRET_ACCESS_KEY = text("AWS_SECRET_ACCESS_KEY")
AWS_STORAGE_BUCKET_NAME = text("AWS_STORAGE_BUCKET_NAME")
AWS_S3_REGION_NAME = text("AWS_S3_REGION_NAME") or "us-east-1"
AWS_S3_ENDPOINT_URL = url("AWS_S3_ENDPOINT_URL", "", "http", "https")  # another server with the S3 protocol
AWS_S3_CUSTOM_DOMAIN = text("AWS_S3_CUSTOM_DOMAIN")
# Seconds for which an upload or download URL is valid, in either store. S3 allows at most seven days.
AWS_S3_PRESIGNED_URL_EXPIRATION = number("AWS_S3_PRESIGNED_URL_EXPIRATION", 3600, least=1, most=604_800)
if USE_S3 and not AWS_STORAGE_BUCKET_NAME:
    raise ImproperlyConfigured("AWS_STORAGE_BUCKET_NAME is not set. With USE_S3=true, name the bucket.")

# --- Time and language -------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"
USE_TZ = True
TIME_ZONE = time_zone("TIME_ZONE", "UTC")

# --- Logs and metrics --------------------------------------------------------------------------------

# /metrics requires `Authorization: Bearer <METRICS_TOKEN>`. Without this setting it is 404.
METRICS_TOKEN = text("METRICS_TOKEN")
LOGGING = logging_config(
    level=one_of("LOG_LEVEL", "INFO", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), pretty=DEBUG
)
