"""Chats, put together: notices that are sent, and what people in Slack ask for."""
