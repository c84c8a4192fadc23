"""Where payment providers tell what happened: `/webhooks/{provider}`, open to all, believed only when signed."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.operations import inbound
from billing.providers.base import NotSupported, WebhookRefused
from billing.providers.registry import UnknownProvider
from billing.tasks import hint_notices
from core.clock import wall_now

LONGEST_BODY = 1024 * 1024


@csrf_exempt
@never_cache
@require_POST
def provider_webhook(request: HttpRequest, provider: str) -> HttpResponse:
    """Store what a provider tells and answer at once; 400 when it is not signed, 404 when nobody sends any here."""
    body = request.body
    if len(body) > LONGEST_BODY:
        return _say("The body is too long.", 413)
    try:
        is_new = inbound.receive(provider, body, request.headers, now=wall_now())
    except (UnknownProvider, NotSupported):
        return _say("No provider sends webhooks here.", 404)
    except WebhookRefused as error:
        return _say(str(error), 400)
    if is_new:
        hint_notices()
    return _say("Stored." if is_new else "Known already.", 200)


def _say(words: str, status: int) -> HttpResponse:
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")
