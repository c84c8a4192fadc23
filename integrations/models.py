"""What a neighbour's client writes and the engine has no place for."""

from django.db import models

from customers.models import Customer


class ConnectableProfile(models.Model):
    """A customer's facts that only Connectable knows, and whether it has billing; gone when the customer is erased.

    `facts` holds `user` (nickname, picture ...), `billing` (description, shipping, currency) and `cards`, the
    addresses of cards by the cards' ids.
    """

    customer = models.OneToOneField(
        Customer, primary_key=True, on_delete=models.CASCADE, related_name="connectable_profile"
    )
    facts = models.JSONField(default=dict, blank=True)
    billing_removed_at = models.DateTimeField(null=True, blank=True, help_text="Empty: the customer has billing.")

    def __str__(self) -> str:
        return f"profile of {self.customer_id}"
