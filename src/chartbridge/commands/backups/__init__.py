"""Backups of an embedded installation: everything that it keeps, in one folder or tar file.

In: the settings that name database, objects and secret, and where the backup is to be or lies. Out: a backup
with a list of its files, their sizes and SHA-256; or an installation as it was. A backup is there as a whole
or not at all, and nothing that is there already is ever written over.

    manifest.json      version, schema, time, and size and SHA-256 of each file
    chartbridge.sqlite the database, consistent in itself
    objects/           every object that the database names
    secret.key         unless CHARTBRIDGE_SECRET_KEY is set
    terminology/       imported editions, where they lie in the data folder
"""
