"""The medical record summary of a chart: one HTML page, and the same as PDF."""
