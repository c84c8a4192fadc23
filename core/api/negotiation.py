"""What kinds of content are asked for and sent: one, whatever the headers say."""

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request


class OneKind(BaseContentNegotiation):
    """Takes the first parser and the first renderer: Accept and Content-Type are never a reason to refuse."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the first parser."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the first renderer."""
        return renderers[0], renderers[0].media_type
