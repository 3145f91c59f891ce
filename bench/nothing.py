"""Addresses that do nothing: what Django and DRF cost by themselves (`bench.costs`)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from common.contracts.shop import ShopView
from common.permissions import Anyone


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


nothing.csrf_exempt = True  # as every view of DRF's


class Nothing(ShopView):
    permission_classes = [Anyone]
    authentication_classes = []

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("api/shop/django/", nothing), path("api/shop/drf/", Nothing.as_view())]
