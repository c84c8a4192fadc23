"""Billing staff at work, in a real browser."""

import os
import re
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from core.models import StaffUser
from customers.models import Brand
from subscriptions.models import Product
from tests.backoffice.world import World, make_world

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PASSWORD = "correct horse battery"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop stands still while a test asks the database
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def world() -> World:
    """Store three customers, and Alice who may do everything."""
    StaffUser.objects.create_superuser("alice", password=PASSWORD)
    return make_world(3)


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, world: World) -> Iterator[Page]:
    """Return a page on which Alice is logged in; an error in the browser or a request to elsewhere is a failure."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    faults: list[str] = []
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "response", lambda answer: faults.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
    )
    home = urlsplit(live_server.url).netloc
    opened.on(
        "request", lambda asked: faults.append(asked.url) if urlsplit(asked.url).netloc not in ("", home) else None
    )
    # One test logs in by the form.
    client = Client()
    client.force_login(StaffUser.objects.get())
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    opened.goto(reverse("admin:index"))
    yield opened
    context.close()
    assert faults == []


def test_why_was_i_charged_this(page: Page) -> None:
    page.get_by_role("heading", name="Invoicing").click()
    page.locator("#nav-sidebar").get_by_role("link", name=re.compile("Invoices$")).click()
    page.locator("#searchbar").fill("alice1@example.com")
    page.locator("#searchbar").press("Enter")
    page.get_by_role("link", name="INV-2026-000002").click()
    expect(page.get_by_role("heading", name="Invoice INV-2026-000002")).to_be_visible()
    page.get_by_text("Why this amount").click()
    expect(page.get_by_text("2 x 5000 = 10000").first).to_be_visible()
    page.locator(".rk-head").get_by_role("link", name="Alice 1 Ltd").click()
    page.get_by_text("History of its terms").click()
    expect(page.get_by_text("Item 0: started")).to_be_visible()
    expect(page.get_by_text("Insufficient funds.")).to_be_visible()


def test_a_list_is_filtered(page: Page, world: World) -> None:
    page.goto(reverse("admin:invoicing_invoice_changelist"))
    expect(page.locator("#result_list tbody")).to_have_count(6)
    page.locator("#changelist a", has_text="Filters").click()
    page.locator("select[name=status__exact]").select_option("draft", force=True)
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.locator("#result_list tbody")).to_have_count(3)
    page.goto(reverse("admin:customers_customer_change", args=[world.customer.id]))
    page.get_by_label("Rows that name this one").get_by_role("link", name="Invoices").click()
    expect(page.locator("#result_list tbody")).to_have_count(2)
    page.get_by_role("link", name="Show all invoices").click()
    expect(page.locator("#result_list tbody")).to_have_count(6)


def test_anything_is_found_from_anywhere(page: Page) -> None:
    page.wait_for_load_state("load")
    page.keyboard.press("Control+k")
    asked = page.locator("#search-input-command")
    expect(asked).to_be_visible()
    asked.press_sequentially("alice 2")
    found = page.get_by_role("link", name=re.compile("Alice 2 Ltd.*Customer.*alice2@example.com"))
    expect(found).to_be_visible()
    found.click()
    expect(page.get_by_role("heading", name="Alice 2 Ltd").last).to_be_visible()


def test_settings_are_saved(page: Page, world: World) -> None:
    brand = world.customer.brand
    page.goto(reverse("admin:customers_brand_change", args=[brand.pk]))
    page.get_by_label("Accent colour").fill("#abcdef")
    page.get_by_label("Footer").fill("Thank you for your custom.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Brand.objects.get(pk=brand.pk).accent_colour == "#abcdef"
    product = world.subscription.plan.product
    page.goto(reverse("admin:subscriptions_product_change", args=[product.pk]))
    page.get_by_label("Name").fill("Platform")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Product.objects.get(pk=product.pk).name == "Platform"


def test_no_page_is_wider_than_the_screen(page: Page, world: World) -> None:
    for address in (
        reverse("admin:index"),
        reverse("admin:invoicing_invoice_changelist"),
        reverse("admin:invoicing_invoice_change", args=[world.invoice.id]),
        reverse("admin:customers_customer_change", args=[world.customer.id]),
        reverse("admin:subscriptions_subscription_change", args=[world.subscription.id]),
        f"{reverse('admin:usage-events')}?subscription={world.subscription.id}",
    ):
        page.goto(address)
        for width in (1440, 834):
            page.set_viewport_size({"width": width, "height": 1000})
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (address, width)


def test_figures_stand_to_the_right_in_digits_of_one_width(page: Page) -> None:
    page.goto(reverse("admin:invoicing_invoice_changelist"))
    amount = page.locator("#result_list .rk-amount").first
    assert amount.evaluate("element => getComputedStyle(element).fontVariantNumeric") == "tabular-nums"
    assert amount.evaluate("element => getComputedStyle(element.parentElement).textAlign") == "right"


def test_the_dark_theme_is_dark(browser: Browser, live_server: LiveServer, world: World) -> None:
    context = browser.new_context(base_url=live_server.url, color_scheme="dark")
    page = context.new_page()
    page.goto(reverse("admin:login"))
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{live_server.url}{reverse('admin:index')}")
    page.goto(reverse("admin:invoicing_invoice_change", args=[world.invoice.id]))
    card = page.locator(".rk-card").first
    lightness = "element => getComputedStyle(element).backgroundColor"
    assert card.evaluate(lightness) == page.locator("#main").evaluate(lightness)
    assert card.evaluate(lightness) != "rgb(255, 255, 255)"
    context.close()
