"""The real parts that tests run against: a PostgreSQL server, an S3 server, a webhook receiver and
the product's own processes. Everything is bound to loopback, keeps its files in a folder of its own,
and is ended by whoever started it.
"""
