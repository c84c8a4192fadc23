"""Reads of number series."""

import uuid

from django.db.models import QuerySet

from core.errors import NotFound
from invoicing.models import NumberSeries


def list_series(brand_id: uuid.UUID | None = None) -> QuerySet[NumberSeries]:
    """Return number series with their brand, newest first."""
    series = NumberSeries.objects.select_related("brand").order_by("-id")
    return series if brand_id is None else series.filter(brand_id=brand_id)


def get_series(series_id: uuid.UUID) -> NumberSeries:
    """Return a series with its brand. Raises NotFound."""
    series = list_series().filter(id=series_id).first()
    if series is None:
        raise NotFound(f"No number series has the id {series_id}.")
    return series
