"""docs/failures.md: every reason that an answer, a log line or the command line can name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from kova.shared.exceptions import KovaError
from kova.web.problem_table import describe

PAGE: Final = Path("docs/failures.md")
ROOTS: Final = {"layers/common": "kova", "server": "kova_server"}
HEAD: Final = """# Failures

Made from the code by `make export`; `make check` holds it. A problem of the API (`application/problem+json`), a line of
the log and a failed scan or command name a `reason`. This is each of them, the status of HTTP where there is one, and
what to do. The `request_id` of an answer is in the log too.

| reason | status | what it means | what to do |
| --- | --- | --- | --- |
"""
# Those that only Kova's own code sees: no answer has them.
INTERNAL: Final = frozenset({"error", "stopped", "environment_gone", "not_due", "suspect_scan"})
ADVICE: Final = """
invalid_input | Read the detail: it names the field.
not_found | Look at the id; lists show what there is.
conflict | Read the thing again, then decide.
unauthenticated | Send a key: `Authorization: Bearer kova_...`. It may be revoked or expired.
forbidden | Use a key with the scope that the detail names.
role | Ask whoever runs this Kova: KOVA_ADMINS and KOVA_MEMBERS name who has which role (docs/sign-in.md).
restricted | Use a key that is not restricted to some repositories.
foreign_form | Go back, reload the page, and send the form again.
sign_in_refused | The page says why; docs/sign-in.md says who may sign in.
link_spent | Run `kova sign-in` on the machine that runs Kova, or restart `kova up`: both print another link.
identity_token | Begin again at the sign-in page. If it happens again: KOVA_GOOGLE_ISSUER and GOOGLE_CLIENT_ID must be of one account, and the clock right.
provider_unavailable | Try again in a minute; the link that `kova sign-in` prints needs no provider.
export_refused | Begin the export again, from Kova's own page: each way to Google and back works once, for ten minutes.
consent_denied | Begin again when you want to, or take the CSV.
scope_not_granted | Begin again, and leave Google's box for files that Kova makes ticked.
sheets_refused | The page says why. If it names the Google Sheets API: switch it on in the project of GOOGLE_CLIENT_ID (docs/google-sheets.md).
sheets_busy | Wait a minute: Google counts the writes of each person and of each project.
sheets_unavailable | Try again in a minute, or take the CSV.
sheet_incomplete | Delete the sheet that the page leads to, and export again.
owner_not_allowed | KOVA_ALLOWED_OWNERS names whose repositories this Kova takes.
direct_address | Call the address of the CDN (on AWS the output `Url` of the stack of CloudFront). If you run Kova: the CDN must send one of the values of KOVA_ORIGIN_SECRET.
rate_limited | Wait as Retry-After says; KOVA_RATE_LIMIT_PER_MINUTE raises the limit.
bad_json | Send JSON in UTF-8: no NaN, no bytes of another encoding, not nested beyond 200.
unsupported_media_type | Send `Content-Type: application/json`, and the body as it is, not compressed.
too_large | Send less: 256 kB, SARIF 10 MB.
body_cut | Send the whole body before you end the connection.
body_too_slow | Send the body faster; KOVA_BODY_SECONDS is how long it may take.
bodies_busy | Wait as Retry-After says: few large bodies are taken at a time.
bad_framing | Send either Content-Length or Transfer-Encoding. A proxy that sends both is at fault.
idempotency_key_reused | Use a new Idempotency-Key for another request.
idempotency_in_progress | Ask again with the same key in some seconds.
bad_signature | KOVA_GITHUB_WEBHOOK_SECRET must be the App's webhook secret, and SLACK_SIGNING_SECRET that of the Slack app; GitHub's page of deliveries can send one again.
not_configured | Set what the detail names (docs/settings.md).
bad_settings | Mend the settings that the line names, then start again.
bad_environment_file | Remove the file: `kova up` writes it anew.
unavailable | Try again; `/health` names the part that is down.
database_unavailable | Is Postgres up, and the address right? `/health` tells when it is back; work goes on by itself.
schema_outdated | Run `kova migrate`; on AWS a deployment does.
migration_failed | The report names the statement. Nothing was changed: mend the cause, migrate again.
queue_unavailable | Is SQS reachable, and are its address and rights right? GitHub shows the delivery as failed: send it again.
redis_unavailable | Kova goes on without: limits are counted by each process, answers are made again.
github_unavailable | Nothing: a scan is tried again for a day. If it failed: `kova scans retry`, or run the check again.
github_rate_limited | Nothing: the work waits as GitHub asks.
github_refused | The detail says why. Often a permission lacks: `/health` lists it (docs/github-app.md). A scan is tried again for 20 minutes to two hours; then `kova scans retry`, or run the check again.
repository_not_found | Install the App on the repository; look at the spelling. A scan is tried again for 20 minutes.
index_unavailable | Ask again; answers then come with less context.
chat_unavailable | Nothing: the message is sent again, and looked for before that.
chat_rate_limited | Nothing: the channel rests as long as the chat asks.
chat_channel_refused | The detail names the chat's reason; docs/slack.md says what to do about each.
chat_message_refused | The chat does not take this message. Tell us, with the reason that `GET /api/notices` shows.
message_fault | A fault of Kova keeps the message back. Tell us, with the log of `kova.notices`: other messages go on.
busy | Nothing: another worker does it.
stale_head | Nothing: GitHub is asked again until it shows the push, or believed after five minutes.
generation_moved | Nothing: the scan asks again where the branch ends.
head_moved | Nothing: the scan is tried again when the others have ended.
stale_fix | Push or ask for a scan: the fix is proved anew.
malformed_message | Somebody else writes to the queue. The message is among the dead letters.
worker_killed | The scan needs more memory or time than its worker has, or it met a fault of Kova. Give the worker more, or tell us; `kova scans retry` tries it once more.
scan_lost | Does a worker run, and does it reach the queue? Then `kova scans retry`.
internal_fault | Tell us, with the worker's log of that moment; `kova scans retry` tries it again.
scan_failed | The lines before say what could not be read.
model_error | Ask again; with two providers the other stands in.
model_unavailable | As for model_error.
model_rate_limited | Wait, or ask the provider for a higher limit.
model_timeout | Ask for less, or raise KOVA_AI_DEADLINE_SECONDS (30 seconds are API Gateway's limit).
model_cut | Ask again.
model_misconfigured | Look at the key and the model's name in the settings.
model_nonsense | Ask again; if it stays, the base address is not an API of this form.
ai_not_configured | Set OPENAI_API_KEY or ANTHROPIC_API_KEY.
ai_misconfigured | Look at the key and the model's name in the settings.
ai_unavailable | Wait as Retry-After says.
ai_timeout | As for model_timeout, or send `Prefer: respond-async`.
ai_declined | Ask in another way, or for less.
ai_refusal | Ask in another way.
ai_truncated | Raise max_output_tokens, or ask for less.
ai_bad_answer | Ask again.
ai_empty | Ask again.
ai_not_json | Ask again.
ai_wrong_shape | Ask again.
ai_nul | Ask again.
ai_cut | Ask again.
budget_exhausted | Wait for the next month, or raise KOVA_MONTHLY_BUDGET_USD, the key's or the repository's budget.
setup_token | Copy the whole link; a restart of `kova up` prints another.
setup_session | Open the link again, in one browser.
setup_origin | Open the page at its own address; KOVA_PUBLIC_URL must be that address.
setup_code | Begin again at /setup.
setup_stopped | Begin again.
app_configured | Nothing: the App is there. Remove its credentials to make another.
app_lost | Delete the App at GitHub, then begin again.
store_unavailable | Is the folder writable, or may the function write the secrets? Then begin again.
secrets_unavailable | Is Secrets Manager reachable: by a NAT or an interface endpoint?
secret_refused | Look at the ARN, and at the role's policy.
backup_failed | The line has the program's message; KOVA_PG_BIN names programs of the server's version.
start_failed | The line names the part and its log in the data folder.
embedded_postgres | The line has the program's message; a data folder of another version does not start.
stack | The line says why; `kova up --data` takes another folder.
stack_refused | The line has the function's answer.
serve | The line says why.
port_taken | Use --port, or end what has the port.
lambda_throttled | Nothing: the queue keeps the message; a request may be sent again.
lambda_build | Run the command that the line names.
template | The line names what `kova up --lambda` does not know in template.yaml.
too_many_views | Delete a saved view of your own first: 50 are the most.
unknown_secret | Name the secret's members in server/kova_server/local_lambda/variables.py.
output | Is the disk full? The command did its work as far as the line says.
"""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One reason."""

    reason: str
    status: int | None
    meaning: str


def list_failures() -> list[Failure]:
    """Return every reason that people can meet, sorted."""
    failures = {
        failure.reason: failure
        for root, package in ROOTS.items()
        for file in sorted(Path(root, package).rglob("*.py"))
        for failure in _failures_in(file, root)
    }
    return [failures[reason] for reason in sorted(failures) if reason not in INTERNAL]


def _failures_in(file: Path, root: str) -> Iterator[Failure]:
    tree = ast.parse(file.read_text())
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and (reason := _reason(node)):
            name = ".".join(file.relative_to(root).with_suffix("").parts)
            kind = getattr(import_module(name), node.name)
            meaning = (ast.get_docstring(node) or "").splitlines()[0]
            yield Failure(reason=reason, status=_status(kind), meaning=meaning)


def _reason(node: ast.ClassDef) -> str | None:
    for statement in node.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        target = statement.target if isinstance(statement, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and target.id == "reason":
            value = statement.value  # type: ignore[union-attr]
            return value.value if isinstance(value, ast.Constant) else None
    return None


def _status(kind: type[KovaError]) -> int | None:
    if not kind.__module__.startswith("kova."):
        return None  # Of the command line.
    return describe(kind("x"))[0]


def render() -> str:
    """Return the page."""
    advice = _advice()
    rows = [
        f"| `{failure.reason}` | {failure.status or ''} | {failure.meaning} "
        f"| {advice[failure.reason]} |"
        for failure in list_failures()
        if failure.reason in advice
    ]
    return HEAD + "\n".join(rows) + "\n"


def check_failures() -> list[str]:
    """Return what is wrong with the page and its table."""
    reasons, advised = {failure.reason for failure in list_failures()}, set(_advice())
    problems = [f"{name} has no advice in tests/checks/failures.py" for name in reasons - advised]
    problems += [f"no code has the reason {name}" for name in advised - reasons]
    if not problems and (not PAGE.exists() or PAGE.read_text() != render()):
        problems.append(f"{PAGE} has drifted: run `make export`")
    return problems


def _advice() -> dict[str, str]:
    rows = (line.partition(" | ") for line in ADVICE.strip().splitlines())
    return {reason: text for reason, _, text in rows}
