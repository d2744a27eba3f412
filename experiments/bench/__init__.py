"""The bench: how far the credit of attribution models is from what ads caused, under which assumptions."""
