from django.apps import AppConfig


class RemindersConfig(AppConfig):
    name = "reminders"
    verbose_name = "Reminders"

    def ready(self) -> None:
        from common.domain import expiry, sweeps  # models are not loaded yet when this module is
        from reminders.sweep import clear_parking_reminders, sweep

        sweeps.register("reminders", sweep)
        expiry.register("parking reminders", clear_parking_reminders)
