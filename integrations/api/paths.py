"""How a neighbour names things in paths: by any text, percent-decoded."""

from django.urls import register_converter


class AnyTextConverter:
    """A text of any characters, slashes and line breaks too: what follows it in a path is fixed words."""

    regex = r"(?s:.+)"

    def to_python(self, value: str) -> str:
        """Return the text."""
        return value

    def to_url(self, value: str) -> str:
        """Return the text."""
        return value


class OneWordConverter(AnyTextConverter):
    """A text without a slash."""

    regex = r"[^/]+"


register_converter(AnyTextConverter, "text")
register_converter(OneWordConverter, "word")
