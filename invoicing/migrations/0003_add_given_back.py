"""What is given back or given up: the line of a credit, a void that bills again, debts written off, voucher uses."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import core.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0002_names_and_logos"),
        ("invoicing", "0002_guards"),
        ("subscriptions", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="VoucherUse",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("returned_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="creditnoteline",
            name="a_charge_is_credited_once",
        ),
        migrations.RemoveConstraint(
            model_name="invoice",
            name="invoice_amount_due_adds_up",
        ),
        migrations.AddField(
            model_name="creditnote",
            name="rebills",
            field=models.BooleanField(
                db_default=False, default=False, help_text="A void whose lines the next run bills again."
            ),
        ),
        migrations.AddField(
            model_name="creditnoteline",
            name="invoice_line",
            field=models.ForeignKey(
                blank=True,
                help_text="The line given back; empty for a credit that a proposal made.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credit_lines",
                to="invoicing.invoiceline",
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="written_off_minor",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="Given up as uncollectible and not paid since."
            ),
        ),
        migrations.AlterField(
            model_name="invoice",
            name="amount_credited_minor",
            field=models.BigIntegerField(default=0, help_text="Credit notes against what was due."),
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.CheckConstraint(
                condition=models.Q(("rebills", False), ("origin", "void"), _connector="OR"),
                name="only_a_void_bills_again",
            ),
        ),
        migrations.AddConstraint(
            model_name="creditnoteline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("invoice_line__isnull", True)),
                fields=("item", "period_start", "kind", "tier", "revision"),
                name="a_charge_is_credited_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount_due_minor",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("total_minor"), "-", models.F("balance_applied_minor")
                                    ),
                                    "-",
                                    models.F("amount_paid_minor"),
                                ),
                                "-",
                                models.F("amount_credited_minor"),
                            ),
                            "-",
                            models.F("written_off_minor"),
                        ),
                    )
                ),
                name="invoice_amount_due_adds_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("written_off_minor", 0),
                    models.Q(("status", "uncollectible"), ("written_off_minor__gt", 0)),
                    _connector="OR",
                ),
                name="only_an_uncollectible_invoice_is_written_off",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["void", "uncollectible"]), _negated=True),
                    ("amount_due_minor", 0),
                    _connector="OR",
                ),
                name="a_closed_invoice_asks_for_nothing",
            ),
        ),
        migrations.AddField(
            model_name="voucheruse",
            name="invoice",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="voucher_uses", to="invoicing.invoice"
            ),
        ),
        migrations.AddField(
            model_name="voucheruse",
            name="redemption",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="subscriptions.voucherredemption"
            ),
        ),
        migrations.AddConstraint(
            model_name="voucheruse",
            constraint=models.UniqueConstraint(
                fields=("invoice", "redemption"), name="one_voucher_use_per_invoice_and_redemption"
            ),
        ),
    ]
