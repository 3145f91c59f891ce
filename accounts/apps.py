from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Access"

    def ready(self) -> None:
        from accounts import actions  # models are not loaded yet when this module is
        from accounts.own_sessions_pages import note_sign_in
        from common.domain import expiry

        user_logged_in.connect(note_sign_in)
        expiry.register("sessions", actions.clear_ended_sessions)
        expiry.register("known addresses", actions.clear_known_addresses)
