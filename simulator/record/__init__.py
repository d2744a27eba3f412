"""The record: what each system saw of one frozen world, stage by stage."""
