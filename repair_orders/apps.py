from django.apps import AppConfig


class RepairOrdersConfig(AppConfig):
    name = "repair_orders"
    verbose_name = "Repair orders"

    def ready(self) -> None:
        from catalogue.shelf import sources  # models are not loaded yet when this module is
        from customers import guards as customer_guards
        from repair_orders import check_in, parts, queries
        from vehicles import guards as vehicle_guards
        from vehicles import odometer

        sources.register(parts.KIND, parts.name_jobs)
        vehicle_guards.register(queries.name_orders_of_vehicle)
        customer_guards.register(queries.name_orders_of_customer)
        odometer.follow_corrections(check_in.follow_correction)
