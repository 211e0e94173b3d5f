"""Pages about the API itself: the reference at ``/docs`` and the AsyncAPI document beside it.

Out: server-rendered HTML with a stylesheet of our own. They need no key, run no script and load nothing
from elsewhere, so they work offline; they show nothing of any tenant.
"""

from chartbridge.http.pages.routes import install as install
