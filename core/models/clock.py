"""The instance's own state, and clocks that tests turn."""

from django.db import models

from core.fields import id_field


class Instance(models.Model):
    """The one row that says what this instance is: its mode is fixed at first start."""

    class Mode(models.TextChoices):
        TEST = "test", "Test"
        LIVE = "live", "Live"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    mode = models.CharField(max_length=4, choices=Mode.choices)
    held_at = models.DateTimeField(
        null=True, blank=True, help_text="Set after a restore: nothing runs until it is resumed."
    )
    restored_from_at = models.DateTimeField(
        null=True, blank=True, help_text="When the backup was taken that this database was restored from."
    )
    reconciled_at = models.DateTimeField(
        null=True, blank=True, help_text="When the providers' charges were matched with the restored rows."
    )
    worker_seen_at = models.DateTimeField(null=True, blank=True, help_text="When a worker last did a tick.")
    books_checked_at = models.DateTimeField(null=True, blank=True, help_text="When the books were last proved.")
    books_breaches = models.PositiveIntegerField(null=True, blank=True, help_text="How many breaches were found then.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="only_one_instance")]

    def __str__(self) -> str:
        return f"{self.mode} instance"


class TestClock(models.Model):
    """A clock that customers of a test instance may hang on; it moves only when advanced."""

    class Status(models.TextChoices):
        READY = "ready", "Ready"
        ADVANCING = "advancing", "Advancing"
        FAILED = "failed", "Failed"

    __test__ = False

    id = id_field()
    name = models.CharField(max_length=200, blank=True)
    now_at = models.DateTimeField()
    target_at = models.DateTimeField(null=True, blank=True, help_text="Where an advance under way is going.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.READY)
    failure_reason = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="ready", target_at__isnull=True) | ~models.Q(status="ready"),
                name="a_ready_clock_has_no_target",
            )
        ]

    def __str__(self) -> str:
        return self.name or f"clock at {self.now_at:%Y-%m-%d %H:%M}"
