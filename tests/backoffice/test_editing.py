"""Settings that staff may change: through operations, with an audit entry, and nothing else."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing.models import DunningProcess
from core.models import AuditEntry, StaffUser, TestClock
from core.staff_pages.editing import EditedByOperation
from customers.models import Brand
from invoicing.models import Invoice
from subscriptions.models import Feature, Metric, Product, TaxType
from tests.backoffice.world import make_world

pytestmark = pytest.mark.django_db

BRAND = {
    "name": "Brand 0",
    "colour": "#112233",
    "accent_colour": "#2f7f79",
    "dunning_retry_days": "3,6,9,12,15",
    "dunning_final_action": "cancel",
    "overdue_reminder_days": "0,7,14",
    "overdue_disable_days": "30",
    "announce_trial_days": "7",
    "announce_renewal_days": "30",
    "announce_expiring_cards": "on",
}


def brand_page(brand: Brand) -> str:
    return reverse("admin:customers_brand_change", args=[brand.pk])


def hidden_fields(inlines: list[Any]) -> dict[str, Any]:
    """Return what a browser sends along for the tables under a form."""
    return {
        f"{inline.formset.prefix}-{name}": value
        for inline in inlines
        for name, value in inline.formset.management_form.initial.items()
    }


def test_a_brands_looks_are_changed_by_the_operation_and_audited(alice: Client) -> None:
    make_world()
    brand = Brand.objects.get()
    answer = alice.post(brand_page(brand), {**BRAND, "footer": "Thank you."})
    assert answer.status_code == 302
    brand.refresh_from_db()
    assert (brand.colour, brand.footer) == ("#112233", "Thank you.")
    entry = AuditEntry.objects.get(action="brand.updated")
    assert (entry.actor_kind, entry.actor_name, entry.object_id) == ("staff", "alice", brand.id)
    assert entry.after == {"colour": "#112233", "footer": "Thank you."}
    assert entry.request_id == answer["X-Request-Id"]


def test_what_decides_tax_and_dates_cannot_be_slipped_in(alice: Client) -> None:
    make_world()
    brand = Brand.objects.get()
    alice.post(brand_page(brand), {**BRAND, "country": "FR", "code": "other", "time_zone": "Asia/Tokyo"})
    brand.refresh_from_db()
    assert (brand.country, brand.code, brand.time_zone) == ("DE", "brand-0", "UTC")


def test_a_brands_dunning_is_changed_and_must_make_sense(alice: Client) -> None:
    make_world()
    brand = Brand.objects.get()
    alice.post(brand_page(brand), {**BRAND, "dunning_retry_days": "2, 4", "overdue_disable_days": ""})
    brand.refresh_from_db()
    assert (brand.dunning_retry_days, brand.overdue_disable_days) == ([2, 4], None)
    refused = alice.post(brand_page(brand), {**BRAND, "dunning_retry_days": "4, 2"}, follow=True)
    assert "each later than the one before" in refused.content.decode()
    brand.refresh_from_db()
    assert brand.dunning_retry_days == [2, 4]


@pytest.mark.parametrize("colour", ["red", "#12345", "#12345g", "#1122334"])
def test_a_colour_that_is_none_is_refused(alice: Client, colour: str) -> None:
    make_world()
    brand = Brand.objects.get()
    answer = alice.post(brand_page(brand), {**BRAND, "colour": colour})
    assert answer.status_code == 200
    assert "colour" in answer.context["adminform"].form.errors
    brand.refresh_from_db()
    assert brand.colour == "#1f3a5f"


@pytest.mark.parametrize(
    ("model", "changes", "action"),
    [
        (Product, {"name": "Platform"}, "product.updated"),
        (Metric, {"name": "API calls"}, "metric.updated"),
        (Feature, {"name": "Export", "description": "As CSV."}, "feature.updated"),
        (TaxType, {"name": "Digital services"}, "tax_type.updated"),
    ],
)
def test_names_of_the_catalogue_are_changed(
    alice: Client, model: type[Product | Metric | Feature | TaxType], changes: dict[str, str], action: str
) -> None:
    make_world()
    row = model.objects.get()
    page = reverse(f"admin:subscriptions_{model._meta.model_name}_change", args=[row.pk])
    hidden = hidden_fields(alice.get(page).context["inline_admin_formsets"])
    assert alice.post(page, {**hidden, **changes}).status_code == 302
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in changes} == changes
    assert AuditEntry.objects.filter(action=action).count() == 1


def test_what_the_operation_refuses_is_said_and_nothing_is_stored(alice: Client) -> None:
    make_world(2)
    first, second = TaxType.objects.order_by("id")
    page = reverse("admin:subscriptions_taxtype_change", args=[first.pk])
    answer = alice.post(page, {"name": second.name}, follow=True)
    assert b"this Name already exists" in answer.content or b"is there already" in answer.content
    first.refresh_from_db()
    assert first.name == "Services 0"


def test_who_may_only_view_a_setting_cannot_change_it(bob: Client) -> None:
    make_world()
    brand = Brand.objects.get()
    assert bob.get(brand_page(brand)).status_code == 200
    assert bob.post(brand_page(brand), BRAND).status_code == 403


def test_a_person_tries_a_card_again_or_stops_dunning(alice: Client, bob: Client) -> None:
    make_world()
    process = DunningProcess.objects.get()
    TestClock.objects.update(status="ready")
    page = reverse("admin:billing_dunningprocess_changelist")

    def ask(client: Client, action: str) -> str:
        answer = client.post(page, {"action": action, "_selected_action": [str(process.pk)]}, follow=True)
        process.refresh_from_db()
        return answer.content.decode()

    ask(bob, "stop")
    assert process.status == "open"
    assert "Nothing is due" in ask(alice, "retry_now")
    owed = {"status": "open", "paid_at": None, "amount_paid_minor": 0, "amount_due_minor": 11900}
    Invoice.objects.filter(id=process.invoice_id).update(**owed)
    assert "1 tried again." in ask(alice, "retry_now")
    assert (process.next_at, process.steps.filter(kind="hand").count()) == (None, 1)
    assert "on its way" in ask(alice, "retry_now")
    assert "1 stopped." in ask(alice, "stop")
    assert process.status == "stopped"
    assert set(AuditEntry.objects.filter(object_id=process.id).values_list("action", flat=True)) == {
        "dunning.retried",
        "dunning.stopped",
    }


def test_who_may_change_a_setting_can(bob: Client) -> None:
    make_world()
    brand = Brand.objects.get()
    StaffUser.objects.get(username="bob").user_permissions.add(Permission.objects.get(codename="change_brand"))
    assert bob.post(brand_page(brand), BRAND).status_code == 302
    brand.refresh_from_db()
    assert brand.colour == "#112233"


def test_settings_are_neither_added_nor_deleted_here(alice: Client) -> None:
    make_world()
    pages = [page for page in admin.site._registry.values() if isinstance(page, EditedByOperation)]
    assert len(pages) == 5
    for page in pages:
        meta, row = page.model._meta, page.model._default_manager.first()
        for name, arguments in (("add", []), ("delete", [row.pk])):
            address = reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=arguments)
            assert alice.post(address, {"post": "yes"}).status_code == 403, address


def test_staff_are_changed_with_an_audit_entry_that_names_no_value(alice: Client) -> None:
    page = reverse("admin:core_staffuser_add")
    password = "correct horse battery staple"
    answer = alice.post(page, {"username": "dora", "password1": password, "password2": password})
    assert answer.status_code == 302
    entry = AuditEntry.objects.get(action="staffuser.created")
    assert entry.actor_name == "alice"
    assert password not in str(entry.after)
    assert StaffUser.objects.get(username="dora").check_password(password)
