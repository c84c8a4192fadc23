"""The site for a WSGI server."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
# Every view is loaded now: a broken one ends the process at its start, and the first visitor waits for none of them.
get_resolver().url_patterns  # noqa: B018 - reading it loads it
# What is loaded by now stays: the cycle collector need not walk it again and again while requests are answered.
gc.collect()
gc.freeze()
# A batch makes thousands of objects, none in a cycle; to look for cycles ten times meanwhile is a fifth of its time.
gc.set_threshold(50_000, 20, 100)
