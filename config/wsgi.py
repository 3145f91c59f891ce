"""The HTTP side: `granian --interface wsgi config.wsgi:application` in production."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Load every view now rather than in somebody's first request, then tell the collector that what is here stays:
# a list of orders makes a thousand short-lived containers, and walking all of Django for each few hundred of them
# cost a sixth of the request.
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 100)
