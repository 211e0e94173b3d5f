"""Organizations: who an account is, one in each environment.

    schemas    what is sent and answered
    service    create, find, replace; and the one that the sandbox makes out of the first facility

In: a name, a kind and an address. Out: the organization, with an OID of its own. It cannot be deleted.
"""
