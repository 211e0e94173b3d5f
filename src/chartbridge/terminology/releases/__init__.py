"""Full releases of code systems, as an operator gets them from their publishers, read into rows.

In: a folder, a zip archive or a single file. Out: rows of an edition, one release a call of
:func:`~chartbridge.terminology.releases.loading.load`. Files are read line by line, so their size
does not matter; a zip archive is never unpacked.

Never: half a release. A file that is cut short, of another layout or at odds with its neighbours raises
:class:`~chartbridge.terminology.releases.problems.ReleaseError` with the file and the line.
"""
