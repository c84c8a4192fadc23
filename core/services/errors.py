"""What goes wrong with an embedded service, in words for the person at the terminal."""


class ServiceError(Exception):
    """An embedded service cannot be had; the message says what to do."""
