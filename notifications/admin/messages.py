"""Pages of messages: the log, what each brand sends, and in which words."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action

from core.clock import wall_now
from core.errors import BillingError
from core.staff_pages.base import ListAdmin, ReadOnlyAdmin
from core.staff_pages.columns import badge, link, moment
from core.staff_pages.editing import actor_of
from core.staff_pages.filters import MomentRangeFilter
from notifications.domain.messages import MessageKind
from notifications.mailing.drawing import Drawn, shipped
from notifications.mailing.values import NothingToTell
from notifications.models import BrandMessaging, Message, MessageTemplate
from notifications.operations import sending, wording

PAGE = "admin/notifications/preview.html"


def _preview(page: Any, request: HttpRequest, title: str, drawn: Drawn, **further: Any) -> HttpResponse:
    context = {**page.admin_site.each_context(request), "title": title, "drawn": drawn, **further}
    return TemplateResponse(request, PAGE, context)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Who was sent what, when, and why not."""

    list_display = ("kind", badge(), link("customer"), "recipient", "subject", "reason", moment("moment_at"))
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("created_at", MomentRangeFilter),
    )
    list_select_related = ("customer",)
    search_fields = ("=recipient", "=customer_id")
    search_help_text = "Recipient or customer's id, whole"
    actions_detail = ("preview",)
    empty_words = "A message appears when something happens that customers are told."

    @action(description="Preview", url_path="preview", permissions=["view"])  # type: ignore[untyped-decorator]
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the message as it was sent, or as it would be."""
        message = get_object_or_404(self.get_queryset(request).select_related("fact", "customer__brand"), pk=object_id)
        drawn = Drawn(message.subject, message.text, message.html)
        if not message.text:
            try:
                drawn, _ = sending.draw_message(message)
            except NothingToTell:
                messages.warning(request, "What it was about is gone, or was erased.")
        whom = message.recipient or "staff"
        return _preview(self, request, f"{message.get_kind_display()} to {whom}", drawn)


class _SavedByOperation(ListAdmin):
    """A row that staff add, change and delete through operations."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Leave Django's own log empty: the audit trail has it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Leave Django's own log empty: the audit trail has it."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Leave Django's own log empty: the audit trail has it."""

    def get_actions(self, request: HttpRequest) -> Any:
        """Offer no bulk action: rows are deleted one by one, by the operation."""
        return {}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields that are edited."""
        return [(None, {"fields": self.edited_fields})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what names the row, once it is there."""
        return self.naming_fields if obj is not None else ()

    edited_fields: tuple[str, ...] = ()
    naming_fields: tuple[str, ...] = ()

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


@admin.register(BrandMessaging)
class BrandMessagingAdmin(_SavedByOperation):
    """Which messages a brand sends; a brand without a row sends all of them."""

    list_display = (link("brand"), "off_kinds", "sends_for_test_clocks", "reply_to", moment("updated_at"))
    list_display_links = ("off_kinds", "reply_to")
    list_select_related = ("brand",)
    edited_fields = ("brand", "off_kinds", "sends_for_test_clocks", "reply_to")
    naming_fields = ("brand",)
    empty_words = "Every brand sends every message. Add a row to switch some off."

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: switch everything on instead."""
        return False

    def save_model(self, request: HttpRequest, obj: BrandMessaging, form: "ModelForm[Any]", change: bool) -> None:
        """Hand the facts to the operation."""
        facts = {name: form.cleaned_data[name] for name in ("off_kinds", "sends_for_test_clocks", "reply_to")}
        stored = wording.save_messaging(obj.brand, facts, actor=actor_of(request), now=wall_now())
        obj.pk = stored.pk

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Offer the kinds as boxes."""
        from django.forms import CheckboxSelectMultiple, TypedMultipleChoiceField

        if db_field.name == "off_kinds":
            return TypedMultipleChoiceField(
                choices=db_field.base_field.choices,
                widget=CheckboxSelectMultiple,
                required=False,
                label="Not sent",
                help_text="What is ticked is logged, and not sent.",
            )
        return super().formfield_for_dbfield(db_field, request, **options)


@admin.register(MessageTemplate)
class MessageTemplateAdmin(_SavedByOperation):
    """A brand's own words, in place of those that ship."""

    list_display = ("kind", "language", link("brand"), "subject", moment("updated_at"))
    list_filter = (("kind", ChoicesDropdownFilter), ("language", ChoicesDropdownFilter))
    list_select_related = ("brand",)
    edited_fields = ("brand", "kind", "language", "subject", "text", "html")
    naming_fields = ("brand", "kind", "language")
    actions_detail = ("preview",)
    empty_words = "Every message is sent in the words that ship. Add a template to say it in a brand's own."

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the words that ship, for the kind and language of the query string (invoice, en)."""
        kind, language = request.GET.get("kind", "invoice"), request.GET.get("language", "en")
        if kind not in set(MessageKind) or language not in {"en", "de", "fr", "es"}:
            return {}
        words = shipped(kind, language)
        asked = super().get_changeform_initial_data(request)
        return {"kind": kind, "language": language, "subject": words.subject, "text": words.text, **asked}

    def save_model(self, request: HttpRequest, obj: MessageTemplate, form: "ModelForm[Any]", change: bool) -> None:
        """Hand the words to the operation."""
        wording.save_template(obj, actor=actor_of(request), now=wall_now())

    def delete_model(self, request: HttpRequest, obj: MessageTemplate) -> None:
        """Have the operation delete it."""
        wording.delete_template(uuid.UUID(str(obj.pk)), actor=actor_of(request), now=wall_now())

    @action(  # type: ignore[untyped-decorator]
        description="Preview and test", url_path="preview", permissions=["change"]
    )
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the template filled with examples; a POST sends it to the reader."""
        template = get_object_or_404(MessageTemplate.objects.select_related("brand"), pk=object_id)
        recipient = getattr(request.user, "email", "")
        if request.method == "POST" and recipient:
            try:
                sending.send_test(template, recipient)
            except OSError as error:
                messages.error(request, f"The mail server did not take it: {error}")
            else:
                messages.success(request, f"Sent to {recipient}.")
            return HttpResponseRedirect(request.path)
        return _preview(
            self, request, str(template), sending.draw_preview(template), can_send=True, recipient=recipient
        )
