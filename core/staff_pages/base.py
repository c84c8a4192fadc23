"""The read-only page: every stored fact of a row, linked, nothing to save."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.text import capfirst
from unfold.admin import ModelAdmin, TabularInline
from unfold.views import ChangeList

from core.fields import UnitPriceField, WallTimeField
from core.search import text_condition
from core.staff_pages import columns
from core.staff_pages.pagination import CappedPaginator
from core.staff_pages.words import field_words

SEARCH_LIMIT = 500


@dataclass(frozen=True, slots=True)
class RelatedList:
    """A list of rows that name this one."""

    words: str
    url: str


def _has_currency(model: type[models.Model]) -> bool:
    """Tell whether the row's amounts have their currency beside them."""
    return any(field.name == "currency" for field in model._meta.fields)


# How a kind of field is drawn; the first that fits. Fields of other kinds are drawn by their name.
_DRAWN: tuple[tuple["type[models.Field[Any, Any]]", Callable[[str, str], columns.Column]], ...] = (
    (models.DecimalField, columns.number),
    (models.JSONField, columns.structure),
    (models.BinaryField, columns.size),
    (models.DateTimeField, columns.moment),
    (models.DateField, columns.day),
    (WallTimeField, columns.local_moment),
    (models.ForeignKey, columns.link),
)


def drawn(model: type[models.Model], field: "models.Field[Any, Any]") -> str | columns.Column:
    """Return how a field is drawn on a page: by its name, or by a column that says it better."""
    name, label = field.name, field_words(field.name)
    if _has_currency(model) and name.endswith("_minor"):
        return columns.money(name, label)
    if _has_currency(model) and isinstance(field, UnitPriceField):
        return columns.price(name, label)
    if name == "status":
        return columns.badge(name, label)
    column = next((column for kind, column in _DRAWN if isinstance(field, kind)), None)
    if column:
        return column(name, label)
    return name if isinstance(field, models.BooleanField) else columns.plain(name, label)


class ReadOnly:
    """Nobody adds, changes or deletes these rows here; who may view them follows Django's permissions."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


class CountedList(ChangeList):
    """A list whose one count stands at its foot."""

    def get_results(self, request: HttpRequest) -> None:
        """Read a page of rows; unfold would write a second count into the heading if the two differed."""
        super().get_results(request)
        self.full_result_count = self.result_count


class ListAdmin(ModelAdmin):
    """A list that stays fast on a huge table, and a page that leads to the rows around it."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # it would count every choice over the whole table
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    list_fullwidth = True
    actions: Sequence[Any] = ()
    actions_on_top = False
    view_on_site = False
    sortable_by: Sequence[str] = ()
    list_before_template = "admin/list_narrowed.html"
    change_form_outer_before_template = "admin/related_lists.html"

    # Foreign keys whose rows are searched as well, by the search of their own page.
    related_search: Sequence[str] = ()
    # Fields that are not drawn: secrets and hashes.
    hidden_fields: Sequence[str] = ()
    # What an empty list says to do.
    empty_words = ""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the rows with the ones they are drawn with, in one statement."""
        rows: models.QuerySet[Any] = super().get_queryset(request)
        return rows.select_related(*self.list_select_related) if isinstance(self.list_select_related, tuple) else rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the kind of list."""
        return CountedList

    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        """Return what is searched; an id is found in any list, so that no list is without a search."""
        return self.search_fields or ("=pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Find rows by their own texts, by the rows they name, or by their id.

        The rows they name are looked up first: one statement across two tables could use neither's index.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        found = models.Q(pk__in=[])
        for name in ("=pk", *self.search_fields):
            found |= self._match(name, term)
        for name in self.related_search:
            found |= models.Q(**{f"{name}__in": self._related_ids(request, name, term)})
        return queryset.filter(found), False

    def _match(self, name: str, term: str) -> models.Q:
        """Return the condition of one searched field: `=` before its name asks for the whole value, else for a part."""
        if name[0] != "=":
            return text_condition(name, term)
        meta = self.model._meta
        field = meta.pk if name == "=pk" else meta.get_field(name[1:])
        while isinstance(field, models.ForeignKey):
            field = field.target_field
        try:
            return models.Q(**{name[1:]: field.to_python(term)})
        except ValidationError:
            return models.Q(pk__in=[])

    def _related_ids(self, request: HttpRequest, name: str, term: str) -> list[Any]:
        """Return the ids of the rows behind a foreign key that match, and say so when there are too many."""
        related = self.model._meta.get_field(name).related_model
        page = admin.site._registry[related]
        rows, _ = page.get_search_results(request, related._default_manager.order_by("-pk"), term)
        ids = list(rows.values_list("pk", flat=True)[: SEARCH_LIMIT + 1])
        if len(ids) > SEARCH_LIMIT:
            words = related._meta.verbose_name_plural
            messages.warning(request, f"More than {SEARCH_LIMIT} {words} match; the newest are searched. Say more.")
        return ids[:SEARCH_LIMIT]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        """Return every field that is not edited."""
        return [field for _, options in self.get_fieldsets(request, obj) for field in options["fields"]]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return every stored field, the structures last."""
        return self.fieldsets or self.stored_fieldsets

    @cached_property
    def stored_fieldsets(self) -> list[tuple[str | None, dict[str, Any]]]:
        """Return how each stored field is drawn, made once: Django compares the columns of one call with another's."""
        fields = [field for field in self.model._meta.fields if field.name not in self.hidden_fields]
        plain = [field for field in fields if not isinstance(field, models.JSONField)]
        structures = [field for field in fields if isinstance(field, models.JSONField)]
        joined = [columns.links(field.name) for field in self.model._meta.many_to_many]
        sets: list[tuple[str | None, dict[str, Any]]] = [
            (None, {"fields": [*(drawn(self.model, field) for field in plain), *joined]})
        ]
        if structures:
            sets.append(("Stored structures", {"fields": [drawn(self.model, field) for field in structures]}))
        return sets

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a row, with the lists of rows that name it."""
        context = {"related_lists": list(self.related_lists(request, object_id)), **(extra_context or {})}
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    def related_lists(self, request: HttpRequest, object_id: str) -> Iterable[RelatedList]:
        """List where else the row stands, as far as the reader may look."""
        inlines = {inline.model for inline in self.inlines}
        for relation in self.model._meta.get_fields(include_hidden=True):
            if not isinstance(relation, models.ManyToOneRel):
                continue
            page = admin.site._registry.get(relation.related_model)
            if page is None or relation.related_model in inlines:
                continue
            if page.has_view_permission(request):
                meta = relation.related_model._meta
                query = urlencode({f"{relation.field.name}__exact": object_id})
                url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
                yield RelatedList(capfirst(str(meta.verbose_name_plural)), f"{url}?{query}")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, saying to which row's rows it was narrowed."""
        context = {"narrowed": self._narrowed(request), **(extra_context or {})}
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def _narrowed(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """Return the rows the address narrows the list to: the field in words, and the row drawn as a link."""
        found = []
        for parameter, value in request.GET.items():
            name = parameter.removesuffix("__exact")
            field = next((field for field in self.model._meta.fields if field.name == name), None)
            if parameter.endswith("__exact") and isinstance(field, models.ForeignKey):
                try:
                    row = field.related_model._default_manager.filter(pk=value).first()
                except (ValueError, ValidationError):
                    continue
                found.append((field_words(name), columns.link_html(row)))
        return found


class ReadOnlyAdmin(ReadOnly, ListAdmin):
    """A list and a page of rows that only operations write."""


class ReadOnlyInline(ReadOnly, TabularInline):
    """The rows under a row."""

    extra = 0
    max_num = 0
    can_delete = False
    hide_title = True
    per_page = 50
    list_select_related: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the rows with the ones they are drawn with, in one statement."""
        rows: models.QuerySet[Any] = super().get_queryset(request)
        rows = rows.select_related(*self.list_select_related)
        return rows if rows.ordered else rows.order_by("pk")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        """Return every field: none is edited."""
        return list(self.fields or ())
