"""What the command line answers or takes in, as small jobs for people who work in the UI.

They are add, sources, trace, diff, verify and doctor. Each op calls the function that the command calls; the answer stands in
the run's output as markdown.
"""

from pathlib import Path

import dagster as dg

from citycarbon.paths import Home, resolve_home
from orchestration.resources import default_landing


def _home(context: dg.OpExecutionContext) -> Home:
    return resolve_home(context.op_config.get("home") or None)


def _answer(text: str) -> dg.Output:
    return dg.Output(text, metadata={"answer": dg.MetadataValue.md(f"```\n{text.rstrip()}\n```")})


def _field(description: str, default: str | None = None) -> dg.Field:
    if default is None:
        return dg.Field(str, description=description)
    return dg.Field(str, default_value=default, is_required=False, description=description)


_HOME = {"home": _field("folder that holds everything; empty: CITYCARBON_HOME, else ./data", "")}
_RELEASE = {"release": _field("id, path or study; empty: the latest", "")}


@dg.op(config_schema={**_HOME, **_RELEASE, "target": _field("e.g. table2:2:did or panel:370100:2015:gov")})
def trace_number(context: dg.OpExecutionContext):
    from citycarbon.provenance.trace import trace

    config = context.op_config
    return _answer(trace(config["target"], _home(context), config["release"] or None).to_text())


@dg.op(
    config_schema={
        **_HOME,
        "old": _field("id, path or study of the older release; empty: the one before the newer", ""),
        "new": _field("the same of the newer release; empty: the latest", ""),
    }
)
def compare_releases(context: dg.OpExecutionContext):
    from citycarbon.release.diff import compare_named, to_markdown

    config = context.op_config
    text = to_markdown(compare_named(_home(context), config["old"] or None, config["new"] or None))
    return dg.Output(text, metadata={"answer": dg.MetadataValue.md(text)})


@dg.op(config_schema={**_HOME, **_RELEASE})
def verify_release(context: dg.OpExecutionContext):
    from citycarbon.release import find_release, verify

    return _answer(verify(find_release(_home(context), context.op_config["release"] or None)).to_text())


@dg.op(config_schema=_HOME)
def list_sources(context: dg.OpExecutionContext):
    from orchestration.cli import sources_table

    return _answer(sources_table(_home(context)))


@dg.op(config_schema=_HOME)
def examine_home(context: dg.OpExecutionContext):
    from orchestration.doctor import examine

    findings = examine(_home(context))
    if bad := [str(f) for f in findings if not f.is_fine]:
        raise dg.Failure("\n".join(bad))
    return _answer("\n".join(map(str, findings)))


@dg.op(
    config_schema={
        **_HOME,
        "source": _field("id in the registry"),
        "files": dg.Field([str], description="paths of the files as received, on the machine that runs Dagster"),
        "edition": _field("name of the edition, e.g. 2022"),
    }
)
def add_edition(context: dg.OpExecutionContext):
    from citycarbon.sources.intake import receive
    from citycarbon.sources.landing import NothingToAdd
    from orchestration.lock import home_lock

    config, home = context.op_config, _home(context)
    with home_lock(home, f"add {config['source']}", wait_seconds=60):
        try:
            files = list(map(Path, config["files"]))
            folder = receive(config["source"], files, config["edition"], default_landing(home), home)
        except NothingToAdd as same:
            return _answer(str(same))
    return _answer(f"{config['source']}/{config['edition']} is complete in {folder}")


@dg.job(description="Follow one number of a release to the cells of the source files behind it.")
def trace():
    trace_number()


@dg.job(description="Say what differs between two releases: inputs, code, panel, coefficients, checks.")
def diff():
    compare_releases()


@dg.job(description="Recompute every hash of a release and re-estimate its coefficients.")
def verify():
    verify_release()


@dg.job(description="List the registered sources: what was found in the landing folder, its edition and state.")
def sources():
    list_sources()


@dg.job(description="Examine the environment, the home and the landing folder.")
def doctor():
    examine_home()


@dg.job(description="Take received files into the landing folder, with their record and checksums.")
def add():
    add_edition()


DESK_JOBS = [add, sources, trace, diff, verify, doctor]
