"""One start of one function: import it, answer one event, say how many modules that took."""

import gc
import importlib
import json
import sys

_MOST_OBJECTS = 10_000


def main() -> None:
    """Print the number of modules; exit 1 when the answer has another status than expected."""
    module, event, status = sys.argv[1:]
    answer = importlib.import_module(module).handler(json.loads(event), None)
    if answer["statusCode"] != int(status):
        sys.exit(f"{module} answered {answer['statusCode']}: {answer['body'][:500]}")
    if gc.get_threshold()[0] > _MOST_OBJECTS:
        sys.exit(f"{module} goes on as at its start: it looks for dropped objects too rarely")
    sys.stdout.write(f"\nmodules {len(sys.modules)}\n")


if __name__ == "__main__":
    main()
