"""What would be hidden in a name or in code is shown; forms send it back as it was."""

from __future__ import annotations

from urllib.parse import urlencode

from kova.access.subject import Role
from tests.dashboard.conftest import House


async def test_what_is_hidden_in_a_name_is_shown_and_a_form_sends_it_back_as_it_was(
    house: House,
) -> None:
    path = "src/\u202egnp\u200b.py"
    await house.scan(path=path)
    viewer = await house.visitor(Role.VIEWER)
    page = await viewer.get("/ui/errors")
    assert "[U+202E]gnp[U+200B].py" in page
    assert "\u202e" not in page
    narrowed = await viewer.get(f"/ui/errors?{urlencode({'path': path})}")
    assert narrowed.count("data-row") == 2
    assert f'name="path" value="{path}"' in narrowed
    assert narrowed.count("\u202e") == narrowed.count(f'value="{path}"')
    (error, *_) = await house.errors()
    assert "\u202e" not in await viewer.get(f"/ui/errors/{error.id}")
