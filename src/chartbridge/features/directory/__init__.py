"""The directory of the networks' organizations: who can be asked for records, and who takes messages.

In: the files that networks publish (FHIR Bundles, NDJSON) and NPPES's CSV, by command. Out: pages of
entries. It belongs to no tenant: all accounts of an environment read the same, and none can write it. The
sandbox's, when empty, is filled with an invented sample.
"""
