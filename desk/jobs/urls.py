"""Routes of the page *My jobs*, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.jobs.pages import FindingPhotoPage, MyJobsPage

urlpatterns: list[URLPattern] = [
    path("admin/my-jobs/", admin.site.admin_view(MyJobsPage.as_view()), name="my-jobs"),
    path(
        "admin/my-jobs/photos/<int:inspection_id>/<public_id:photo_id>/",
        admin.site.admin_view(FindingPhotoPage.as_view()),
        name="my-jobs-photo",
    ),
]
