"""Finding things in a patient's record by their text: queries, words, and what matches."""
