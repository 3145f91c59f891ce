from django.apps import AppConfig


class AppointmentsConfig(AppConfig):
    name = "appointments"
    verbose_name = "Appointments"

    def ready(self) -> None:
        from appointments import queries  # imports models, which are loaded by now
        from customers import guards as customer_guards
        from vehicles import guards as vehicle_guards

        vehicle_guards.register(queries.name_appointments_of_vehicle)
        customer_guards.register(queries.name_appointments_of_customer)
