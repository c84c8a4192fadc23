"""The sidebar: every page by its room, as far as the reader may look."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

# Group, then (words, sign, app label, model name); a group without a name stands open at the top.
GROUPS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "Customers",
        (
            ("Customers", "groups", "customers", "customer"),
            ("Disabled stretches", "block", "customers", "disabledstretch"),
            ("Cards", "credit_card", "customers", "paymentmethod"),
            ("Agenda", "event", "customers", "agenda"),
        ),
    ),
    (
        "Subscriptions",
        (
            ("Subscriptions", "autorenew", "subscriptions", "subscription"),
            ("Terms", "history", "subscriptions", "subscriptionterms"),
            ("Items", "list_alt", "subscriptions", "subscriptionitem"),
            ("Item terms and seats", "event_seat", "subscriptions", "itemterms"),
            ("Pending changes", "pending_actions", "subscriptions", "pendingchange"),
            ("Status changes", "swap_horiz", "subscriptions", "subscriptionevent"),
            ("Redemptions", "redeem", "subscriptions", "voucherredemption"),
            ("Counted periods", "event_repeat", "subscriptions", "redemptionperiod"),
        ),
    ),
    (
        "Usage",
        (
            ("Usage events", "monitoring", "usage", "usageevent"),
            ("Usage limits", "speed_camera", "usage", "usagelimit"),
            ("Busy subscriptions", "local_fire_department", "usage", "busysubscription"),
            ("Usage by the hour", "hourglass", "usage", "hourtotal"),
            ("Metrics", "speed", "subscriptions", "metric"),
            ("Metric filters", "filter_alt", "subscriptions", "metricfilter"),
        ),
    ),
    (
        "Invoicing",
        (
            ("Invoices", "receipt_long", "invoicing", "invoice"),
            ("Invoice lines", "reorder", "invoicing", "invoiceline"),
            ("Credit notes", "undo", "invoicing", "creditnote"),
            ("Credit note lines", "format_list_bulleted", "invoicing", "creditnoteline"),
            ("Quotes", "request_quote", "invoicing", "quote"),
            ("Requested lines", "playlist_add", "invoicing", "requestedline"),
            ("Waiting steps", "hourglass_top", "invoicing", "waitingstep"),
            ("Waiting parts", "hourglass", "invoicing", "waitingpart"),
            ("Voucher uses", "redeem", "invoicing", "voucheruse"),
            ("Documents", "picture_as_pdf", "invoicing", "storeddocument"),
        ),
    ),
    (
        "Payments",
        (
            ("Payments", "payments", "billing", "payment"),
            ("Attempts", "sync_problem", "billing", "paymentattempt"),
            ("Dunning", "notification_important", "billing", "dunningprocess"),
            ("Parked invoices", "block", "billing", "parkedinvoice"),
            ("Dunning steps", "footprint", "billing", "dunningstep"),
            ("Announcements", "campaign", "billing", "announcement"),
            ("Refunds", "currency_exchange", "billing", "refund"),
            ("Disputes", "gavel", "billing", "dispute"),
            ("Receipts", "receipt", "billing", "receipt"),
            ("Provider notices", "webhook", "billing", "providernotice"),
            ("Found charges", "quick_reference_all", "billing", "foundcharge"),
        ),
    ),
    (
        "Books",
        (
            ("Entries", "menu_book", "ledger", "entry"),
            ("Postings", "balance", "ledger", "posting"),
            ("Customer balances", "account_balance_wallet", "ledger", "customerbalance"),
        ),
    ),
    (
        "Catalogue",
        (
            ("Products", "inventory_2", "subscriptions", "product"),
            ("Plans", "sell", "subscriptions", "plan"),
            ("Prices", "attach_money", "subscriptions", "price"),
            ("Features", "star", "subscriptions", "feature"),
            ("Plan limits", "vertical_align_top", "subscriptions", "planlimit"),
            ("Vouchers", "confirmation_number", "subscriptions", "voucher"),
            ("Voucher amounts", "percent", "subscriptions", "voucheramount"),
        ),
    ),
    (
        "Settings",
        (
            ("Brands", "storefront", "customers", "brand"),
            ("Number series", "pin", "invoicing", "numberseries"),
            ("Number counters", "123", "invoicing", "numbercounter"),
            ("Tax types", "category", "subscriptions", "taxtype"),
            ("Tax countries", "public", "invoicing", "taxcountry"),
            ("Tax states", "map", "invoicing", "taxstate"),
            ("Tax rules", "gavel", "invoicing", "taxrule"),
            ("Tax turnover", "stacked_bar_chart", "invoicing", "taxturnover"),
            ("Closed days", "event_available", "invoicing", "taxclosing"),
            ("Exchange rates", "currency_exchange", "core", "exchangerate"),
        ),
    ),
    (
        "Telling others",
        (
            ("Messages", "mail", "notifications", "message"),
            ("Message templates", "edit_note", "notifications", "messagetemplate"),
            ("Brand messaging", "toggle_on", "notifications", "brandmessaging"),
            ("Webhook endpoints", "webhook", "notifications", "webhookendpoint"),
            ("Webhook deliveries", "outgoing_mail", "notifications", "webhookdelivery"),
        ),
    ),
    (
        "System",
        (
            ("Billing runs", "play_circle", "billing", "billingrun"),
            ("Parked customers", "local_parking", "billing", "parkedcustomer"),
            ("Simulations", "query_stats", "billing", "simulationrun"),
            ("Mass changes", "published_with_changes", "billing", "masschange"),
            ("Mass change parts", "rule", "billing", "masschangepart"),
            ("Test clocks", "schedule", "core", "testclock"),
            ("API keys", "key", "core", "apikey"),
            ("Idempotent requests", "repeat", "core", "idempotencyrecord"),
            ("Outbox", "outbox", "core", "outboxevent"),
            ("Audit", "policy", "core", "auditentry"),
            ("Staff", "badge", "core", "staffuser"),
            ("Groups", "group_work", "auth", "group"),
            ("Instance", "dns", "core", "instance"),
        ),
    ),
)
# Pages that no model's list stands for.
_ADDRESSES = {"usageevent": "admin:usage-events"}


def may_view(request: HttpRequest, app_label: str, model_name: str) -> bool:
    """Tell whether the reader may look at a model's rows."""
    permissions = (f"{app_label}.{action}_{model_name}" for action in ("view", "change"))
    return any(request.user.has_perm(permission) for permission in permissions)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar's groups for unfold; a group the reader may see nothing of is left out."""
    home = reverse("admin:index")
    groups: list[dict[str, Any]] = [{"items": [{"title": "Home", "icon": "home", "link": home}]}]
    for title, pages in GROUPS:
        items = [
            {
                "title": words,
                "icon": sign,
                "link": reverse(_ADDRESSES.get(model_name, f"admin:{app_label}_{model_name}_changelist")),
            }
            for words, sign, app_label, model_name in pages
            if may_view(request, app_label, model_name)
        ]
        if items:
            groups.append({"title": title, "items": items, "collapsible": True})
    entries = [item for group in groups for item in group["items"]]
    here = max((item["link"] for item in entries if request.path.startswith(item["link"])), key=len, default="")
    for item in entries:
        item["active"] = item["link"] == here and (here != home or request.path == home)
    return groups
