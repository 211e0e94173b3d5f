"""The organization that an account is, one in each environment."""
