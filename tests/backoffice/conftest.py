"""Clients of the back office: Alice may do everything, Bob some things, Charlie nothing."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from core.models import StaffUser


@pytest.fixture
def alice(client: Client) -> Client:
    """Return a client logged in as a superuser."""
    client.force_login(StaffUser.objects.create_superuser("alice", password="correct horse battery"))
    return client


@pytest.fixture
def bob() -> Client:
    """Return a client logged in as staff who may view customers and brands only."""
    staff = StaffUser.objects.create_user("bob", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_customer", "view_brand"]))
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def charlie() -> Client:
    """Return a client logged in as staff without any permission."""
    client = Client()
    client.force_login(StaffUser.objects.create_user("charlie", is_staff=True))
    return client
