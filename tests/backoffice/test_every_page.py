"""Every model's list and page: opens, costs the same whatever its length, and saves nothing."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, models
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import DunningProcess
from core.models import Instance, StaffUser
from core.staff_pages.base import ReadOnlyAdmin
from tests.backoffice.world import make_world

pytestmark = pytest.mark.django_db

FEW, MANY = 2, 8


def registered() -> list[type[models.Model]]:
    """Return the models that have a page."""
    return list(admin.site._registry)


def read_only() -> list[type[models.Model]]:
    """Return the models whose rows only operations write."""
    return [model for model, page in admin.site._registry.items() if isinstance(page, ReadOnlyAdmin)]


def address(model: type[models.Model], page: str, *args: Any) -> str:
    """Return the address of a model's list or page."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def our_models() -> list[type[models.Model]]:
    """Return the models of the rooms that the admin can show: all but those with a composite key."""
    from django.apps import apps

    rooms = {"core", "customers", "ledger", "subscriptions", "usage", "invoicing", "billing", "notifications"}
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in rooms and not isinstance(model._meta.pk, models.CompositePrimaryKey)
    ]


def test_every_model_has_a_page() -> None:
    assert [model for model in our_models() if model not in admin.site._registry] == []


def test_every_list_and_every_page_opens(alice: Client) -> None:
    make_world()
    answers = {}
    for model in registered():
        answers[model.__name__, "list"] = alice.get(address(model, "changelist")).status_code
        row = model._default_manager.first()
        if row is not None:
            answers[model.__name__, "page"] = alice.get(address(model, "change", row.pk)).status_code
    assert {answer for answer in answers.items() if answer[1] != 200} == set()
    rows = {name for name, page in answers if page == "page"}
    assert {model.__name__ for model in registered()} - rows == {"Group"}


def test_every_list_opens_when_empty_and_says_what_to_do(alice: Client) -> None:
    Instance.objects.all().delete()
    for model in read_only():
        answer = alice.get(address(model, "changelist"))
        assert answer.status_code == 200
        page: Any = admin.site._registry[model]
        assert page.empty_words, model
        assert page.empty_words.split("<")[0][:30].encode() in answer.content.replace(b"&#x27;", b"'"), model


def queries_of_lists(client: Client) -> dict[str, int]:
    """Return how many statements each list takes."""
    counts = {}
    for model in registered():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(model, "changelist")).status_code == 200
        counts[model.__name__] = len(captured)
    return counts


def test_a_list_takes_as_many_statements_for_eight_rows_as_for_two(alice: Client) -> None:
    make_world(FEW)
    alice.get(reverse("admin:index"))  # what a process reads once is read now
    few = queries_of_lists(alice)
    make_world(MANY - FEW, since=FEW)
    many = queries_of_lists(alice)
    assert {name: (few[name], many[name]) for name in few if few[name] != many[name]} == {}
    assert max(many.values()) <= 12


@pytest.mark.parametrize("term", ["alice0@example.com", "a", "9", "99999999999999999999", "100%", "é🙂", "{id}"])
def test_every_list_can_be_searched(term: str, rf: RequestFactory) -> None:
    world = make_world()
    request = rf.get("/")
    request.user = StaffUser(is_superuser=True)
    for model in read_only():
        page: Any = admin.site._registry[model]
        rows, _ = page.get_search_results(request, page.get_queryset(request), term.format(id=world.invoice.id))
        list(rows)


def test_rows_of_money_are_neither_added_changed_nor_deleted(alice: Client) -> None:
    make_world()
    answers = {}
    for model in read_only():
        row = model._default_manager.first()
        assert row is not None, model
        answers[model.__name__] = {
            alice.get(address(model, "add")).status_code,
            alice.post(address(model, "add"), {}).status_code,
            alice.post(address(model, "change", row.pk), {}).status_code,
            alice.get(address(model, "delete", row.pk)).status_code,
            alice.post(address(model, "delete", row.pk), {"post": "yes"}).status_code,
        }
        assert model._default_manager.filter(pk=row.pk).exists()
    assert {name: codes for name, codes in answers.items() if codes != {403}} == {}


def test_no_list_has_a_bulk_action_but_dunning(alice: Client) -> None:
    make_world()
    for model in registered():
        page: Any = admin.site._registry[model]
        answer = alice.post(
            address(model, "changelist"),
            {
                "action": "delete_selected",
                "_selected_action": [str(row.pk) for row in model._default_manager.all()[:1]],
            },
        )
        assert answer.status_code in (200, 302, 403), model
        assert set(page.get_actions(answer.wsgi_request)) == (
            {"retry_now", "stop"} if model is DunningProcess else set()
        )


def test_staff_without_permission_sees_nothing(charlie: Client) -> None:
    world = make_world()
    for model in registered():
        row = model._default_manager.first()
        assert charlie.get(address(model, "changelist")).status_code == 403, model
        if row is not None:
            assert charlie.get(address(model, "change", row.pk)).status_code == 403, model
    assert charlie.get(reverse("admin:invoice-pdf", args=[world.invoice.id])).status_code == 403
    assert charlie.get(reverse("admin:usage-events")).status_code == 403
    home = charlie.get(reverse("admin:index"))
    assert home.status_code == 200
    assert b"Alice" not in home.content
    assert home.context["sidebar_navigation"][1:] == []


def test_a_stranger_is_sent_to_the_login(client: Client) -> None:
    answer = client.get(reverse("admin:invoicing_invoice_changelist"))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("admin:login"))


def test_only_a_superuser_changes_staff(alice: Client, bob: Client) -> None:
    staff = StaffUser.objects.get(username="bob")
    page = reverse("admin:core_staffuser_change", args=[staff.pk])
    assert alice.get(page).status_code == 200
    assert bob.get(page).status_code == 403
    assert bob.post(page, {"is_superuser": "on"}).status_code == 403
    staff.refresh_from_db()
    assert not staff.is_superuser
