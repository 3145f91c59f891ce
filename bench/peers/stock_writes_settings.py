"""The settings of the stock project, with the URLs of the writes."""

from bench.peers.stock_settings import *  # noqa: F403

ROOT_URLCONF = "bench.peers.stock_writes"
