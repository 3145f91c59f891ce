from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = "Integrations"

    def ready(self) -> None:
        from common.domain import expiry, loops  # models are not loaded yet when this module is
        from integrations.webhooks.deliverer import Deliverer
        from integrations.webhooks.queue import clear_deliveries

        loops.register("webhooks", Deliverer)
        expiry.register("webhook deliveries", clear_deliveries)
