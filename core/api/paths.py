"""How ids stand in paths."""

import uuid

from django.urls import register_converter


class IdConverter:
    """A UUID in either case. Anything else is no path of ours, and so not found."""

    regex = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> uuid.UUID:
        """Return the id."""
        return uuid.UUID(value)

    def to_url(self, value: uuid.UUID) -> str:
        """Return its spelling."""
        return str(value)


register_converter(IdConverter, "id")
