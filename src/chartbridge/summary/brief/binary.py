"""The brief as the chart's Binary (contract, consolidated 6.3)."""

from __future__ import annotations

import base64

from chartbridge.fhir.ids import name_based_id, namespace
from chartbridge.summary.brief.facts import Brief, Json

SOURCE = "metriport:ai-generated-brief"
"""The ``meta.source`` by which clients, and the summary's page, know the brief."""
SENTENCE_URL = "https://chartbridge.dev/fhir/StructureDefinition/brief-sentence"
WRITER_URL = "https://chartbridge.dev/fhir/StructureDefinition/brief-writer"
_BRIEFS = namespace("brief")


def binary(brief: Brief, patient_id: str, *, writer: str) -> Json:
    """The Binary; its id is the patient's for ever.

    ``writer`` is `rules` or the name of a model. A Binary has no extensions of its own in R4, so those of
    its ``meta`` say who wrote it and what each sentence is told from: as URIs, not as references, for a
    reader who asks for the brief alone does not ask for the chart with it.
    """
    return {
        "resourceType": "Binary",
        "id": name_based_id(_BRIEFS, patient_id),
        "meta": {
            "extension": [
                {"url": WRITER_URL, "valueString": writer},
                *(
                    {
                        "url": SENTENCE_URL,
                        "extension": [
                            {"url": "text", "valueString": sentence.text},
                            *({"url": "source", "valueUri": name} for name in sentence.references),
                        ],
                    }
                    for sentence in brief.sentences
                ),
            ],
            "source": SOURCE,
        },
        "contentType": "text/plain",
        "data": base64.b64encode(brief.text.encode()).decode(),
    }


def is_brief(resource: Json) -> bool:
    """Whether a resource is a chart's brief."""
    return resource["resourceType"] == "Binary" and (resource.get("meta") or {}).get("source") == SOURCE
