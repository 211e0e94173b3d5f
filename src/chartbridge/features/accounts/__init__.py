"""What a tenant has set for itself: its webhook and the filters of its medical record summary."""
