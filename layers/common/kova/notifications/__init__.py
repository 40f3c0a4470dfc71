"""Who is told what, where and once: notices, their rules, and the messages in chats."""
