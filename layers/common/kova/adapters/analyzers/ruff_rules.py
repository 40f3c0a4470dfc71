"""Which of ruff's rules Kova runs, and how much each one weighs.

The choice is for real errors, not for style. The error tier was measured on 663,000 lines of
released packages; rules that mostly flag intended code are in the warning tier or off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kova.domain.finding import Category, Confidence, Severity, Tier

ERROR_RULES: Final = frozenset(
    [
        "ASYNC100",
        "ASYNC105",
        "ASYNC210",
        "ASYNC220",
        "ASYNC221",
        "ASYNC222",
        "ASYNC230",
        "ASYNC251",
        "B002",
        "B003",
        "B004",
        "B005",
        "B006",
        "B012",
        "B014",
        "B015",
        "B016",
        "B020",
        "B021",
        "B022",
        "B023",
        "B024",
        "B025",
        "B026",
        "B029",
        "B030",
        "B031",
        "B032",
        "B033",
        "B035",
        "B039",
        "DTZ002",
        "E711",
        "E721",
        "E902",
        "F402",
        "F406",
        "F407",
        "F501",
        "F502",
        "F503",
        "F504",
        "F505",
        "F506",
        "F507",
        "F508",
        "F509",
        "F521",
        "F522",
        "F523",
        "F524",
        "F525",
        "F601",
        "F602",
        "F621",
        "F622",
        "F631",
        "F632",
        "F633",
        "F634",
        "F701",
        "F702",
        "F704",
        "F706",
        "F707",
        "F811",
        "F821",
        "F822",
        "F823",
        "F901",
        "FAST003",
        "G101",
        "INT001",
        "INT002",
        "INT003",
        "LOG001",
        "LOG009",
        "LOG014",
        "NPY002",
        "NPY201",
        "PGH005",
        "PIE794",
        "PIE796",
        "PLC0205",
        "PLE0100",
        "PLE0101",
        "PLE0115",
        "PLE0116",
        "PLE0117",
        "PLE0118",
        "PLE0237",
        "PLE0241",
        "PLE0303",
        "PLE0305",
        "PLE0307",
        "PLE0308",
        "PLE0309",
        "PLE0604",
        "PLE0605",
        "PLE0643",
        "PLE0704",
        "PLE1132",
        "PLE1142",
        "PLE1205",
        "PLE1206",
        "PLE1300",
        "PLE1307",
        "PLE1310",
        "PLE1507",
        "PLE1519",
        "PLE1520",
        "PLE1700",
        "PLE2510",
        "PLE2512",
        "PLE2513",
        "PLE2514",
        "PLE2515",
        "PLR0124",
        "PLR1708",
        "PLW0127",
        "PLW0128",
        "PLW0129",
        "PLW0133",
        "PLW0177",
        "PLW0211",
        "PLW0406",
        "PLW0604",
        "PLW0642",
        "PLW0711",
        "PLW1501",
        "PLW1507",
        "PLW1509",
        "PLW1510",
        "PLW2101",
        "PYI018",
        "RUF006",
        "RUF008",
        "RUF009",
        "RUF016",
        "RUF018",
        "RUF024",
        "RUF030",
        "RUF032",
        "RUF033",
        "RUF034",
        "RUF040",
        "RUF048",
        "RUF049",
        "RUF053",
        "RUF060",
        "RUF068",
        "S102",
        "S103",
        "S113",
        "S201",
        "S202",
        "S301",
        "S302",
        "S303",
        "S304",
        "S305",
        "S306",
        "S307",
        "S312",
        "S313",
        "S314",
        "S315",
        "S316",
        "S317",
        "S318",
        "S319",
        "S321",
        "S323",
        "S324",
        "S501",
        "S502",
        "S503",
        "S504",
        "S505",
        "S506",
        "S507",
        "S508",
        "S509",
        "S601",
        "S602",
        "S604",
        "S605",
        "S609",
        "S610",
        "S612",
        "S701",
        "S702",
        "S704",
        "SIM222",
        "SIM223",
        "T100",
        "W605",
        "YTT101",
        "YTT102",
        "YTT103",
        "YTT201",
        "YTT202",
        "YTT203",
        "YTT204",
        "YTT301",
        "YTT302",
        "YTT303",
    ]
)
"""Worth acting on more often than not."""

WARNING_RULES: Final = frozenset(
    [
        "B904",
        "B905",
        "PLW1641",
        "PLW1508",
        "S110",
        "PLR1704",
        "B019",
        "S608",
        "B008",
        "E722",
        "DTZ003",
        "DTZ004",
        "B018",
        "PLE2502",
        "B034",
        "S611",
        "PLW0120",
        "B017",
        "S310",
    ]
)
"""Often right, often intended."""

# Severity is what happens when the finding is right. Not listed: medium in the error tier, low in
# the warning tier.
_CRITICAL: Final = frozenset(["S602", "S605", "S609", "S301", "S302"])
_HIGH: Final = frozenset(
    [
        "invalid-syntax",
        "E902",
        "F821",
        "F822",
        "F823",
        "F632",
        "F702",
        "F704",
        "F706",
        "F707",
        "F502",
        "F503",
        "F505",
        "F506",
        "F507",
        "F508",
        "F522",
        "F524",
        "F525",
        "F631",
        "F633",
        "F634",
        "B002",
        "B012",
        "B023",
        "PLE0100",
        "PLE0101",
        "PLE0116",
        "PLE0117",
        "PLE0118",
        "PLE0604",
        "PLE0605",
        "PLE1132",
        "PLE1142",
        "PLE1205",
        "PLE1206",
        "PLE1307",
        "PLR1708",
        "RUF016",
        "RUF033",
        "S102",
        "S113",
        "S201",
        "S306",
        "S307",
        "S323",
        "S501",
        "S502",
        "S503",
        "S504",
        "S505",
        "S506",
        "S507",
        "S508",
        "S509",
        "S601",
        "S604",
        "S608",
        "S612",
        "S701",
        "S702",
        "S704",
    ]
)
_LOW: Final = frozenset(
    ["W605", "E711", "PIE794", "F601", "B005", "B033", "LOG009", "PLW0127", "PYI018", "RUF049"]
)
_CWE: Final = {
    "S102": "CWE-95", "S103": "CWE-732", "S113": "CWE-400", "S201": "CWE-489", "S202": "CWE-22",
    "S301": "CWE-502", "S302": "CWE-502", "S303": "CWE-327", "S304": "CWE-327", "S305": "CWE-327",
    "S306": "CWE-377", "S307": "CWE-95", "S310": "CWE-22", "S312": "CWE-319", "S313": "CWE-611",
    "S314": "CWE-611", "S315": "CWE-611", "S316": "CWE-611", "S317": "CWE-611", "S318": "CWE-611",
    "S319": "CWE-611", "S321": "CWE-319", "S323": "CWE-295", "S324": "CWE-327", "S501": "CWE-295",
    "S502": "CWE-327", "S503": "CWE-327", "S504": "CWE-327", "S505": "CWE-326", "S506": "CWE-502",
    "S507": "CWE-295", "S508": "CWE-319", "S509": "CWE-319", "S601": "CWE-78", "S602": "CWE-78",
    "S604": "CWE-78", "S605": "CWE-78", "S608": "CWE-89", "S609": "CWE-78", "S610": "CWE-89",
    "S611": "CWE-89", "S701": "CWE-79", "S702": "CWE-79", "S704": "CWE-79", "S110": "CWE-703",
}  # fmt: skip
SYNTAX_RULES: Final = frozenset({"invalid-syntax", "E902"})


@dataclass(frozen=True, kw_only=True)
class Weight:
    """How a rule's findings are shown."""

    severity: Severity
    tier: Tier
    confidence: Confidence
    category: Category
    cwe: str | None


def weigh(rule: str) -> Weight:
    """Return the weight of one of ruff's rules."""
    warning = rule in WARNING_RULES
    return Weight(
        severity=_severity(rule, warning=warning),
        tier=Tier.WARNING if warning else Tier.ERROR,
        confidence=Confidence.MEDIUM if warning else Confidence.HIGH,
        category=_category(rule),
        cwe=_CWE.get(rule),
    )


def _severity(rule: str, *, warning: bool) -> Severity:
    for severity, rules in (
        (Severity.CRITICAL, _CRITICAL),
        (Severity.HIGH, _HIGH),
        (Severity.LOW, _LOW),
    ):
        if rule in rules:
            return severity
    return Severity.LOW if warning else Severity.MEDIUM


def _category(rule: str) -> Category:
    if rule in SYNTAX_RULES:
        return Category.SYNTAX
    if rule.startswith("S") and rule[1:].isdigit():
        return Category.SECURITY
    if rule.startswith(("ASYNC", "PLW1510", "RUF006", "B904")):
        return Category.RELIABILITY
    if rule.startswith(("YTT", "NPY")):
        return Category.PORTABILITY
    return Category.CORRECTNESS
