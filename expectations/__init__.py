"""Great Expectations suites built from declared rules, and the adapter to ``citycarbon.checks.CheckResult``."""
