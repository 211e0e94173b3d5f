"""Truth tables made by hand from real documents, and the measurement of consolidation against them.

A table (`*.toml`) lists the facts that all documents of one test patient tell, each once, as a clinician
reads them. `python -m tests.consolidate.truth [patient]` converts the documents, makes one chart and says
which facts stand once, which twice, which are missing, and which resources match no fact or several.

    table      the tables as typed rows
    statement  what one resource of a chart states, in the same terms as a row
    dates      when a stated date and a row's date can be the same
    scoring    statements against rows: precision, recall and the findings
    charts     documents to chart, the way the product does it

How the tables were made and what counts as one fact: docs/consolidation-quality.md.
"""
