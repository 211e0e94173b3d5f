"""Health networks: the connector protocol and the connectors.

In: a patient. Out: documents and FHIR resources, as :mod:`.protocol` says. Which connectors a tenant
has is decided in :mod:`.service`, nowhere else.
"""
