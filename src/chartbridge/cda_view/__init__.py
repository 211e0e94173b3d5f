"""A C-CDA document as a page to be read: HTML without scripts, and the same as PDF."""
