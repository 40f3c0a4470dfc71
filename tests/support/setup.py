"""The setup of a GitHub App as a person does it, in a browser without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from kova_fakes.forms import form_of


class Browser:
    """A person's browser: cookies, and the origin of the page that holds a form."""

    def __init__(self, address: str) -> None:
        self.address = address
        headers = {"user-agent": "a browser"}
        self.client = httpx.Client(headers=headers, timeout=30, trust_env=False)

    def close(self) -> None:
        self.client.close()

    def get(self, path: str) -> httpx.Response:
        return self.client.get(urljoin(self.address, path))

    def submit(
        self, page: httpx.Response, fields: Mapping[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        """Submit a page's form, some fields changed, and follow where it leads on this site."""
        form = form_of(page)
        origin = f"{page.url.scheme}://{page.url.netloc.decode()}"
        answer = self.client.post(
            form.address,
            data={**form.fields, **(fields or {})},
            headers={"origin": origin, **headers},
        )
        if answer.status_code == 303:
            answer = self.client.get(urljoin(form.address, answer.headers["location"]))
        return answer

    def enter_token(self, token: str) -> httpx.Response:
        """Open the link that was printed, as the script of the page fills the field in."""
        return self.submit(self.get("/setup"), {"token": token})

    def choose(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Fill in the App's name, owner and address; return the page with GitHub's form."""
        return self.submit(page, fields)

    def create_on_github(self, review: httpx.Response) -> httpx.Response:
        """Press both buttons, ours and GitHub's; return GitHub's redirect back."""
        return self.submit(self.submit(review))

    def come_back(self, redirect: httpx.Response) -> httpx.Response:
        """Follow GitHub's redirect."""
        assert redirect.status_code == 302, redirect.text
        return self.client.get(redirect.headers["location"])

    def set_up(self, token: str, **fields: str) -> httpx.Response:
        """Do all of it and return the last page."""
        review = self.choose(self.enter_token(token), **fields)
        return self.come_back(self.create_on_github(review))


def query_of(redirect: httpx.Response) -> dict[str, str]:
    """Return the query of a redirect's target."""
    parts = parse_qs(urlsplit(redirect.headers["location"]).query)
    return {name: values[0] for name, values in parts.items()}
