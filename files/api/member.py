"""Contract 003, "Files": announce an upload, send its bytes, read it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, UnreadablePostError
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from common.domain.errors import DomainError, Kind
from common.http.contracts.member import MemberView
from common.http.permissions import SignedIn
from common.http.responses import JSONResponse
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Serializer
from files import actions
from files.api.serving import file_response
from files.kinds import KINDS
from files.models import Upload, UploadState
from files.queries import uploaded
from files.stores import LocalStore, store

_CHUNK = 64 * 1024
# The address is a capability: a browser may keep what it shows, a shared cache may not.
_KEEP = "private, max-age=86400, immutable"


class PresignInput(Serializer):
    filename = serializers.CharField(max_length=1000)
    contentType = serializers.CharField(
        source="content_type", max_length=100, help_text=f"One of {', '.join(KINDS)}."
    )
    size = serializers.IntegerField(
        required=False, min_value=1, help_text="Bytes. When it is sent, the address takes exactly so many."
    )


class PresignedSerializer(Serializer):
    url = serializers.URLField(
        help_text="Takes one PUT of the bytes, with the same Content-Type, for a while."
    )
    method = serializers.ChoiceField(choices=["PUT"], default="PUT")
    publicUrl = serializers.URLField(source="public_url", help_text="Shows the file; needs no token.")
    fileId = serializers.UUIDField(source="upload.uuid")


class Presign(MemberView):
    """Announce a file and get the address that takes its bytes.

    Send the bytes to `url` by `method` with the `contentType` that was announced, then name `fileId` where it
    belongs.
    """

    permission_classes = [SignedIn]
    input_class = PresignInput

    @extend_schema(responses=PresignedSerializer)
    def post(self, request: Request) -> JSONResponse:
        presigned = actions.presign(
            caller=self.caller,
            filename=(body := self.read_body())["filename"],
            content_type=body["content_type"],
            size=body.get("size"),
            site=request.build_absolute_uri("/"),
            now=timezone.now(),
        )
        return JSONResponse(serialize(PresignedSerializer, presigned))


class File(MemberView):
    """A file of one's own or of one's account; staff may see every file.

    The bytes themselves, or the way (302) to where they are.
    """

    permission_classes = [SignedIn]

    @extend_schema(
        responses={
            **{(200, kind): OpenApiTypes.BINARY for kind in KINDS},
            302: OpenApiResponse(description="To the file's address for a while."),
        }
    )
    def get(self, request: Request, id: UUID | None) -> HttpResponseBase:
        upload = uploaded(caller=self.caller, upload_id=id)
        url = store().download_url(upload)
        if url is not None:
            return HttpResponseRedirect(url)
        return file_response(request._request, upload, LocalStore().path(upload.key), cache="no-store")


class LengthRequired(DomainError):
    kind = Kind.LENGTH_REQUIRED
    code = "length_required"
    title = "Length required"
    message = "A file is sent with its length (Content-Length), not in chunks."


class StoredFile(MemberView):
    """What a bucket is to the apps where there is none: takes the bytes once, and shows them by the public address.

    No operation of the API but an address out of one, as a bucket's is.
    """

    schema = None
    authentication_classes = []
    permission_classes = [AllowAny]

    body_limit = "MAX_UPLOAD_BYTES"

    def put(self, request: Request, token: str, name: str) -> JSONResponse:
        if "transfer-encoding" in request.headers:
            raise LengthRequired
        upload = actions.receive(
            key=f"uploads/{token}/{name}",
            expires=request.query_params.get("expires", ""),
            signature=request.query_params.get("signature", ""),
            content_type=request.headers.get("content-type", "").lower(),
            length=int(request.headers.get("content-length") or 0),
            chunks=_chunks(request._request),
            now=timezone.now(),
        )
        return JSONResponse(headers={"ETag": f'"{upload.uuid}"'})

    def get(self, request: Request, token: str, name: str) -> HttpResponseBase:
        upload = Upload.objects.filter(key=f"uploads/{token}/{name}").first()
        if upload is None or upload.state == UploadState.PENDING:
            raise actions.FileNotFound
        return file_response(request._request, upload, LocalStore().path(upload.key), cache=_KEEP)


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    """The body as it arrives; it ends where the sender went away."""
    try:
        while chunk := request.read(_CHUNK):
            yield chunk
    except UnreadablePostError:
        return


urlpatterns = [
    route("files/presign/", Presign.as_view()),
    route("files/<public_id:id>/", File.as_view()),
    route("files/uploads/<str:token>/<str:name>", StoredFile.as_view(), name="stored-file"),
]
