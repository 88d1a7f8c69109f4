"""What a running server does under load, and how soon it answers."""
