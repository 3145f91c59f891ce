from django.apps import AppConfig


class MembershipsConfig(AppConfig):
    name = "memberships"
    verbose_name = "Memberships"

    def ready(self) -> None:
        from common.domain import expiry  # models are not loaded yet when this module is
        from memberships import discounts
        from memberships.actions import end_memberships
        from repair_orders.discounts import sources

        expiry.register("memberships", end_memberships)
        sources.register(
            take=discounts.take_plan, explain=discounts.explain_refusals, give_back=discounts.give_back
        )
