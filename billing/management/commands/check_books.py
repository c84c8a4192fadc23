"""Prove the books."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.operations.doctor import PROOF_NAMES, check_books
from core.clock import wall_now


class Command(BaseCommand):
    """Ask the database for every broken promise about money."""

    help = "Prove the books: list every breach with the object and a mend; exits with 1 when there is any."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each proof that holds, or its breaches."""
        breaches = check_books(now=wall_now())
        broken = {breach.proof for breach in breaches}
        for name in PROOF_NAMES:
            self.stdout.write(f"{'BROKEN' if name in broken else 'holds ':7} {name}")
        for breach in breaches:
            self.stdout.write(f"\n{breach.proof}\n  {breach.object_kind} {breach.object_id}: {breach.detail}")
            self.stdout.write(f"  mend: {breach.mend}")
        if breaches:
            raise CommandError(f"{len(breaches)} breaches")
