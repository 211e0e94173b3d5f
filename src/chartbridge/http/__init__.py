"""What every operation of the API shares (the contract's conventions).

In: requests. Out: the tenant they belong to, validated values, and answers in the contract's forms:
the error envelope, version tags, pages, rate limits. No operation lives here, and nothing here
knows a feature.
"""
