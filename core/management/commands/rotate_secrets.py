"""Seal stored secrets anew."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.operations_sealing import rotate_secrets
from core.sealing import CannotUnseal


class Command(BaseCommand):
    """Every stored secret under the first of ENCRYPTION_KEYS."""

    help = "Encrypt every stored secret anew under the first key of ENCRYPTION_KEYS; the others can then be taken out."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say how many there were."""
        try:
            count = rotate_secrets()
        except CannotUnseal as error:
            raise CommandError(f"{error} Put the former key back behind the new one, and try again.") from error
        self.stdout.write(f"{count} secrets are encrypted under the first key.")
