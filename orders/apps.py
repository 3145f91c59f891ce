from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Parts orders"

    def ready(self) -> None:
        from catalogue.shelf import sources  # models are not loaded yet when this module is
        from common.domain import expiry
        from orders.actions import expire_unpaid
        from orders.queries import name_orders

        sources.register("order", name_orders)
        expiry.register("unpaid orders", expire_unpaid)
