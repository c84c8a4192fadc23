"""An account for what providers hold back in disputes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0005_index_kinds"),
    ]

    operations = [
        migrations.AlterField(
            model_name="posting",
            name="account",
            field=models.CharField(
                choices=[
                    ("receivable", "Receivable"),
                    ("revenue", "Revenue"),
                    ("deferred_revenue", "Deferred revenue"),
                    ("tax_payable", "Tax payable"),
                    ("customer_balance", "Customer balance"),
                    ("credit_granted", "Credit granted"),
                    ("refunds_payable", "Refunds payable"),
                    ("provider_clearing", "Provider clearing"),
                    ("processor_fees", "Processor fees"),
                    ("bad_debt", "Bad debt"),
                    ("disputed", "Disputed"),
                ],
                max_length=20,
            ),
        ),
    ]
