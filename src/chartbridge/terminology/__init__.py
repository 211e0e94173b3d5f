"""Code systems, their designations, the relations and maps between them, and units.

In: an edition, which is one read-only SQLite file. Out: what it says of a code.

Never: guesses. What an edition does not hold is unknown, and says so.
"""
