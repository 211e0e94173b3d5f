"""Converting a whole archive."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from chartbridge.cli.options import settings_with

FORMATS = ("ndjson", "parquet")
ENGINES = ("local", "ray")


def _one_of(allowed: tuple[str, ...], value: str) -> str:
    if value not in allowed:
        raise typer.BadParameter(f"is none of {', '.join(allowed)}")
    return value


def _pattern(value: str | None) -> str | None:
    try:
        if value is not None and re.compile(value).groups < 1:
            raise typer.BadParameter("has no group: put the id's part into ( )")
    except re.error as error:
        raise typer.BadParameter(f"is no regular expression: {error}") from None
    return value


def batch(
    source: Annotated[str, typer.Argument(help="Folder or bucket (s3://bucket/prefix) of the documents.")],
    target: Annotated[
        str, typer.Argument(help="Folder or bucket for the results; empty, or of a run to go on with.")
    ],
    format: Annotated[
        str, typer.Option(help="ndjson or parquet.", callback=lambda value: _one_of(FORMATS, value))
    ] = "ndjson",
    engine: Annotated[
        str,
        typer.Option(help="local, or ray for a cluster.", callback=lambda value: _one_of(ENGINES, value)),
    ] = "local",
    jobs: Annotated[int, typer.Option(min=1, max=10_000, help="Processes that convert.")] = 1,
    patient_from: Annotated[
        str | None,
        typer.Option(
            help="Regular expression whose first group, found in a document's key, is the Patient's id; "
            "made from each document unless given.",
            callback=_pattern,
        ),
    ] = None,
    part_documents: Annotated[
        int, typer.Option(min=1, max=100_000, help="Documents of a part at most.")
    ] = 500,
) -> None:
    """Convert an archive of C-CDA documents to FHIR R4, in parts; a run that was stopped goes on.

    S3 is reached as the CHARTBRIDGE_S3_* settings say. Ends with 1 when a document could not be converted.
    """
    from chartbridge.batch import Options, command

    options = Options(format=format, patient_from=patient_from, part_documents=part_documents)  # type: ignore[arg-type]
    if not command.run(source, target, options, engine, jobs, settings_with()):  # type: ignore[arg-type]
        raise typer.Exit(1)
