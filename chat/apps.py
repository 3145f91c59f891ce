from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"

    def ready(self) -> None:
        from chat import events  # imports models, which are loaded by now
        from chat.sockets import hub
        from common.domain import events as domain_events

        events.subscribe(hub.publish_messages)
        domain_events.subscribe(hub.publish_event)
