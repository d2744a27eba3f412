"""The law: what one person does in one session, step by step."""
