"""Network queries: asking the networks for a patient's data.

In: a patient and the sources wanted (HIEs, pharmacies, laboratories). Out: documents and resources in
the patient's chart, and one webhook a source when it has ended.

A document query is the older way to ask the HIEs alone; it counts what is new and tells of its downloads
and its conversions.

One durable job a source; jobs of the same patient and source run one after the other. Each step can
be repeated: documents are entered once by their identity, bytes and conversions are written under
fixed keys, and a source ends, with its webhook, in one transaction.
"""
