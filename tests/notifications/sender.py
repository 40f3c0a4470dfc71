"""A process that sends notices until it is killed: `python -m tests.notifications.sender`."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

from kova.bootstrap.chat.notices import NoticeRoot
from kova.bootstrap.core import Core
from kova.bootstrap.settings import load_settings
from kova.notifications.send_notices import Pace

PACE = Pace(lease=timedelta(seconds=1), pause=timedelta(0), seconds=5)


async def send_for_ever() -> None:
    sender = NoticeRoot(Core(load_settings(os.environ))).sender(PACE)
    print("ready", flush=True)  # noqa: T201 (the test waits for it)
    while True:
        await sender.send()
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(send_for_ever())
