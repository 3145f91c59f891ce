"""The stock project with django-ninja's addresses."""

from bench.peers.stock_settings import *  # noqa: F403

ROOT_URLCONF = "bench.peers.ninja_app"
