"""The paper of an inspection."""
