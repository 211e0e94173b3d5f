"""Cohorts: named groups of patients, with what is monitored for their members."""
