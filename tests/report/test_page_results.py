"""The page with everything a study can have, with parts of it, and with nothing: each file adds its part and no other."""

import csv
import json
import re
import sys
from html import escape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "release"))

from page_parser import Page
from tiny_fixtures import one_code_version, release, released, synthetic

from citycarbon.report.page import build_report

__all__ = ["one_code_version", "release", "released", "synthetic"]

SVG = """<?xml version="1.0"?>
<svg role="img" aria-labelledby="figure2-title figure2-desc" viewBox="0 0 1 1">
 <title id="figure2-title">Event study &amp; base</title>
 <desc id="figure2-desc">d</desc>
 <path d="M0 0"/></svg>"""
SPLIT = {"table": "table2", "split": "technology", "label": "patents", "sentence": "The data cannot tell the halves apart."}
PLACEBO = {
    "table": "table2", "column": "2", "term": "did", "scheme": "cohorts", "draws": "99999", "sd": "0.05", "size_t_5pct": "0.12",
    "mde80": "0.14",
}  # fmt: skip
CLAIM = {
    "claim": "H1", "at": "section 2", "sentence": "It <b>inhibits</b> emissions.", "rule": "effect: the sign of ``column``",
    "target": "table2:2", "verdict": "undecided", "observed": "did = 1", "why": "p is not below 0.05.", "also": "",
}  # fmt: skip
COMPARED = {
    "kind": "coefficient", "table": "2", "column": "2", "outcome": "CO2", "term": "did", "statistic": "estimate",
    "published": "-0.644", "published_se": "0.076", "published_stars": "***", "ours": "-0.3", "our_se": "0.1", "our_stars": "",
    "difference": "0.344", "difference_in_published_se": "4.5", "same_sign": "true", "inside_rounding": "false",
    "closest_reading": "table2:1", "closest_value": "-0.31", "note": "",
}  # fmt: skip
RULE = {
    "subject": "paper", "rule": "L68", "finding": "treatment_support", "scope": "overall", "verdict": "fail",
    "observed": "132", "expected": "17", "explanation": "More treated rows than the rule allows.",
}  # fmt: skip


def put(folder, name, *rows):
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(dict.fromkeys(k for r in rows for k in r)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def figures(folder):
    (folder / "figures").mkdir(exist_ok=True)
    for name in ("figure1", "figure2", "figure3", "overlap"):
        (folder / f"figures/{name}.svg").write_text(SVG.replace("figure2", name), encoding="utf-8")
        (folder / f"figures/{name}.txt").write_text(f"Words of {name}.", encoding="utf-8")
        (folder / f"figures/{name}.csv").write_text("x\n1\n", encoding="utf-8")


def everything(folder):
    figures(folder)
    put(folder, "splits", SPLIT)
    put(folder, "placebo", PLACEBO)
    put(folder, "claims", CLAIM, CLAIM | {"claim": "C1", "verdict": "cited", "target": "a yearbook"})
    descriptive = COMPARED | {"kind": "descriptive", "term": "gov", "statistic": "mean", "published_se": "", "our_se": ""}
    put(folder, "comparison", COMPARED, descriptive)
    put(folder, "forensics", RULE | {"verdict": "pass", "rule": "L69"}, RULE, RULE | {"scope": "did"})
    put(folder, "forensics_own", RULE | {"verdict": "pass", "subject": "own"})


def read(release):
    text = build_report(release).read_text(encoding="utf-8")
    page = Page(text)
    return text, page, " ".join(" ".join(page.texts).split())


def test_everything_stands_in_the_order_of_a_referee_and_in_the_contents(release):
    everything(release)
    text, page, words = read(release)
    assert page.open == []
    order = ["results", "figures", "figure2", "figure3", "figure1", "tables", "table1", "table2", "inference", "claims",
             "comparison", "forensics", "weak", "sample", "checks", "sources", "trace"]  # fmt: skip
    places = [text.index(f'id="{name}"') for name in order]
    assert places == sorted(places)
    linked = [a["href"][1:] for t, a in page.tags if t == "a" and a["href"].startswith("#")]
    assert [n for n in linked if n in order] == order
    assert words.index("The data cannot tell the halves apart") > words.index("Column 2")


def test_figures_are_inline_images_with_their_words_and_files(release):
    everything(release)
    text, page, words = read(release)
    svgs = [a for t, a in page.tags if t == "svg"]
    assert len(svgs) == 4 and all(a["role"] == "img" for a in svgs)
    assert text.count("<?xml") == 0 and "Event study & base" in words
    for name in ("figure1", "figure2", "figure3", "overlap"):
        assert f"Words of {name}." in words and f'href="../figures/{name}.csv"' in text
    assert "1 more figure" in words and "1 more figures" not in words


def test_an_svg_without_a_name_gets_its_words_as_one(release):
    figures(release)
    bare = '<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>'
    (release / "figures/figure2.svg").write_text(bare, encoding="utf-8")
    (release / "figures/figure2.txt").write_text('Words "quoted" of it.\n', encoding="utf-8")
    text, page, _ = read(release)
    named = [a for t, a in page.tags if t == "svg" and "aria-label" in a]
    assert named and named[0]["aria-label"] == 'Words "quoted" of it.'
    (release / "figures/figure2.txt").unlink()
    assert "Figure 2" in read(release)[2]


def test_claims_are_text_with_verdict_rule_and_reason(release):
    everything(release)
    text, _, words = read(release)
    assert "<b>inhibits" not in text and escape("<b>inhibits</b>") in text
    assert "Of 1 claims: 1 undecided." in words and "p is not below 0.05." in words
    assert "Rule effect: the sign of column table2:2" in words and "1 numbers that the paper cites" in words


def test_published_numbers_stand_beside_ours(release):
    everything(release)
    _, _, words = read(release)
    assert "Table 2 (2) did \N{MINUS SIGN}0.644*** (0.076) \N{MINUS SIGN}0.300 (0.100) 0.344 4.5 yes no" in words
    assert "1 printed descriptive statistics" in words and "no agreement" not in words


def test_on_a_sample_no_agreement_is_to_be_expected(synthetic):
    folder = (synthetic.home.releases / "latest").resolve()
    everything(folder)
    words = read(folder)[2]
    assert "no agreement with the printed numbers is to be expected" in words
    assert "the verdicts show how the rules work, not what is true" in words


def test_forensics_of_the_paper_fail_first_in_words_and_our_own_found_nothing(release):
    everything(release)
    _, _, words = read(release)
    assert words.index("L68 treatment support fail") < words.index("L69 treatment support pass")
    assert "1 fail and 1 pass, of 2." in words and "They found nothing to fail." in words


def test_our_own_failures_are_named(release):
    put(release, "forensics_own", RULE | {"subject": "own"}, RULE | {"rule": "L70", "verdict": "warn"})
    words = read(release)[2]
    assert "They found failures in L68." in words and "L68 fail: More treated rows" in words and "L70 warn" in words


def test_the_placebo_says_what_the_clustered_test_and_the_design_can_do(release):
    put(release, "placebo", PLACEBO, PLACEBO | {"scheme": "random_years", "size_t_5pct": "0.9"})
    words = read(release)[2]
    assert "rejects in 12.0 % to 12.0 % of random reassignments; in 1 of 1 headline columns" in words
    assert "an effect below 0.140 in size would be missed more often than once in five times" in words


def test_any_file_can_be_absent(release):
    for absent in (("splits", "claims"), ("placebo", "comparison"), ("forensics",), ("forensics_own",)):
        everything(release)
        for name in absent:
            (release / f"{name}.csv").unlink()
        _, page, words = read(release)
        assert page.open == [] and not re.findall(r"\bnan\b", words), absent


def test_without_a_paper_and_without_figures_the_page_has_no_such_part(release):
    text, page, words = read(release)
    for absent in ('id="claims"', 'id="comparison"', 'id="forensics"', 'id="figures"', 'id="inference"', 'id="recovery"'):
        assert absent not in text
    assert 'id="table2"' in text and "What is synthetic" not in words


def test_recovery_tells_what_was_planted_in_place_of_the_estimates_own_lines(synthetic):
    folder = (synthetic.home.releases / "latest").resolve()
    line = {"table": "table2", "column": "2", "term": "did", "estimate": "-0.2", "std_error": "0.1", "estimand": "-0.3"}
    line |= {"distance_se": "1.0", "inside_clustered": "true", "inside_ri": "false", "note": "", "n_treated_units": "3"}
    put(folder, "recovery", line, line | {"column": "1", "estimand": "", "note": "no estimand"})
    words = read(folder)[2]
    assert "1 of 1 95 % intervals by the clustered t test hold the planted effect" in words
    assert "0 of 1 95 % intervals by randomisation inference" in words
    assert "Table 2 (2) did \N{MINUS SIGN}0.300 \N{MINUS SIGN}0.200 0.100 1.0 yes no" in words


def test_tables_of_other_readings_are_folded_behind_their_table(release):
    import yaml

    spec = yaml.safe_load((release / "study.yaml").read_text(encoding="utf-8"))
    spec["tables"]["table2_variants"] = {**spec["tables"]["table2"], "variants": True, "title": "Other readings"}
    spec["tables"]["size_variants"] = {**spec["tables"]["table2"], "variants": True, "title": "City size"}
    (release / "study.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False), encoding="utf-8")
    for name in ("table2_variants", "size_variants"):
        body = (release / "tables/table2.html").read_text(encoding="utf-8").replace("Table 2. Baseline", f"{name}. Other")
        (release / f"tables/{name}.html").write_text(body, encoding="utf-8")
    text, page, _ = read(release)
    folded = text[text.index('<section id="table2"') : text.index('<section id="size_variants"')]
    assert folded.index("<details>") < folded.index("table2_variants. Other")
    assert "table2_variants" not in [a["href"][1:] for t, a in page.tags if t == "a"]


def test_what_changed_since_the_release_before_stands_beside_the_page_and_not_in_it(release):
    before = build_report(release).read_bytes()
    diff = json.loads((release / "diff.json").read_text(encoding="utf-8"))
    diff["notes"] = ["Another predecessor <here>."]
    (release / "diff.json").write_text(json.dumps(diff), encoding="utf-8")
    assert build_report(release).read_bytes() == before
    beside = (release / "diff.html").read_text(encoding="utf-8")
    assert "Another predecessor &lt;here&gt;." in beside and Page(beside).open == []


def test_chinese_names_of_cities_reach_the_page(release):
    overlap = {"city_id": "370100", "city_name": "济南市", "first_year": "2019", "policy": "ets", "policy_first_year": "2011"}
    put(release, "policies_overlap", overlap | {"adopted": "true"})
    from citycarbon.report.page_extras import extras
    from citycarbon.report.results import Results

    (table,) = extras("table4", Results(release))
    assert table.lines == [["济南市 370100", "2019", "2011"], ["all that adopt", "", "1"]] and table.head[-1] == "ets"
    put(release, "policies_loss", {"policy": "ets", "label": "carbon trading pilots", "status": "listed", "columns": ""})
    assert extras("table4", Results(release))[-1].head[-1] == "carbon trading pilots"


def test_every_scheme_of_the_headline_column_stands_in_words_with_its_p(release):
    more = PLACEBO | {"scheme": "random_years", "draws": "999", "treated_mean": "2", "sd": "0.07", "p_ri_t": "0.25"}
    put(release, "placebo", PLACEBO, more | {"p_ri_beta": "0.125"}, more | {"column": "1", "p_ri_t": "0.875"})
    _, _, words = read(release)
    assert "Who could have been treated: Table 2 column 2" in words and "0.875" not in words
    assert "as many cities as are treated, each with a random first year 999 2.0" in words and "0.250 0.125" in words
    assert "may need less or more" in words
    put(release, "placebo", PLACEBO)
    assert "Who could have been treated" not in read(release)[2]
