"""The chart: one consolidated record a patient, and queries for parts of it.

In: what conversion and the networks left (documents, pharmacy and laboratory resources), what the
application contributes, and the current demographics. Out: an immutable snapshot, answers to consolidated
queries, medical record summaries, and an export of everything about a patient.

Consolidation writes a new snapshot and then moves one pointer, if nobody moved it meanwhile; else it
begins again with what is there by then. So a reader never sees half a chart, two sources that end at
once both get in, and a crash leaves the old chart in place. The current snapshot and the one before it are
kept; what is older, and results whose URLs have ended, are removed (``retention``).
"""
