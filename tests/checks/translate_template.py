"""Print a template as SAM's transform makes it, as JSON. Runs where the SAM CLI is installed.

The transform needs code that was uploaded: every folder becomes an address of S3.
"""

# The SAM CLI's environment has no types of the project's.
# mypy: ignore-errors

import json
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def translate(text: str) -> dict:
    """Return the template after SAM's transform, with the parameters' defaults."""
    template = yaml_parse(text)
    for name, resource in template["Resources"].items():
        for key in ("CodeUri", "ContentUri"):
            if key in resource.get("Properties", {}):
                resource["Properties"][key] = f"s3://code/{name}"
    defaults = {
        name: parameter["Default"]
        for name, parameter in template.get("Parameters", {}).items()
        if "Default" in parameter
    }
    return Translator({}, Parser()).translate(template, defaults)


if __name__ == "__main__":
    json.dump(translate(Path(sys.argv[1]).read_text()), sys.stdout)
