from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "files"
    verbose_name = "Files"

    def ready(self) -> None:
        from common.domain import expiry  # models are not loaded yet when this module is
        from files.actions import prune

        expiry.register("uploads", prune)
