"""The composition root: settings become a container of ready objects."""

import gc
import os
from typing import Final

# A start makes many objects and drops few. Looking for dropped ones meanwhile costs a sixth of its
# CPU time.
_OBJECTS_AT_START: Final = 1_000_000
_OBJECTS: Final = 10_000


def begin_start() -> None:
    """Look for dropped objects rarely, while a function of AWS Lambda is imported and built."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        gc.set_threshold(_OBJECTS_AT_START)


def end_start() -> None:
    """Look for them more often again."""
    if gc.get_threshold()[0] == _OBJECTS_AT_START:
        gc.set_threshold(_OBJECTS)


begin_start()
