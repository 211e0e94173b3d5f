"""Finding things in a patient's record by their text: queries, words, and what matches.

In: texts and what is looked for. Out: conditions for a database (:mod:`filters`, :mod:`content`), or the
resources of a chart that match in spite of typing errors (:mod:`fuzzy`). All text is compared in one
form, made by :func:`filters.words`, so that every database and every process answers the same.
"""
