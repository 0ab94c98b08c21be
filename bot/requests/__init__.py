"""What a person typed or pressed, free of any transport."""
