"""The directory of the networks' organizations: who can be asked for records, and who takes messages."""
