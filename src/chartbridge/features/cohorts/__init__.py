"""Cohorts: named groups of patients, with what is monitored for their members.

    schemas       what is sent and answered; settings and their defaults
    service       create, read, change, delete cohorts; a patient's own cohorts
    membership    adding and removing many patients

In: a name, settings, patients. Out: cohorts with their size. A patient whom the account does not treat is
in no cohort whose purpose is treatment, whichever was said first. Monitors nothing itself.
"""
