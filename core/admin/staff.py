"""The people of the back office, and their groups."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from core.models import StaffUser
from core.operations import AuditDraft, record_audit
from core.staff_pages.columns import moment
from core.staff_pages.editing import actor_of

admin.site.unregister(Group)


class SuperusersOnly(ModelAdmin):
    """Only a superuser changes who may do what; the audit names the fields that changed, never their values."""

    actions: Any = ()
    view_on_site: Any = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tell whether the reader is a superuser."""
        return bool(request.user.is_active and request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the reader is a superuser."""
        return bool(request.user.is_active and request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a person who left is made inactive, so that what they did keeps its name."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        """Save, with its audit entry in the same transaction."""
        super().save_model(request, obj, form, change)
        kind = self.model._meta.model_name or ""
        draft = AuditDraft(
            action=f"{kind}.{'changed' if change else 'created'}",
            object_kind=kind,
            object_id=obj.pk if isinstance(obj, StaffUser) else None,
            after={"name": str(obj), "fields": sorted(form.changed_data)},
        )
        record_audit(actor_of(request), [draft])


@admin.register(StaffUser)
class StaffUserAdmin(UserAdmin, SuperusersOnly):  # type: ignore[type-arg]  # takes no parameters when it runs
    """Staff."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "email", "is_active", "is_superuser", moment("last_login"))
    list_filter = ("is_active", "is_superuser", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    readonly_fields = ("last_login", "date_joined")
    list_fullwidth = True


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, SuperusersOnly):
    """Groups of staff and what they may view."""

    list_display = ("name",)
    search_fields = ("name",)
