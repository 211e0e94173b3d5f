"""Documents of a patient: what networks offered, their bytes, and what conversion made of them.

In: :class:`RemoteDocument` from a connector, and bytes. Out: FHIR DocumentReferences, download URLs,
and, to consolidation, the converted resources. A document is known by its network, home community
and unique id, so finding it again never stores it twice; a conversion is known by the hash of the
bytes and the converter's version, so nothing is converted twice.
"""
