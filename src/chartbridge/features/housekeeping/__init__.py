"""Taking away what nobody needs any longer, so that tables and the object store stay level.

In: the clock. Out: rounds of small removals, each bounded, repeatable, and entered once however many workers
run. What is removed, and after how long, stands with whoever owns it; here it is only called.
"""
