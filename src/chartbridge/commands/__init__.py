"""What each command does. :mod:`chartbridge.cli` declares them; results go to stdout, talk to stderr."""
