"""Texts that want to be more than text: in chats, in HTML, and in both."""

from __future__ import annotations

from typing import Final

HOSTILE: Final = (
    "<!channel>", "<!here>", "<!everyone>", "<@U0123456789>", "<@W0123456789|admin>",
    "<#C0123456789>", "<#C0123456789|general>", "<!subteam^S0123456789>",
    "<!date^1392734382^{date}|now>", "<https://evil.example>", "<https://evil.example|Click>",
    "<mailto:a@evil.example|Mail>", "https://evil.example/a?b=c", "www.evil.example",
    "http://127.0.0.1:8000/auth", "@here everybody", "@channel", "@everyone", "#general",
    "&lt;!channel&gt;", "&lt;@U0123456789&gt;", "&amp;lt;!here&amp;gt;", "&#60;!here&#62;",
    "*bold*", "_italic_", "~struck~", "`code`", "```\npre\n```", "> quoted", "&gt; quoted",
    "*_~all~_*", "\n> quoted later", "text *in the middle* of it", ":boom: :rotating_light:",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    "<a href='https://evil.example'>x</a>", '<a href="javascript:alert(1)">x</a>',
    "<font color='#ff0000'>red</font>", "<b>bold</b>", "<i>i</i>", "<br><br>", "<users/all>",
    "<users/123456>", "<https://evil.example|<!channel>>", "<<!channel>>", "<!channel", "!channel>",
    "[link](https://evil.example)", "![i](https://evil.example/i.png)", "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>", '" onmouseover="alert(1)', "' OR 1=1 --",
    "{{7*7}}", "${7*7}", "{% raw %}", "\u202eevil\u202c", "\u200b<!here>", "a\x00<!here>b",
    "\ud800<@U0123456789>", "\x1b[31mred\x1b[0m", "<!here>" * 200, "x" * 10_000,
    "\u2066admin\u2069", "ad\u200bmin \u200c\u200d", "in\u2060vi\ufeffsi\u00adble",
    "tag\U000e0061\U000e007f", "\u061c\u200e\u200f", "var\ufe0f\U000e0100", "\u3164\u115f",
    "HTTPS://EVIL.EXAMPLE/UP", "ftp://evil.example/f", "slack://channel?id=C1", "tel:+15551234567",
)  # fmt: skip
