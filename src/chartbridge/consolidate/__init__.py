"""One chart per patient, from everything that was found about them.

In: FHIR R4 resources as plain dicts, grouped by the document they come from (`merge.SourceBundle`).
Out: one `merge.Chart`, the same whatever the order of the documents; and, from a chart, the part that a
request asks for (`bundle.select`) as a Bundle (`bundle.searchset`).

    spaces          ids that two parties gave independently, kept apart
    merge           join the sources: one resource for one statement, every source kept
    provenance      where a resource comes from: meta.source and the two source extensions
    references      find and rewrite references
    resource_types  the type names that requests may filter by
    filters         by type and by date
    hydrate         add what the kept resources refer to
    bundle          filter, hydrate, put the current Patient in, wrap

Never: touches its input, reads a clock, joins resources that differ in a clinical element.
"""
