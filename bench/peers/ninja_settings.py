"""The settings of the stock project, with the URLs of django-ninja."""

from bench.peers.stock_settings import *  # noqa: F403

ROOT_URLCONF = "bench.peers.ninja_app"
