"""Asking the networks again without being told each time: by a cohort's schedule, and after a discharge.

In: what cohorts have monitored, and discharges. Out: network queries, whose results come as those of any
other. An occasion of a schedule is entered once whatever happens, and goes on where it was after a crash.
"""
