"""`manage.py hold`: from now on nothing is billed or charged, until `manage.py resume`."""

from typing import Any

from django.core.management.base import BaseCommand

from core.clock import wall_now
from core.operations_instance import hold_instance


class Command(BaseCommand):
    """Hold the instance."""

    help = (
        "Hold the instance: nothing is billed or charged until `manage.py resume`; reads and usage events go on. "
        "What is being billed or charged right now is brought to its end."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Hold it."""
        instance = hold_instance(now=wall_now())
        self.stdout.write(f"held since {instance.held_at:%Y-%m-%d %H:%M} UTC")
