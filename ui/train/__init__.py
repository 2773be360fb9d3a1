"""The Train page: its settings, its runs at work, and what is shown of them."""
