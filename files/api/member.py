"""Contract 003, "Files": presign an upload, send its bytes and download it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, UnreadablePostError
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from common.domain.errors import DomainError, Kind
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberView
from common.http.permissions import SignedIn
from common.http.routing import route
from common.http.schema import FILE_VERSION, declare_headers
from common.http.views import serialize
from common.reads.serializers import Serializer
from files import actions
from files.api.serving import file_response
from files.kinds import KINDS
from files.models import Upload, UploadState
from files.queries import get_upload
from files.stores import LocalStore, store

_CHUNK = 64 * 1024
# A browser may cache the file. A shared cache may not, because only holders of the URL may see the file.
_PUBLIC_CACHE = "private, max-age=86400, immutable"


class PresignInput(Serializer):
    filename = serializers.CharField(max_length=1000, help_text="Name of the file, with its extension.")
    contentType = serializers.CharField(
        source="content_type", max_length=100, help_text=f"One of {', '.join(KINDS)}."
    )
    size = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="Size in bytes. If it is sent, the URL accepts exactly this size.",
    )


class PresignedSerializer(Serializer):
    url = serializers.URLField(
        help_text="Accepts one PUT of the bytes with the same Content-Type, until it expires."
    )
    method = serializers.ChoiceField(choices=["PUT"], default="PUT")
    publicUrl = serializers.URLField(source="public_url", help_text="Serves the file without a token.")
    fileId = serializers.UUIDField(
        source="upload.uuid", help_text="Id of the upload, with which messages and other bodies name it."
    )


class Presign(MemberView):
    """Presign an upload.

    Send the bytes to `url` by `method`, with the announced `contentType` as Content-Type. Then send `fileId` in the
    request that attaches the file.
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
    """Download a file.

    Callers can see their own files and those of their customer account. Staff can see every file. The response is the
    file, or with a bucket a 302 to a URL that expires.
    """

    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[
            *declare_headers([FILE_VERSION]),
            OpenApiParameter(
                "Location",
                str,
                OpenApiParameter.HEADER,
                description="The URL of the file in the bucket.",
                response=[302],
            ),
        ],
        responses={
            **{(200, kind): OpenApiTypes.BINARY for kind in KINDS},
            302: OpenApiResponse(description="Redirects to a URL of the file that expires."),
            304: OpenApiResponse(description="The client has the file already."),
        },
    )
    def get(self, request: Request, id: UUID | None) -> HttpResponseBase:
        upload = get_upload(caller=self.caller, upload_id=id)
        url = store().download_url(upload)
        if url is not None:
            return HttpResponseRedirect(url)
        return file_response(request._request, upload, LocalStore().path(upload.key), cache="no-store")


class LengthRequired(DomainError):
    kind = Kind.LENGTH_REQUIRED
    code = "length_required"
    title = "Length required"
    message = "Send the file with a Content-Length header, not in chunks."


class StoredFile(MemberView):
    """The upload URL and the public URL of a file that this server stores.

    It accepts the bytes once, like a bucket's presigned URL. It is not in the schema, because clients take both URLs
    from a response.
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
        return file_response(request._request, upload, LocalStore().path(upload.key), cache=_PUBLIC_CACHE)


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    """Yield the request body in chunks, until its end or until the client disconnects."""
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
