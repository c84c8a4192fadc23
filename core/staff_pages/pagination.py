"""Pages of a list that may be huge."""

from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # Django's class takes no parameters when it runs
    """Counts to a limit and no further: a search is refined, not leafed through."""

    limit = 10_000
    template_name = "admin/pagination_capped.html"

    @cached_property
    def counted(self) -> int:
        """Return how many rows there are, at most one more than the limit."""
        rows = cast(QuerySet[Any], self.object_list)
        return rows.order_by()[: self.limit + 1].count()

    @cached_property
    def count(self) -> int:
        """Return how many rows can be leafed through."""
        return min(self.counted, self.limit)

    @property
    def words(self) -> str:
        """Return the count as it is shown."""
        return f"{self.count:,}" if self.counted <= self.limit else f"more than {self.limit:,}"
