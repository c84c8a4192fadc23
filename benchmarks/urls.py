"""The paths of the product, and a view that does nothing: what any view costs on this server."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from config.urls import urlpatterns as product_urlpatterns


@csrf_exempt
def do_nothing(request: HttpRequest) -> HttpResponse:
    """Answer without looking."""
    return HttpResponse(status=201)


urlpatterns = [path("bench/nothing", do_nothing), *product_urlpatterns]
