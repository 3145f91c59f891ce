from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        from billing.deposits import free_deposits  # models are not loaded yet when this module is
        from billing.parts_sales import book_payment, book_refund
        from billing.queries import name_account_of_customer, name_invoices
        from customers import guards as customer_guards
        from orders import till
        from repair_orders import guards

        till.register(book_payment, book_refund)
        guards.register(name_invoices)
        guards.follow_denied(free_deposits)
        customer_guards.register(name_account_of_customer)
