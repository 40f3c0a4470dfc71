"""`python -m tests.checks`: every check, each named while it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.checks import code_map, costs, failures, github_app, settings
from tests.checks.cloud_run import check_cloud_run
from tests.checks.containers import check_containers
from tests.checks.ecs import check_ecs
from tests.checks.edge import check_cloudfront
from tests.checks.house import check_house, describe_house
from tests.checks.kubernetes import check_kubernetes
from tests.checks.locks import LOCKS, check_locks, compile_lock
from tests.checks.migrations import check_migrations
from tests.checks.nginx import check_nginx
from tests.checks.openapi import check_openapi, write_openapi
from tests.checks.rules import PAGE, check_rules, render
from tests.checks.template import check_build, check_template
from tests.checks.watching import check_watching, write_watching
from tests.checks.workflows import check_workflows, lint_workflows


def main() -> int:
    """Run them all and return an exit code."""
    if "--write-locks" in sys.argv:
        for source, lock in LOCKS.items():
            compile_lock(source, Path(lock))
        return 0
    if "--write-exports" in sys.argv:
        write_openapi()
        PAGE.write_text(render())
        code_map.PAGE.write_text(code_map.render())
        write_watching()
        settings.PAGE.write_text(settings.render())
        costs.PAGE.write_text(costs.render_page())
        failures.PAGE.write_text(failures.render())
        github_app.PAGE.write_text(github_app.render())
        return 0
    checks: dict[str, Callable[[], list[str]]] = {
        "house": check_house,
        "locks": check_locks,
        "migrations": check_migrations,
        "openapi": check_openapi,
        "rules": check_rules,
        "map": code_map.check_map,
        "watching": check_watching,
        "settings": settings.check_settings,
        "costs": costs.check_costs,
        "failures": failures.check_failures,
        "github app": github_app.check_github_app,
        "workflows": check_workflows,
        "actionlint": lint_workflows,
        "template": check_template,
        "cloudfront": check_cloudfront,
        "build": check_build,
        "containers": check_containers,
        "nginx": check_nginx,
        "kubernetes": check_kubernetes,
        "ecs": check_ecs,
        "cloud run": check_cloud_run,
    }
    failed = False
    sys.stdout.writelines(f"{line}\n" for line in describe_house())
    for name, check in checks.items():
        problems = check()
        sys.stdout.write(f"{name}: {'ok' if not problems else 'failed'}\n")
        for problem in problems:
            sys.stdout.write(f"  {problem}\n")
        failed |= bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
