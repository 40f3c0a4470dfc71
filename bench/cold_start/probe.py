"""One start of one function: import it, answer one event, say how many modules that took."""

import importlib
import json
import sys


def main() -> None:
    """Print the number of modules; exit 1 when the answer has another status than expected."""
    module, event, status = sys.argv[1:]
    answer = importlib.import_module(module).handler(json.loads(event), None)
    if answer["statusCode"] != int(status):
        sys.exit(f"{module} answered {answer['statusCode']}: {answer['body'][:500]}")
    sys.stdout.write(f"\nmodules {len(sys.modules)}\n")


if __name__ == "__main__":
    main()
