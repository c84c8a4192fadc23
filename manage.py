#!/usr/bin/env python
"""Reckoner's command line."""

import os
import sys


def take_data_folder(arguments: list[str]) -> list[str]:
    """Return the arguments without `--data-dir FOLDER`, put into the environment: settings are read before options."""
    kept: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name == "--data-dir":
            folder = value if equals else next(rest, "")
            if not folder:
                sys.exit("--data-dir needs a folder")
            os.environ["RECKONER_DATA_DIR"] = os.path.abspath(folder)
        else:
            kept.append(argument)
    return kept


def main() -> None:
    """Run a management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    arguments = take_data_folder(sys.argv)
    from django.core.management import execute_from_command_line

    from core.services.errors import ServiceError

    try:
        execute_from_command_line(arguments)
    except ServiceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
