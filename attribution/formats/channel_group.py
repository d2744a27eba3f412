"""The door to GA4's default channel groups under their earlier name; the table is `cpalab.ga4_channels`."""

from cpalab.ga4_channels import default_channel_group

__all__ = ["default_channel_group"]
