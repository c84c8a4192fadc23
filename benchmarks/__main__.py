"""Measure, print a table, write var/bench.json."""

from benchmarks import surroundings

# Before anything reads the settings.
surroundings.enter()

import django  # noqa: E402 - the settings must be known

django.setup()

from benchmarks.report import main  # noqa: E402 - models must be loaded

if __name__ == "__main__":
    main()
