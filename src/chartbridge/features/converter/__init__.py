"""The converter as an endpoint: C-CDA in, FHIR R4 out, nothing stored."""
