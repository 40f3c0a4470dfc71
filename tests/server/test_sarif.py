"""SARIF in and out over HTTP."""

from __future__ import annotations

import json
from typing import Any

from tests.scans.test_sarif import check_github_rules
from tests.scans.test_sarif_import import RESULT, log
from tests.server.conftest import Kova

BAD = b"def f(x):\n    return x is 'a'\n"
JSON = {"content-type": "application/sarif+json"}


def result_at(line: int, path: str = "src/a.py") -> dict[str, Any]:
    moved = json.loads(json.dumps(RESULT))
    physical = moved["locations"][0]["physicalLocation"]
    physical["artifactLocation"] = {"uri": path}
    physical["region"] |= {"startLine": line, "snippet": {"text": f"eval(x{path})"}}
    return moved  # type: ignore[no-any-return]


def test_another_tool_s_results_join_the_life_of_errors(kova: Kova) -> None:
    kova.push("octo/sample", {"src/a.py": BAD, "src/b.py": BAD})
    (scan,) = kova.wait_for_scans(1)
    url = f"/api/scans/{scan['id']}/sarif"

    def send(body: bytes, where: str = url) -> dict[str, Any]:
        answer = kova.client.post(where, content=body, headers=JSON)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    body = log(result_at(3), result_at(9, "src/b.py"), result_at(1, "../x.py"))
    first = send(body)
    # Tools on Windows write a byte order mark.
    assert send(b"\xef\xbb\xbf" + body) == first
    assert first["tools"] == [
        {
            "analyzer": "CodeQL",
            "version": "2.1",
            "accepted": 2,
            "refused": {"no_path_in_the_repository": 1},
            "finished": True,
            "complete": False,
        }
    ]
    # The tool is new here: it saw what was there before, so no commit introduced it.
    assert (first["new_errors"], first["fixed_errors"]) == (0, 0)
    assert send(body) == first
    errors = kova.all("/api/errors", analyzer="CodeQL")
    assert {(error["path"], error["status"], error["introduced_in"]) for error in errors} == {
        ("src/a.py", "open", None),
        ("src/b.py", "open", None),
    }
    # Kova's own scan of the next commit closes none of them, but a deleted file does.
    kova.push("octo/sample", {"src/a.py": b"x = 1\n"}, deletes=["src/b.py"])
    scans = kova.wait_for_scans(2)
    by_path = {
        error["path"]: error["status"] for error in kova.all("/api/errors", analyzer="CodeQL")
    }
    assert by_path == {"src/a.py": "open", "src/b.py": "fixed"}
    refused = kova.client.post(url, content=body, headers=JSON)
    assert (refused.status_code, refused.json()["reason"]) == (409, "conflict")
    newest = f"/api/scans/{scans[0]['id']}/sarif"
    assert send(log(result_at(70)), newest)["new_errors"] == 0
    assert send(log(result_at(70), result_at(1, "src/c.py")), newest)["new_errors"] == 1
    assert send(log(), newest)["fixed_errors"] == 2
    out = kova.client.get(newest)
    assert out.headers["content-type"] == "application/sarif+json"
    check_github_rules(out.json())


def test_paths_of_the_tool_s_machine_are_placed_where_the_caller_says(kova: Kova) -> None:
    kova.push("octo/sample", {"src/a.py": BAD})
    (scan,) = kova.wait_for_scans(1)
    url = f"/api/scans/{scan['id']}/sarif"
    body = log(result_at(3, "file:///home/runner/work/r/r/src/a.py"))

    def send(checkout: str | None) -> Any:
        params = {} if checkout is None else {"checkout_uri": checkout}
        return kova.client.post(url, content=body, headers=JSON, params=params).json()

    assert send("file:///home/runner/work/r/r")["tools"][0]["accepted"] == 1
    refused = send(None)
    assert refused["tools"][0]["refused"] == {"no_path_in_the_repository": 1}
    assert refused["fixed_errors"] == 0
    (error,) = kova.all("/api/errors", analyzer="CodeQL")
    assert (error["path"], error["status"]) == ("src/a.py", "open")
    assert send("work/r")["tools"] == refused["tools"]


def test_what_is_sent_wrong_is_told(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": BAD})
    (scan,) = kova.wait_for_scans(1)
    url = f"/api/scans/{scan['id']}/sarif"

    def status(where: str, body: bytes, **headers: str) -> int:
        answer = kova.client.post(where, content=body, headers={**JSON, **headers})
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["content-length"]) == len(answer.content)
        return answer.status_code

    assert status("/api/scans/nothing/sarif", log()) == 404
    assert status(url, b"{") == 400
    assert status(url, b'{"version": "2.0"}') == 400
    assert status(url, log(), **{"content-type": "text/plain"}) == 415
    assert status(url, b"x" * 10_000_001) == 413
    assert status(url, log(), Authorization="Bearer none") == 401
    assert kova.client.get("/api/scans/nothing/sarif").status_code == 404
    out = kova.client.get(url).json()
    (run,) = out["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["ruff/F632"]
    (error,) = kova.all("/api/errors")
    assert run["results"][0]["partialFingerprints"] == {"kova/v1": error["fingerprint"]}
