"""Features: one folder a noun of the API. A feature uses another through its ``service`` module only."""
