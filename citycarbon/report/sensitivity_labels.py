"""How a reader calls the analyses and variants of ``sensitivity.csv``; the page and the figure say it in the same words."""

from __future__ import annotations

GROUPS = {
    "headline": "The column as it stands",
    "controls": "Controls",
    "donut": "Untreated cities near treated ones",
    "exposure": "Exposure to treated neighbours",
    "conley": "Conley standard errors",
    "outcome_scale": "Scale of the outcome",
    "anticipation": "Anticipation",
    "samples": "Other cities and years",
}
_NAMES = {
    ("headline", "headline"): "as it stands",
    ("controls", "none"): "no controls",
    ("controls", "baseline_x_year"): "controls before the first adoption, times year",
    ("outcome_scale", "level"): "level",
    ("outcome_scale", "ln_per_head"): "log per head",
    ("outcome_scale", "per_head"): "per head",
    ("outcome_scale", "ppml"): "Poisson (PPML)",
    ("anticipation", "lead_dummy"): "beside a dummy for the year before",
    ("anticipation", "without_year_before"): "without the year before",
    ("samples", "without_later_cohorts"): "without cities treated after the sample",
    ("samples", "later_cohorts_in_last_year"): "these cities treated in the last year",
}


def label(analysis: str, variant: str, parameter: float, term: str) -> str:
    """``within 50 km left out``: a variant in words, without its group. ``parameter``: NaN where it has none."""
    if term.startswith("near_"):
        return f"{term}, the exposure itself"
    if term == "lead1":
        return "lead1, the year before itself"
    if analysis == "donut":
        return f"within {parameter:g} km left out"
    if analysis == "exposure":
        return f"beside exposure within {parameter:g} km"
    if analysis == "conley":
        return f"{variant} kernel, {parameter:g} km"
    if variant == "dated_earlier":
        return f"treatment dated {parameter:g} year{'s' * (parameter != 1)} earlier"
    if (analysis, variant) not in _NAMES and variant.startswith("without_"):
        return "without " + ", ".join(variant.removeprefix("without_").split("_"))
    return _NAMES.get((analysis, variant), variant.replace("_", " "))
