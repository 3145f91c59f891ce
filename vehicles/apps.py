from django.apps import AppConfig


class VehiclesConfig(AppConfig):
    name = "vehicles"
    verbose_name = "Vehicles"

    def ready(self) -> None:
        from vehicles import odometer  # models are not loaded yet when this module is
        from vehicles.fuel import actions as fuel

        odometer.follow_corrections(fuel.follow_correction)
