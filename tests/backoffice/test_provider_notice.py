"""A notice's page has a button with which it is handled again, for who may."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing.models import ProviderNotice
from core.models import AuditEntry, StaffUser
from tests.backoffice.world import make_world

pytestmark = pytest.mark.django_db


def test_a_failed_notice_is_handled_again_at_the_press_of_a_button(alice: Client) -> None:
    make_world()
    notice = ProviderNotice.objects.get()
    page = reverse("admin:billing_providernotice_change", args=[notice.id])
    url = reverse("admin:billing_providernotice_replay", args=[notice.id])
    assert f'action="{url}"' in alice.get(page).content.decode()
    assert alice.get(url).status_code == 405
    answer: Any = alice.post(url)
    assert (answer.status_code, answer["Location"]) == (302, page)
    notice.refresh_from_db()
    assert (notice.status, notice.tries, notice.failure) == ("received", 0, "")
    assert AuditEntry.objects.filter(action="provider_notice.replayed", actor_kind="staff").count() == 1


def test_who_may_only_look_sees_no_button(bob: Client) -> None:
    make_world()
    notice = ProviderNotice.objects.get()
    staff = bob.get(reverse("admin:index")).wsgi_request.user
    assert isinstance(staff, StaffUser)
    staff.user_permissions.add(Permission.objects.get(codename="view_providernotice"))
    url = reverse("admin:billing_providernotice_replay", args=[notice.id])
    assert url not in bob.get(reverse("admin:billing_providernotice_change", args=[notice.id])).content.decode()
    assert bob.post(url).status_code == 403
