from django.apps import AppConfig


class PassportsConfig(AppConfig):
    name = "passports"
    verbose_name = "Passports"

    def ready(self) -> None:
        from common.domain import expiry  # models are not loaded yet when this module is
        from passports.actions import clear_ended_links

        expiry.register("passport links", clear_ended_links)
