from django.apps import AppConfig


class InspectionsConfig(AppConfig):
    name = "inspections"
    verbose_name = "Inspections"

    def ready(self) -> None:
        from inspections.recommended import codes_about  # models are not loaded yet when this module is
        from repair_orders.recommended import follow_codes

        follow_codes(codes_about)
