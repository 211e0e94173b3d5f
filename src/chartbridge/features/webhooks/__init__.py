"""Messages to the application: stored, signed, delivered at least once.

In: an event of another feature, within that feature's transaction. Out: an HTTP POST whose exact
bytes are signed, tried again with growing pauses until it succeeds or its attempts are used up.
A message never names a presigned URL in the database: it names the object, and the URL is made anew
at each attempt, so that a late delivery still carries a URL that works.
"""
