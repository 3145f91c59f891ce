from django.apps import AppConfig


class RepairOrdersConfig(AppConfig):
    name = "repair_orders"
    verbose_name = "Repair orders"

    def ready(self) -> None:
        from catalogue.shelf import sources  # models are not loaded yet when this module is
        from customers import guards as customer_guards
        from repair_orders import check_in, guards, parts, queries
        from repair_orders.discounts.actions import release
        from vehicles import guards as vehicle_guards
        from vehicles import odometer

        sources.register(parts.KIND, parts.name_jobs)
        sources.register_needs(parts.find_needs)
        vehicle_guards.register(queries.name_orders_of_vehicle)
        customer_guards.register(queries.name_orders_of_customer)
        guards.follow_denied(release)
        odometer.follow_corrections(check_in.follow_correction)
