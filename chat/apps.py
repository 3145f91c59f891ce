from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"

    def ready(self) -> None:
        from chat import hub  # which reads models
        from common.domain import push

        push.register(hub.push)
