"""The settings of the stock project, with the URLs of the lists."""

from bench.peers.stock_settings import *  # noqa: F403

ROOT_URLCONF = "bench.peers.stock_lists"
