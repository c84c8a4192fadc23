"""The settings of the product, on a database of the benchmark's choice, with one path more."""

import os

from benchmarks.surroundings import DATABASE_VARIABLE
from config.settings import *  # noqa: F403 - all of them

DATABASES["default"]["NAME"] = os.environ[DATABASE_VARIABLE]  # noqa: F405 - from the settings above
ROOT_URLCONF = "benchmarks.urls"
