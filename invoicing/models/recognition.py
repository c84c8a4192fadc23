"""Revenue recognised month by month, and the schedule rows that prove it."""

from django.db import models
from django.db.models import F, Q

from core.fields import CurrencyField, id_field
from customers.models import Brand


class RevenueRecognition(models.Model):
    """What one month earned of a brand's deferred revenue in one currency: posted once, append-only.

    With nothing earned it has no entry; it stands all the same, so that the month is known to be done.
    """

    id = id_field()
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="+")
    currency = CurrencyField()
    account = models.CharField(max_length=20, help_text="The account of the books where it is earned.")
    month = models.DateField(help_text="Its first day.")
    recognised_minor = models.BigIntegerField(help_text="Moved from deferred revenue to the account.")
    deferred_minor = models.BigIntegerField(help_text="Still deferred at its end, of documents dated up to then.")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "currency", "account", "month"], name="a_month_is_recognised_once"
            ),
            models.CheckConstraint(condition=Q(month__day=1), name="recognition_month_is_its_first_day"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.currency}"


class ScheduleRow(models.Model):
    """What one month earned of one line: round(deferred x days passed / days) less the line's earlier rows.

    `line_id` names a line of an invoice or of a credit note, neither of which is ever deleted.
    """

    line_id = models.UUIDField()
    recognition = models.ForeignKey(RevenueRecognition, on_delete=models.PROTECT, related_name="rows")
    days_passed = models.PositiveIntegerField()
    days = models.PositiveIntegerField()
    recognised_minor = models.BigIntegerField()
    pk = models.CompositePrimaryKey("line_id", "recognition")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(days__gte=1, days_passed__gte=1, days_passed__lte=F("days")),
                name="schedule_days_passed_are_some_of_its_days",
            ),
            models.CheckConstraint(condition=~Q(recognised_minor=0), name="schedule_row_earns_something"),
        ]

    def __str__(self) -> str:
        return f"{self.recognised_minor} for {self.days_passed} of {self.days} days"
