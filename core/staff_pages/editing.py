"""Pages of settings that staff may change: the form is Django's, the saving is an operation's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.widgets import UnfoldAdminExpandableTextareaWidget

from core.clock import wall_now
from core.errors import BillingError
from core.operations import Actor
from core.request_id import HEADER
from core.staff_pages.base import ListAdmin


def actor_of(request: HttpRequest) -> Actor:
    """Return the person who asks, as the audit trail names them."""
    return Actor("staff", request.user.pk, str(request.user), request.headers.get(HEADER, ""))


class EditedByOperation(ListAdmin):
    """A page on which a few facts can be changed; nothing is added or deleted here."""

    formfield_overrides: ClassVar[dict[Any, Any]] = {models.TextField: {"widget": UnfoldAdminExpandableTextareaWidget}}
    edited_fields: Sequence[str] = ()

    def store(self, row_id: UUID, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> object:
        """Call the operation that changes a row. Each page says which."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return every stored field, those that can be changed by their name: a form has no other."""
        if not self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        drawn = [field for _, options in super().get_fieldsets(request, obj) for field in options["fields"]]
        fixed = [field for field in drawn if getattr(field, "admin_order_field", field) not in self.edited_fields]
        return [(None, {"fields": list(self.edited_fields)}), ("Fixed here", {"fields": fixed})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        """Return the fields that are not edited."""
        return [field for field in super().get_readonly_fields(request, obj) if field not in self._edited(request, obj)]

    def _edited(self, request: HttpRequest, obj: Any) -> Sequence[str]:
        """Return the fields that this reader may change."""
        return self.edited_fields if self.has_change_permission(request, obj) else ()

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        """Hand the changed facts to the operation, which writes them and their audit entry."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        self.store(obj.pk, changes, actor=actor_of(request), now=wall_now())

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Leave Django's own log empty: the audit trail has the change."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or save the form; what the operation refuses is said above it."""
        try:
            answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except BillingError as error:
            details = "; ".join(f"{field}: {fault}" for field, fault in error.fields.items())
            messages.error(request, f"{error.message} {details}".strip())
            return HttpResponseRedirect(request.get_full_path())
        return answer
