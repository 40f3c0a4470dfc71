"""What a family of rules yields: a node and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One problem at one node."""

    rule: str
    node: cst.CSTNode
    message: str
