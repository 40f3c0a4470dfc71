"""A tree becomes findings: rules, suppressions, fingerprints, matching, coverage and cache."""
