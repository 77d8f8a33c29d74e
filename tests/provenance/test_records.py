"""The lineage in the standards' forms: the fields each standard requires, and references that lead somewhere."""

import json
import uuid

import pytest


@pytest.fixture
def lineage(release):
    def read(name):
        return json.loads((release / name).read_text(encoding="utf-8"))

    return read


def test_our_own_form_names_release_assets_and_no_folder_of_the_machine(lineage, release, released):
    body = lineage("lineage/lineage.json")
    assert body["release"] == release.name and body["run_id"] == "run-1"
    assert [a["key"] for a in body["assets"]] == ["raw_chen_county", "raw_compiled_city", "city_panel"]
    assert body["assets"][2]["path"] == "marts/ai_pilot/city_panel.parquet"


def test_prov_names_only_what_it_declares(lineage):
    body = lineage("lineage/prov.json")
    known = set(body["entity"]) | set(body["activity"]) | set(body["agent"])
    for relation in ("used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith"):
        assert body[relation]
        for said in body[relation].values():
            assert set(said.values()) <= known
    assert all(":" in name and name.split(":")[0] in body["prefix"] for name in known)


def test_prov_leads_from_the_release_to_every_source_drop(lineage, release):
    body = lineage("lineage/prov.json")
    parents: dict[str, set[str]] = {}
    for said in body["wasDerivedFrom"].values():
        parents.setdefault(said["prov:generatedEntity"], set()).add(said["prov:usedEntity"])
    reached, open_ = set(), {f"cc:release-{release.name}"}
    while open_:
        reached |= open_
        open_ = set().union(*(parents.get(e, set()) for e in open_)) - reached
    files = {e for e, said in body["entity"].items() if said["prov:type"] == "source drop"}
    assert len(files) == 2 and files <= reached


def test_openlineage_events_have_the_required_fields_and_column_lineage(release):
    lines = (release / "lineage/openlineage.ndjson").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert len(events) == 4
    for event in events:
        assert {"eventTime", "eventType", "run", "job", "producer", "schemaURL"} <= set(event)
        uuid.UUID(event["run"]["runId"])
        assert event["job"]["namespace"] and event["job"]["name"]
        for dataset in [*event["inputs"], *event["outputs"]]:
            assert dataset["namespace"] and dataset["name"]
            assert all({"_producer", "_schemaURL"} <= set(f) for f in dataset["facets"].values())
    panel = next(e for e in events if e["job"]["name"] == "city_panel")
    fields = panel["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert fields["lnco2"]["inputFields"] == [{"namespace": "citycarbon", "name": "raw_chen_county", "field": "value"}]


def test_the_crate_describes_root_files_sources_and_run(lineage, release):
    body = lineage("ro-crate-metadata.json")
    graph = {e["@id"]: e for e in body["@graph"]}
    descriptor = graph["ro-crate-metadata.json"]
    assert descriptor["about"] == {"@id": "./"} and descriptor["conformsTo"]["@id"].startswith("https://w3id.org/ro/crate/1.1")
    root = graph["./"]
    assert {"name", "description", "datePublished", "license"} <= set(root)
    files = {f.relative_to(release).as_posix() for f in release.rglob("*") if f.is_file()} - {"ro-crate-metadata.json"}
    assert {p["@id"] for p in root["hasPart"]} == files
    assert all(graph[f]["@type"] == "File" for f in files)
    run = graph["#run"]
    assert run["@type"] == "CreateAction" and graph[run["instrument"]["@id"]]["@type"] == "SoftwareApplication"
    assert {graph[o["@id"]]["version"] for o in run["object"]} == {"2022", "2023"}
