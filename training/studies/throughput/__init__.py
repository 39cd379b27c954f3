"""Times self-play beside other ways to generate games."""
