"""The socket server of contract 003 (docs/design, D45; docs/chat.md)."""
