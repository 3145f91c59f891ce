from django.apps import AppConfig


class RepairOrdersConfig(AppConfig):
    name = "repair_orders"
    verbose_name = "Repair orders"
