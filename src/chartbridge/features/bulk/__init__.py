"""Many patients from one file: a CSV in, a CSV out that tells what became of each row.

    sheet          the file: encoding, separator, header, rows; streamed, and refused as a whole or not at all
    columns        which columns there are, in all their spellings, and where they stand in a file
    cells          what a single cell means: names, dates, numbers as people type them
    addresses      the address of a row's group of columns
    rows           a row as a patient to create, or the reasons why it is none
    outcome_sheet  the result file

In: an uploaded file. Out: patients created or found, jobs that gather their records, webhooks, the result
file. Never: half a row, a value that is guessed, a row that is passed over without a word.
"""
