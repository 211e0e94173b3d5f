"""One chart per patient, from everything that was found about them.

In: FHIR R4 resources as plain dicts, grouped by the document they come from (`merge.SourceBundle`).
Out: one `merge.Chart`, the same whatever the order of the documents; and, from a chart, the part that a
request asks for (`bundle.select`) as a Bundle (`bundle.searchset`).

    spaces          ids that two parties gave independently, kept apart
    sources         what goes in; of one resource's versions the newest
    merge           join the sources: one resource for one fact, every source kept
    rules           by type, when two resources are one: a table for each kind of resource
    rule            what such a rule is made of
    concepts, moments, values, words   when two codes, dates, values, names are the same
    clusters        which resources are one by a rule, whatever their order
    unite           one resource out of those that are one; nothing that was said is lost
    conflicts       statements that contradict each other, linked
    no_known        "no known allergies" gives way to a known one
    joining         all of this in the order of references
    identity        what has no rule is one where it says exactly the same
    provenance      where a resource comes from: meta.source and the two source extensions
    references, pointers   find and rewrite references
    resource_types  the type names that requests may filter by
    filters         by type and by date
    hydrate         add what the kept resources refer to
    bundle          filter, hydrate, put the current Patient in, wrap

Never: touches its input, reads a clock, joins statements that contradict each other. docs/consolidation.md
tells the rules.
"""
