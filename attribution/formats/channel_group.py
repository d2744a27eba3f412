"""`default_channel_group` under the name that scripts of users import it by; the table is `cpalab.ga4_channels`."""

from cpalab.ga4_channels import default_channel_group

__all__ = ["default_channel_group"]
