"""Print Terraform files as one JSON. Runs where python-hcl2 is installed.

Texts lose their quotes, expressions are texts such as `${var.region}`, and a block is a list of
objects that have the member `__is_block__`.
"""

# The environment of python-hcl2 has no types of the project's.
# mypy: ignore-errors

import json
import sys
from pathlib import Path

import hcl2


def read(folder: Path) -> dict:
    """Return what the files say by kind, such as `resource`, type and name."""
    merged: dict = {}
    for path in sorted(folder.glob("*.tf")):
        with path.open() as file:
            content = _plain(hcl2.load(file))
        for kind, blocks in content.items():
            for block in blocks if isinstance(blocks, list) else []:
                _merge(merged.setdefault(kind, {}), block)
    return merged


def _merge(place: dict, block: dict) -> None:
    for name, value in block.items():
        both = isinstance(value, dict) and isinstance(place.get(name), dict)
        if both and "__is_block__" not in value:
            _merge(place[name], value)
        elif name in place and name != "__is_block__":
            message = f"{name} stands there twice"
            raise ValueError(message)
        else:
            place[name] = value


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {
            _plain(name): _plain(part) for name, part in value.items() if name != "__comments__"
        }
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, str) and value.startswith('"') and value.endswith('"'):
        return json.loads(value) if "${" not in value else value[1:-1].replace('\\"', '"')
    return value


if __name__ == "__main__":
    json.dump(read(Path(sys.argv[1])), sys.stdout)
