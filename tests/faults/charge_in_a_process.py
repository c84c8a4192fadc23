"""Charge, refund or start a subscription in a process of its own that a fault may end: `run` starts it."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, fault: str = "") -> int:
    """Run this file against the database of the test, with a fault, and return the exit code (-9: killed)."""
    from django.db import connection

    environment = {
        **os.environ,
        "RECKONER_FAULT": fault,
        "RECKONER_TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "DJANGO_SETTINGS_MODULE": "config.test_settings",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, check=False, timeout=120).returncode


def main(what: str, now: str, *rest: str) -> None:
    """Do what is asked at a moment."""
    import django
    from django.db import connection

    django.setup()
    connection.settings_dict["NAME"] = os.environ["RECKONER_TEST_DATABASE"]
    moment = datetime.fromisoformat(now)
    if what == "charge":
        from billing.operations.charging import charge_due

        charge_due(moment, threads=4)
    elif what == "refund":
        import uuid

        from billing.operations.refunding import refund_payment
        from billing.operations.refunds import RefundWanted

        payment_id, amount_minor = rest
        refund_payment(RefundWanted(uuid.UUID(payment_id), int(amount_minor), "EUR"), now=moment)
    else:
        import uuid

        from billing.operations.start import StartCommand, start_subscription

        customer_id, plan, price_id = rest
        command = StartCommand(plan=plan, price_id=uuid.UUID(price_id))
        start_subscription(customer_id=uuid.UUID(customer_id), command=command, now=moment)


if __name__ == "__main__":
    main(*sys.argv[1:])
