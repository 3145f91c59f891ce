from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"

    def ready(self) -> None:
        from chat import events  # imports models, which are loaded by now
        from chat.sockets import hub
        from common.domain import push

        events.subscribe(hub.publish_messages)
        push.register(hub.push)
