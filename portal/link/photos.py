"""The photos that the page of an estimate's link shows, without a login."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.debug import sensitive_variables

from common.domain.errors import DomainError
from common.http.problems import STATUS
from files.actions import FileNotFound
from files.api.serving import upload_response
from inspections.models import PHOTO_TYPES
from inspections.queries import get_shown_photo
from portal.link.inspections import shown_through
from portal.link.view import EstimateView


class EstimatePhoto(EstimateView):
    """A photo of the customer's request, or of a finding that the page shows. It is an image in any case."""

    http_method_names = ["get", "head"]

    @sensitive_variables("token")
    def get(self, request: HttpRequest, token: str, photo_id: UUID | None) -> HttpResponseBase:
        estimate = self.find(token)
        if estimate is None:
            return self.show_ended()
        try:
            photo = get_shown_photo(estimate.repair_order, photo_id, through=shown_through(estimate))
            if photo.content_type not in PHOTO_TYPES:
                raise FileNotFound
            response = upload_response(request, photo, cache="private, no-store")
        except DomainError as error:
            return HttpResponse(
                error.text, status=STATUS[error.kind], content_type="text/plain; charset=utf-8"
            )
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"  # only this page shows it
        return response
