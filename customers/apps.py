from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = "Customers"

    def ready(self) -> None:
        from accounts.referrals import register_colleagues  # models are not loaded yet when this module is
        from customers.queries import colleagues_of

        register_colleagues(colleagues_of)
