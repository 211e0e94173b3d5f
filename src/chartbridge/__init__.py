"""Chartbridge: gathers a patient's records from health networks and makes one FHIR R4 chart of them."""

__version__ = "0.1.0"
