"""Facilities: the places on whose behalf records are asked for.

In: a name, an NPI and an address. Out: facilities, each with an OID of its own. An NPI belongs to one
facility of a tenant and never changes; a facility that has patients cannot be removed.
"""
