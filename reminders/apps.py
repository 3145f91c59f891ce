from django.apps import AppConfig


class RemindersConfig(AppConfig):
    name = "reminders"
    verbose_name = "Reminders"

    def ready(self) -> None:
        from common.domain import sweeps  # models are not loaded yet when this module is
        from reminders.sweep import sweep

        sweeps.register("reminders", sweep)
